//! What is automatic.

use super::between::of;

#[test]
fn a_type_that_did_not_change_keeps_its_bytes() {
    let source = "struct inner { int n; }; struct t { struct inner a; struct t *next; void (*call)(int); char *text; };";
    assert_eq!(of(source, source, "", "t"), ["same"]);
}

#[test]
fn a_type_that_only_points_to_what_changed_keeps_its_bytes() {
    let source = |size: u32| format!("struct inner {{ char n[{size}]; }}; struct t {{ struct inner *a; }};");
    assert_eq!(of(&source(1), &source(2), "", "t"), ["same"]);
}

#[test]
fn members_are_found_by_name_wherever_they_are() {
    let old = "struct t { int a; long b; char c; };";
    let new = "struct t { char c; long b; int a; };";
    assert_eq!(of(old, new, "", "t"), ["c@16 -> c@0", "b@8 -> b@8", "a@0 -> a@16"]);
}

#[test]
fn numbers_are_widened_by_the_old_ones_sign() {
    let old = "struct t { int a; unsigned b; short c; unsigned char d; float e; };";
    let new = "struct t { long a; unsigned long b; unsigned short c; signed char d; double e; };";
    let want = [
        "a@0 -> a@0 i32 to i64",
        "b@4 -> b@8 u32 to u64",
        "c@8 -> c@16",
        "d@10 -> d@18",
        "e@12 -> e@24 i32 to i64",
    ];
    assert_eq!(of(old, new, "", "t"), want);
}

#[test]
fn bit_fields_go_from_bits_to_bits() {
    let old = "struct t { unsigned a : 3; unsigned b : 5; int c : 2; };";
    let new = "struct t { unsigned b : 6; unsigned a : 3; int c; };";
    let want = ["b@0.3:5 -> b@0.0:6 u5 to u6", "a@0.0:3 -> a@0.6:3 u3 to u3", "c@1.0:2 -> c@4 i2 to i32"];
    assert_eq!(of(old, new, "", "t"), want);
}

#[test]
fn an_array_that_grows_keeps_its_elements() {
    let old = "struct e { int a; }; struct t { int n[2]; struct e e[3]; };";
    let new = "struct e { int a; }; struct t { long n[4]; struct e e[3]; };";
    let want = ["n@0 -> n@0 [2*4] to [4*8] i32 to i64", "e@8 -> e@32 [3*4] to [3*4] as e"];
    assert_eq!(of(old, new, "", "t"), want);
}

#[test]
fn a_structure_inside_goes_by_its_own_pairing() {
    let old = "struct in { int a; }; struct t { struct in x; int y; };";
    let new = "struct in { long a; }; struct t { struct in x; int y; };";
    assert_eq!(of(old, new, "", "t"), ["x@0 -> x@0 as in", "y@4 -> y@8"]);
    assert_eq!(of(old, new, "", "in"), ["a@0 -> a@0 i32 to i64"]);
}

#[test]
fn an_anonymous_structure_goes_by_the_member_that_it_is() {
    let old = "struct t { struct { int a; int b; } in; struct { int c; } list[2]; };";
    let new = "struct t { struct { int b; int a; } in; struct { long c; } list[2]; };";
    let want = [
        "in@0 -> in@0 { in.b@4 -> in.b@0, in.a@0 -> in.a@4 }",
        "list@8 -> list@8 [2*4] to [2*8] { list[].c@0 -> list[].c@0 i32 to i64 }",
    ];
    assert_eq!(of(old, new, "", "t"), want);
}

#[test]
fn members_of_unnamed_structures_are_the_outer_ones_own() {
    let old = "struct t { struct { int a; int b; }; };";
    let new = "struct t { int b; struct { int a; }; };";
    assert_eq!(of(old, new, "", "t"), ["b@4 -> b@0", "a@0 -> a@4"]);
}

#[test]
fn a_union_keeps_its_bytes_if_its_members_keep_theirs() {
    let old = "struct t { int kind; union { int n; char *text; }; union { int x; } u; };";
    let new =
        "struct t { long more; int kind; union { int n; char *text; long wide[2]; }; union { int x; } u; };";
    let rules = "type t { more = 0 }";
    let want = ["more@0 = ...", "kind@0 -> kind@8", "n@8 -> n@16 union", "u@16 -> u@32 union"];
    assert_eq!(of(old, new, rules, "t"), want);
}

#[test]
fn an_enumeration_goes_by_the_names_of_its_constants() {
    let old = "enum e { A, B, C }; struct t { enum e state; };";
    let new = "enum e { A, N, B, C }; struct t { enum e state; };";
    assert_eq!(of(old, new, "", "t"), ["state@0 -> state@0 as e"]);
    assert_eq!(of(old, new, "", "e"), [r#"("A", 0, 0)"#, r#"("B", 1, 2)"#, r#"("C", 2, 3)"#]);
    // A new constant alone changes no old value.
    assert_eq!(of(old, "enum e { A, B, C, N }; struct t { enum e state; };", "", "t"), ["same"]);
}

#[test]
fn a_pointer_is_kept_whatever_became_of_what_it_leads_to() {
    let old = "struct in { int a; }; struct t { int pad; struct in *x; int (*call)(int); char *s; void *any; int **far; };";
    let new = "struct in { long a; }; struct t { struct in *x; long (*call)(void *); unsigned char *s; int *any; int **far; int pad; };";
    let want = [
        "x@8 -> x@0 *in",
        "call@16 -> call@8 *Function",
        "s@24 -> s@16 *Text",
        "any@32 -> any@24 *Opaque",
        "far@40 -> far@32 *Other",
        "pad@0 -> pad@40",
    ];
    assert_eq!(of(old, new, "", "t"), want);
}

#[test]
fn an_anonymous_type_is_the_one_that_its_typedef_names_though_it_got_a_tag() {
    let old = "typedef struct { int a; } t; struct u { t *x; };";
    let new = "typedef struct t_s t; struct t_s { long a; }; struct u { t *x; };";
    assert_eq!(of(old, new, "", "t_s"), ["a@0 -> a@0 i32 to i64"]);
    assert_eq!(of(old, new, "", "u"), ["same"]);
}

#[test]
fn a_lock_is_the_new_releases() {
    let old = "#include <pthread.h>\nstruct t { int a; pthread_mutex_t gone; };";
    let new = "#include <pthread.h>\nstruct t { int a; pthread_cond_t added; };";
    assert_eq!(of(old, new, "", "t"), ["a@0 -> a@0", "added@8 reset", "dropped gone"]);
}
