//! Enumerations.

use super::source::types;

#[test]
fn constants_are_added_removed_and_renumbered() {
    assert_eq!(types("enum e { A, B };", "enum e { A, B, C };"), ["+e: +C=2"]);
    assert_eq!(types("enum e { A, B };", "enum e { A };"), ["!e: -B=1"]);
    assert_eq!(types("enum e { A, B };", "enum e { Z, A, B };"), ["!e: ~A=0->1; ~B=1->2; +Z=0"]);
    assert_eq!(types("enum e { A, B };", "enum e { B = 1, A = 0 };"), [""; 0]);
}

#[test]
fn who_holds_an_enumeration_changes_with_its_values_but_not_with_new_ones() {
    let with = |constants: &str| {
        format!(
            "enum e {{ {constants} }}; struct s {{ enum e state; enum e *p; }}; struct t {{ struct s s; }};"
        )
    };
    assert_eq!(types(&with("A"), &with("A, B")), ["+e: +B=1"]);
    assert_eq!(
        types(&with("A"), &with("A = 7")),
        ["!e: ~A=0->7", "!s: via state:e; only", "!t: via s:s; only"]
    );
}

#[test]
fn an_enumeration_may_grow() {
    assert_eq!(types("enum e { A };", "enum e { A, B = 0x100000000 };"), ["!e: size 4->8; +B=4294967296"]);
}
