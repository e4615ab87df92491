//! Members.

use super::source::types;

#[test]
fn equal_sources_differ_in_nothing() {
    let source = "
        typedef struct node node_t;
        struct node { node_t *next, *prev; union { int n; char c[4]; }; struct { unsigned a : 3, b : 5; } bits[2];
                      int (*call)(struct node *, const char *, ...); enum { LOW, HIGH } level; };
        typedef struct { node_t head; struct other *opaque; } list_t;
        list_t lists[3];";
    assert_eq!(types(source, source), [""; 0]);
}

#[test]
fn a_member_in_a_hole_is_an_addition_and_one_that_makes_it_larger_is_not() {
    assert_eq!(
        types("struct s { char a; long b; };", "struct s { char a; int x; long b; };"),
        ["+s: +int x@4"]
    );
    assert_eq!(
        types("struct s { char a; long b; };", "struct s { char a; long b; int x; };"),
        ["!s: size 16->24; +int x@16"]
    );
}

#[test]
fn removed_retyped_and_moved_members_make_old_memory_wrong() {
    assert_eq!(
        types("struct s { int a, b; };", "struct s { int a; char c[4]; };"),
        ["!s: -int b@4; +char c[4]@4"]
    );
    assert_eq!(types("struct s { int a; };", "struct s { unsigned a; };"), ["!s: ~a Number"]);
    assert_eq!(types("struct s { int a; };", "struct s { float a; };"), ["!s: ~a Number"]);
    assert_eq!(types("struct s { int a; };", "struct s { void *a; };"), ["!s: size 4->8; ~a Kind"]);
    assert_eq!(types("struct s { void *a; };", "struct s { char *a; };"), ["!s: ~a Pointee"]);
    assert_eq!(
        types("struct s { int a; int b; };", "struct s { int b; int a; };"),
        ["!s: ~a 0->32; ~b 32->0"]
    );
    assert_eq!(types("struct s { char n[8]; };", "struct s { char n[16]; };"), ["!s: size 8->16; ~n Length"]);
    assert_eq!(types("struct s { int n[2][3]; };", "struct s { int n[3][2]; };"), ["!s: ~n Length"]);
}

#[test]
fn bit_fields_change_in_width_and_place() {
    assert_eq!(
        types("struct s { unsigned a : 3, b : 5; };", "struct s { unsigned a : 4, b : 5; };"),
        ["!s: ~a bits Some(3)->Some(4); ~b 3->4"]
    );
    assert_eq!(
        types("struct s { unsigned a : 3; };", "struct s { unsigned a : 3, c : 1; };"),
        ["+s: +unsigned int c@0"]
    );
    assert_eq!(
        types("struct s { unsigned a : 32; };", "struct s { unsigned a; };"),
        ["!s: ~a bits Some(32)->None"]
    );
}

#[test]
fn other_names_of_one_type_are_compatible() {
    assert_eq!(
        types(
            "typedef unsigned long size; struct s { unsigned long n; };",
            "typedef unsigned long size; struct s { size n; };"
        ),
        ["=s: ~n Spelling"]
    );
    assert_eq!(types("struct s { char *n; };", "struct s { const char *n; };"), ["=s: ~n Spelling"]);
    assert_eq!(types("struct s { long n; };", "struct s { long long n; };"), ["=s: ~n Spelling"]);
    assert_eq!(types("struct s { int n; int e[0]; };", "struct s { int n; int e[]; };"), [""; 0]);
}

#[test]
fn pointers_to_functions_change_with_their_signature() {
    let with = |signature: &str| format!("struct e {{ int n; }}; struct s {{ {signature}; }};");
    assert_eq!(types(&with("int (*f)(int)"), &with("int (*f)(long)")), ["!s: ~f Signature"]);
    assert_eq!(types(&with("int (*f)(int)"), &with("int (*f)(int, int)")), ["!s: ~f Signature"]);
    assert_eq!(types(&with("int (*f)(int)"), &with("int (*f)(int, ...)")), ["!s: ~f Signature"]);
    assert_eq!(types(&with("int (*f)(int)"), &with("void (*f)(int)")), ["!s: ~f Signature"]);
    assert_eq!(types(&with("int (*f)(char *)"), &with("int (*f)(const char *)")), ["=s: ~f Spelling"]);
    assert_eq!(types(&with("int (*f[2])(struct e *)"), &with("int (*f[2])(struct e *)")), [""; 0]);
}

