//! Which type of one release is which of the other.

use super::source::{lines, table_of, types};
use mcrx_debuginfo::compare::compare;

#[test]
fn types_come_and_go_by_their_names() {
    assert_eq!(
        types("struct gone { int a; }; enum left { L };", "union here { int a; }; typedef int number;"),
        ["added here", "added number", "removed gone", "removed left"]
    );
}

#[test]
fn a_typedef_of_a_named_type_is_no_type_of_its_own() {
    assert_eq!(types("int x;", "typedef struct s { int a; } s_t, *s_p;"), ["added s", "added s_p"]);
    assert_eq!(types("int x;", "typedef struct { int a; } s_t;"), ["added s_t"]);
}

#[test]
fn an_anonymous_type_pairs_by_its_typedef() {
    assert_eq!(
        types("typedef struct { int a; } s_t; s_t *p;", "typedef struct { int a, b; } s_t; s_t *p;"),
        ["!s_t: size 4->8; +int b@4"]
    );
    assert_eq!(types("typedef enum { A } e_t;", "typedef enum { A = 2 } e_t;"), ["!e_t: ~A=0->2"]);
}

#[test]
fn an_anonymous_type_that_got_a_tag_is_one_change_and_not_one_for_each_that_points_to_it() {
    let others = "struct user { elt_t *one, **two; elt_t held; void (*f)(elt_t *); };";
    assert_eq!(
        types(
            &format!("typedef struct {{ int a; }} elt_t; {others}"),
            &format!("typedef struct elt_s elt_t; struct elt_s {{ int a; }}; {others}")
        ),
        ["=elt_s: None->Some(\"elt_s\")"]
    );
    assert_eq!(
        types(
            &format!("typedef struct {{ int a; }} elt_t; {others}"),
            &format!("typedef struct elt_s elt_t; struct elt_s {{ int a; elt_t *next; }}; {others}")
        ),
        [
            "!elt_s: size 4->16; None->Some(\"elt_s\"); +elt_t *next@8",
            "!user: size 32->40; ~f 192->256; via held:elt_s; only",
        ]
    );
}

#[test]
fn a_typedef_may_come_to_name_something_else() {
    assert_eq!(types("typedef int t; t x;", "typedef unsigned t; t x;"), ["!t: target Number"]);
    assert_eq!(
        types("typedef int (*t)(int); t x;", "typedef int (*t)(void *); t x;"),
        ["!t: target Signature"]
    );
    assert_eq!(
        types("typedef long n; typedef long t;", "typedef long n; typedef n t;"),
        ["=t: target Spelling"]
    );
    // Whoever has a member of it has changed, too.
    assert_eq!(
        types("typedef int t; struct s { t x; };", "typedef unsigned t; struct s { t x; };"),
        ["!s: ~x Number", "!t: target Number"]
    );
}

#[test]
fn types_of_one_name_pair_with_those_that_are_most_alike() {
    let [one, other, third] = [
        "struct dict { int size; void *table; int used; }; struct dict one;",
        "struct dict { char *name; long mask; }; struct dict other;",
        "struct dict { char *name; long mask; int more; }; struct dict other;",
    ];
    let old = table_of(&[("a.c", one), ("b.c", other)]);
    for sources in [[("a.c", one), ("b.c", third)], [("b.c", third), ("a.c", one)]] {
        let new = table_of(&sources);
        assert_eq!(lines(&compare(&old, &new)), ["!dict: size 16->24; +int more@16"]);
    }
    let alone = table_of(&[("b.c", third)]);
    assert_eq!(lines(&compare(&old, &alone)), ["!dict: size 16->24; +int more@16", "removed dict"]);
}

#[test]
fn members_that_point_to_one_of_several_types_of_a_name_are_told_apart() {
    let [one, other] = ["struct in { int a; };", "struct in { long b, c; };"];
    let old = table_of(&[
        ("a.c", &format!("{one} struct s {{ struct in *p; }}; struct s s;")),
        ("b.c", &format!("{other} struct t {{ struct in *p; }}; struct t t;")),
    ]);
    let new = table_of(&[
        ("a.c", &format!("{one} struct s {{ struct in *p; }}; struct s s;")),
        ("b.c", &format!("{one} struct u {{ struct in *p; }}; struct u u;")),
        ("c.c", &format!("{other} struct t {{ struct in *p; }}; struct t t;")),
    ]);
    assert_eq!(lines(&compare(&old, &new)), ["added u"]);
}

#[test]
fn a_type_that_only_one_release_defines_is_neither_added_nor_removed() {
    assert_eq!(
        types(
            "struct opaque; struct s { struct opaque *p; };",
            "struct opaque { int n; }; struct s { struct opaque *p; };"
        ),
        [""; 0]
    );
}

#[test]
fn types_that_differ_only_in_what_a_unit_knows_of_others_are_one() {
    // Who includes only the declaration of an entry sees another table, but not another layout.
    let (opaque, whole) = ("struct entry;", "struct entry { int key; };");
    let table = |more: &str| {
        format!("struct table {{ struct entry **entries; int used; {more} }}; struct table TABLE;")
    };
    let other = ("c.c", "struct entry { char *name; }; struct entry other;");
    let of = |more: &str| {
        let inside = format!("{whole}{}", table(more).replace("TABLE", "one"));
        let outside = format!(
            "{opaque}{} struct user {{ struct table *t; }} user;",
            table(more).replace("TABLE", "two")
        );
        table_of(&[("a.c", &inside), ("b.c", &outside), other])
    };
    assert_eq!(lines(&compare(&of(""), &of(""))), [""; 0]);
    assert_eq!(lines(&compare(&of(""), &of("long more;"))), ["!table: size 16->24; +long int more@16"]);
}
