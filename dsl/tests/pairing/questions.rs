//! What nobody may guess.

use super::between::{of, questions};

fn only(old: &str, new: &str) -> String {
    let held = |source: &str| format!("{source} struct holder {{ struct t *t; }}; struct holder holder;");
    let found = questions(&held(old), &held(new), "");
    match found.as_slice() {
        [one] => one.clone(),
        _ => panic!("{found:#?}"),
    }
}

#[test]
fn a_new_member_is_asked_for_its_first_value() {
    assert_eq!(
        only("struct t { int a; };", "struct t { int a; int b; };"),
        "`int b` is new: what is its value in objects that live?"
    );
}

#[test]
fn a_member_that_is_gone_is_asked_about() {
    assert_eq!(
        only("struct t { int a; char *b; };", "struct t { int a; };"),
        "`char *b` is gone: what becomes of what it says?"
    );
}

#[test]
fn another_kind_is_asked_about() {
    for (old, new, want) in [
        ("int a", "int *a", "`int a` is now `int *a`"),
        ("struct { int x; } a", "struct { int x; } *a", "is now `struct { ... } *a`"),
        ("int *a", "long *a", "`int *a` is now `long int *a`"),
        ("float a", "int a", "`float a` is now `int a`"),
        ("int a", "int a[1]", "`int a` is now `int a[1]`"),
        ("int a", "enum e { A } a", "`int a` is now `enum e a`"),
    ] {
        let source = |member: &str| format!("struct t {{ {member}; }};");
        let found = only(&source(old), &source(new));
        assert!(found.contains(want) && found.ends_with(": how does one become the other?"), "{found}");
    }
}

#[test]
fn a_number_that_may_not_fit_is_asked_about() {
    for (old, new) in
        [("long a", "int a"), ("int a", "int a : 5"), ("int a", "_Bool a"), ("double a", "float a")]
    {
        let source = |member: &str| format!("struct t {{ {member}; }};");
        let found = only(&source(old), &source(new));
        assert!(found.ends_with(": what if a value does not fit?"), "{found}");
    }
}

#[test]
fn an_array_that_shrinks_is_asked_about() {
    let found = only("struct t { int a[4]; };", "struct t { int a[2]; };");
    assert!(found.ends_with("what becomes of the elements without a place?"), "{found}");
}

#[test]
fn a_union_whose_members_changed_is_asked_about() {
    let found =
        only("struct t { union { int a; char c; } u; };", "struct t { union { long a; char c; } u; };");
    assert_eq!(found, "the union `u` changed: which of its members counts, and when?");
    // Also where only what a member holds did.
    let source = |ty: &str| {
        format!("struct in {{ {ty} n; }}; struct t {{ int k; union {{ struct in in; char c[16]; }}; }};")
    };
    let held = |source: &str| format!("{source} struct t *variable;");
    let found = questions(&held(&source("int")), &held(&source("long")), "");
    assert_eq!(found, ["the union `in` changed: which of its members counts, and when?"]);
}

#[test]
fn a_value_whose_constant_is_gone_is_asked_about_where_it_is() {
    let source = |constants: &str| format!("enum e {{ {constants} }}; struct t {{ enum e state; }};");
    assert_eq!(
        only(&source("A, B, C"), &source("A, C")),
        "B is gone: what becomes of `state` where it has that value?"
    );
}

#[test]
fn a_flexible_array_whose_elements_changed_is_asked_about() {
    let source = |ty: &str| format!("struct t {{ long n; {ty} rest[]; }};");
    assert_eq!(
        only(&source("int"), &source("long")),
        "the elements of `int rest[]` changed: how many are there?"
    );
    // Bytes that moved with the header are not: as many as there were.
    let moved = of("struct t { int n; char rest[]; };", "struct t { long n; char rest[]; };", "", "t");
    assert_eq!(moved, ["n@0 -> n@0 i32 to i64", "rest@4 -> rest@8"]);
}

#[test]
fn a_container_is_asked_about_once_its_elements_may_have_another_size() {
    let list = "struct list { void *elts; unsigned long nelts; unsigned long size; }; struct list *list;";
    let (old, new) = (format!("{list} struct e {{ int a; }};"), format!("{list} struct e {{ int a[2]; }};"));
    assert_eq!(
        questions(&old, &new, ""),
        ["`void *elts` leads to elements of a stored size: of which types are they?"]
    );
    assert!(questions(&old, &old, "").is_empty());
    for said in [
        "container list { elements = elts[nelts] stride = size }",
        "field list.elts : infer[nelts] stride size",
    ] {
        assert!(questions(&old, &new, said).is_empty());
    }
}

#[test]
fn a_counter_that_is_kept_while_its_list_is_replaced_is_asked_about() {
    let old = "struct t { int *free_list; int free_n; int other_n; }; struct t *variable;";
    let new = "struct t { long *free_stack; int free_n; int other_n; }; struct t *variable;";
    let answered = "type t { drop free_list  free_stack = null }";
    assert_eq!(
        questions(old, new, answered),
        [
            "`int free_n` is kept, though `free_list` is gone and `free_stack` is new: does it still count the same?"
        ]
    );
    assert!(questions(old, new, "type t { drop free_list  free_stack = null  free_n = 0 }").is_empty());
}

#[test]
fn a_type_that_nothing_lasting_leads_to_is_not_asked_about() {
    let source = |members: &str| format!("struct t {{ {members} }}; int f(struct t *t) {{ return t->a; }}");
    assert!(questions(&source("int a;"), &source("int a; int b;"), "").is_empty());
}

#[test]
fn what_is_new_in_a_variable_is_as_start_up_leaves_it() {
    let source = |members: &str| format!("struct t {{ {members} }} variable;");
    assert!(questions(&source("int a;"), &source("int a; int b;"), "").is_empty());
    // What is gone from it is not.
    assert_eq!(questions(&source("int a; int b;"), &source("int a;"), "").len(), 1);
}
