//! What becomes of variables and functions.

use super::between::{questions, rules, table};
use mcrx_dsl::pairing::{Origin, Pairing};

#[test]
fn variables_go_by_name_and_are_converted() {
    let (old, new) = (
        table("int a; long b; char *c; const int limit = 3;"),
        table("long a; long b; char *c; const int limit = 4;"),
    );
    let nothing = rules("");
    let pairing = Pairing::of(&old, &new, &nothing.rules);
    let becomes = |name: &str| {
        let pair = pairing.variables.iter().find(|pair| pair.new.is_some_and(|new| new.name() == name));
        pair.and_then(|pair| pair.origin.clone())
    };
    for name in ["a", "b", "c"] {
        assert!(matches!(becomes(name), Some(Origin::Old { .. })), "{name}");
    }
    // What the program cannot change is the new release's.
    assert!(matches!(becomes("limit"), Some(Origin::Reset)));
}

#[test]
fn a_variable_that_is_gone_or_of_another_kind_is_asked_about_unless_said() {
    let (old, new) = ("int a; int b; int kept;", "struct { int b; } stats; int *kept;");
    assert_eq!(
        questions(old, new, ""),
        [
            "`int kept` is now `int *kept`: how does one become the other?",
            "`int a` is gone: what becomes of what it says?",
            "`int b` is gone: what becomes of what it says?",
        ]
    );
    assert!(questions(old, new, "global a drop\nglobal b -> stats.b\nglobal kept keep new").is_empty());
    assert!(questions(old, new, "global a drop\nglobal b -> stats.b\nglobal kept = null").is_empty());
    assert!(questions(old, new, "todo \"a, b and kept?\"").is_empty());
}

#[test]
fn functions_go_by_name_or_as_a_rule_says() {
    let (old, new) = (
        table("int f(void) { return 1; } int g(void) { return 2; }"),
        table("int f(void) { return 1; } int h(void) { return 2; }"),
    );
    let becomes = |text: &str| -> Vec<String> {
        let loaded = rules(text);
        let pairing = Pairing::of(&old, &new, &loaded.rules);
        let name = |pair: &mcrx_dsl::pairing::FunctionPair<'_>| {
            format!("{} -> {}", pair.old.name(), pair.new.map_or("", |new| new.name()))
        };
        let mut lines: Vec<String> = pairing.functions.iter().map(name).collect();
        lines.sort();
        lines
    };
    assert_eq!(becomes(""), ["f -> f", "g -> "]);
    assert_eq!(becomes("function g -> h"), ["f -> f", "g -> h"]);
}
