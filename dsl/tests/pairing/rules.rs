//! What rules say.

use super::between::{of, questions};

const OLD: &str = "struct t { int a; int b; char *c; };";

#[test]
fn a_rename_pairs_two_names() {
    let new = "struct t { int x; int b; char *c; };";
    assert_eq!(
        of(OLD, new, "type t { a -> x }", "t"),
        ["a@0 -> x@0", "b@4 -> b@4", "c@8 -> c@8 *Text", "dropped a"]
    );
}

#[test]
fn a_member_may_move_into_a_structure_that_is_new_or_was_there() {
    let new = "struct in { int a; int more; }; struct t { struct in n; int b; char *c; };";
    let want = [
        "n@0 { a@0 -> n.a@0, n.more@4 ? }",
        "b@4 -> b@8",
        "c@8 -> c@16 *Text",
        "dropped a",
        "`int n.more` is new: what is its value in objects that live?",
    ];
    assert_eq!(of(OLD, new, "type t { a -> n.a }", "t"), want);
    let old = "struct in { int x; }; struct t { int a; struct in n; };";
    let new = "struct in { int x; int a; }; struct t { struct in n; };";
    let want = ["n@4 -> n@0 as in", "then a@0 -> n.a@4", "dropped a"];
    assert_eq!(of(old, new, "type in { a = 0 }\ntype t { a -> n.a }", "t"), want);
}

#[test]
fn a_value_answers_for_the_new_member_and_for_the_old_ones_that_it_looks_at() {
    let new = "struct t { int blocks; char *c; };";
    let rules = "type t { blocks = (old.a + old.b + 7) / 8 }";
    assert_eq!(of(OLD, new, rules, "t"), ["blocks@0 = ...", "c@8 -> c@8 *Text", "dropped a", "dropped b"]);
}

#[test]
fn drop_and_reset_answer() {
    let new = "struct t { int b; char *c; int d; };";
    let rules = "type t { drop a  reset d }";
    assert_eq!(of(OLD, new, rules, "t"), ["b@4 -> b@0", "c@8 -> c@8 *Text", "d@16 reset", "dropped a"]);
}

#[test]
fn of_two_statements_about_one_type_the_later_one_counts() {
    let new = "struct t { int x; int b; char *c; };";
    let rules = "type t { drop a  x = 0 }\ntype t { a -> x }";
    assert_eq!(of(OLD, new, rules, "t"), of(OLD, new, "type t { a -> x }", "t"));
}

#[test]
fn a_type_may_become_one_of_another_name() {
    let old = format!("{OLD} struct u {{ struct t *t; }};");
    let new = "struct other { int a; int b; char *c; }; struct u { struct other *t; };";
    let rules = "type t -> other { }";
    assert_eq!(of(&old, new, rules, "u"), ["same"]);
    assert_eq!(of(&old, new, rules, "other"), ["same"]);
}

#[test]
fn a_split_fills_what_is_made_besides_only_as_it_is_told() {
    let new = "struct t { int a; }; struct auth { char *c; int b; int extra; };";
    let rules = "type t -> t + auth { auth.c = old.c  auth.b = old.b }";
    let want = [
        "a@0 -> a@0",
        "c@0 = ...",
        "b@8 = ...",
        "extra@12 ?",
        "dropped b",
        "dropped c",
        "`int extra` is new: what is its value in objects that live?",
    ];
    assert_eq!(of(OLD, new, rules, "t"), want);
}

#[test]
fn a_merge_takes_members_from_each_of_the_old_types() {
    let old = "struct t { int a; }; struct auth { char *c; };";
    let new = "struct t { char *c; int a; };";
    assert_eq!(of(old, new, "type t + auth -> t { }", "t"), ["c@0 -> c@0 *Text", "a@0 -> a@8"]);
}

#[test]
fn a_union_is_made_of_the_member_that_a_rule_sets() {
    let old = "struct t { int kind; union { int n; int m; }; };";
    let new = "struct t { int kind; union { long n; int m; }; };";
    let rules = "type t { n = old.n }";
    assert_eq!(of(old, new, rules, "t"), ["kind@0 -> kind@0", "n@8 = ..."]);
}

#[test]
fn a_union_that_is_a_member_is_made_of_the_part_that_a_rule_sets() {
    let old = "struct t { int kind; union { int n; int m; } u; };";
    let new = "struct t { int kind; union { long n; int m; } u; };";
    let rules = "type t { u.n = old.u.n }";
    assert_eq!(of(old, new, rules, "t"), ["kind@0 -> kind@0", "u@8 reset", "then u.n@8 = ..."]);
}

#[test]
fn a_fact_that_tells_which_member_of_a_union_counts_answers() {
    let old = "struct t { int kind; union { int n; char c; } u; } *variable;";
    let new = "struct t { int kind; union { long n; char c; } u; } *variable;";
    assert_eq!(questions(old, new, "").len(), 1);
    let fact = "field t.u : match kind { 1 => .n  _ => .c }";
    assert!(questions(old, new, fact).is_empty());
    assert_eq!(of(old, new, fact, "t"), ["kind@0 -> kind@0", "u@4 -> u@8 union"]);
}

#[test]
fn a_drained_type_is_not_asked_about() {
    let (old, new) = ("struct t { int a; } *variable;", "struct t { int a; int b; } *variable;");
    assert_eq!(questions(old, new, "").len(), 1);
    assert!(questions(old, new, "drain t within 5s").is_empty());
}

#[test]
fn a_hole_stands_for_what_its_statement_leaves_open() {
    let (old, new) = ("struct t { int a; } *variable;", "struct t { long b; } *variable;");
    assert_eq!(questions(old, new, "").len(), 2);
    assert!(questions(old, new, "type t { todo \"what becomes of a, and what is b?\" }").is_empty());
    // In the place of a value for that member, and for the old ones that it names.
    assert_eq!(questions(old, new, "type t { b = todo \"what?\" }").len(), 1);
    assert!(questions(old, new, "type t { b = todo \"was it `a`?\" }").is_empty());
}

#[test]
fn a_statement_about_what_is_not_there_changes_nothing() {
    let new = "struct t { int a; int b; char *c; };";
    assert_eq!(of(OLD, new, "type nothing { a -> b }\ntype u -> v { }", "t"), ["same"]);
    let kept = ["a@0 -> a@0", "b@4 -> b@4", "c@8 -> c@8 *Text"];
    let found = of(OLD, new, "type t { x -> y  z = 1 }", "t");
    assert!(found == kept || found == ["same"], "{found:?}");
}