#[test]
fn a_type_that_holds_a_changed_one_changes_with_it_and_one_that_points_to_it_does_not() {
    let with = |inner: &str| {
        format!(
            "struct inner {{ {inner} }}; typedef struct inner inner_t;
             struct middle {{ int n; inner_t two[2]; long after; }};
             struct outer {{ struct middle m; }};
             struct apart {{ struct inner *p; struct outer *list[3]; void (*f)(struct inner); }};"
        )
    };
    assert_eq!(
        types(&with("int a;"), &with("int a, b;")),
        [
            "!inner: size 4->8; +int b@4",
            "!middle: size 24->32; ~after 128->192; via two:inner; only",
            "!outer: size 24->32; via m:middle; only",
        ]
    );
    // In a hole: nobody is larger, but everybody lacks something.
    assert_eq!(
        types(&with("char a; long c;"), &with("char a, b; long c;")),
        ["+inner: +char b@1", "+middle: via two:inner; only", "+outer: via m:middle; only"]
    );
    assert_eq!(types(&with("int a;"), &with("const int a;")), ["=inner: ~a Spelling"]);
}

#[test]
fn circles_of_types_end() {
    let with = |extra: &str| {
        format!(
            "struct a; struct b {{ struct a *a; {extra} }}; struct a {{ struct b b; struct a *(*f)(struct a *, struct b *); }};
             typedef struct {{ struct {{ void *(*g)(struct a (*)[2]); }} *self; }} anonymous;
             anonymous *root;"
        )
    };
    assert_eq!(types(&with(""), &with("")), [""; 0]);
    assert_eq!(
        types(&with(""), &with("int n;")),
        ["!b: size 8->16; +int n@8", "!a: size 16->24; ~f 64->128; via b:b; only"]
    );
}

#[test]
fn members_of_anonymous_types_are_their_owners() {
    // Without a name: as if they were its own.
    assert_eq!(
        types(
            "struct s { int a; union { int i; char c; }; };",
            "struct s { int a; union { int i; char c; float f; }; };"
        ),
        ["+s: +float f@4"]
    );
    assert_eq!(
        types("struct s { int a; int i; };", "struct s { int a; union { int i; char c; }; };"),
        ["!s: ~i overlaid; +char c@4"]
    );
    // With one: by path.
    assert_eq!(
        types("struct s { struct { int a; } n; };", "struct s { struct { int a, b; } n; };"),
        ["!s: size 4->8; +int n.b@4"]
    );
    assert_eq!(
        types("struct s { struct { char a; } n[4]; };", "struct s { struct { unsigned char a; } n[4]; };"),
        ["!s: ~n[].a Number"]
    );
    assert_eq!(
        types("struct s { enum { A, B } e; };", "struct s { enum { B, A } e; };"),
        ["!s: ~e Contents"]
    );
    assert_eq!(
        types("struct s { struct { int a; } *n; };", "struct s { struct { long a; } *n; };"),
        ["!s: ~n Pointee"]
    );
}

#[test]
fn what_an_anonymous_member_holds_is_held_by_its_owner() {
    let with = |inner: &str| {
        format!("struct in {{ {inner} }}; struct s {{ struct {{ struct {{ struct in x; }} deep; }} n; }};")
    };
    assert_eq!(types(&with("int a;"), &with("float a;")), ["!in: ~a Number", "!s: via n.deep.x:in; only"]);
}

#[test]
fn renames_are_guessed_by_place_and_by_name() {
    assert_eq!(
        types("struct s { int a; int old; };", "struct s { int a; int new; };"),
        ["!s: -int old@4; +int new@4; ?old->new"]
    );
    assert_eq!(
        types(
            "struct note { long at; int event; }; struct s { int a; int event; };",
            "struct note { long at; int event; }; struct s { int a; struct note n; };"
        ),
        ["!s: size 8->24; -int event@4; +struct note n@8; ?event->n.event"]
    );
    // Of another type: no.
    assert_eq!(
        types("struct s { int a; int old; };", "struct s { int a; float new; };"),
        ["!s: -int old@4; +float new@4"]
    );
}

#[test]
fn a_structure_may_become_a_union() {
    assert_eq!(types("struct s { int a; };", "union s { int a; };"), ["!s: Structure->Union"]);
}
