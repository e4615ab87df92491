//! Global and static variables.

use super::source::table_of;
use mcrx_debuginfo::compare::{Effect, compare};

fn variables(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<String> {
    let (old, new) = (table_of(old), table_of(new));
    let comparison = compare(&old, &new);
    let found = &comparison.variables;
    let changed = found.changed.iter().map(|change| {
        let mut line = format!("~{}", change.new.name());
        if let Some(difference) = change.difference {
            line.push_str(&format!(" {difference:?}"));
        }
        if let Some((name, _)) = change.via {
            line.push_str(&format!(" via {name}"));
        }
        for (is, word) in [
            (change.is_relinked, " relinked"),
            (change.is_moved, " moved"),
            (change.is_in_another_unit, " unit"),
            (change.effect() == Effect::Incompatible, " !"),
        ] {
            line.push_str(if is { word } else { "" });
        }
        line
    });
    let added = found.added.iter().map(|variable| format!("+{}", variable.name()));
    let removed = found.removed.iter().map(|variable| format!("-{}", variable.name()));
    changed.chain(added).chain(removed).collect()
}

fn one(old: &str, new: &str) -> Vec<String> {
    variables(&[("a.c", old)], &[("a.c", new)])
}

#[test]
fn variables_come_go_and_change_their_type() {
    assert_eq!(one("int a, b;", "int a, c;"), ["+c", "-b"]);
    assert_eq!(one("int a;", "long a;"), ["~a Number !"]);
    assert_eq!(one("int a[3];", "int a[4];"), ["~a Length !"]);
    assert_eq!(one("unsigned long a;", "typedef unsigned long t; t a;"), ["~a Spelling"]);
    assert_eq!(one("int a;", "int a;"), [""; 0]);
}

#[test]
fn a_variable_of_a_changed_type_says_so() {
    assert_eq!(one("struct s { int a; } v[2], *p;", "struct s { int a, b; } v[2], *p;"), ["~v via s !"]);
}

#[test]
fn thread_local_and_static_variables_are_variables() {
    assert_eq!(one("int a;", "_Thread_local int a;"), ["~a moved !"]);
    assert_eq!(one("_Thread_local int a;", "_Thread_local long a;"), ["~a Number !"]);
    assert_eq!(
        one("int a; int *f(void) { return &a; }", "static int a; int *f(void) { return &a; }"),
        ["~a relinked"]
    );
    assert_eq!(
        one(
            "int *f(void) { static int n; return &n; } int *g(void) { static int n; return &n; }",
            "int *f(void) { static int n; return &n; } long *g(void) { static long n; return &n; }"
        ),
        ["~n Number !"]
    );
}

#[test]
fn static_variables_of_one_name_pair_by_their_files() {
    let text = |ty: &str| format!("static {ty} state; {ty} *FUNCTION(void) {{ return &state; }}");
    let source = |ty: &str, function: &str| text(ty).replace("FUNCTION", function);
    let (a, b) = (source("int", "a"), source("char", "b"));
    assert_eq!(variables(&[("a.c", &a), ("b.c", &b)], &[("b.c", &b), ("a.c", &a)]), [""; 0]);
    let b_new = source("long", "b");
    assert_eq!(variables(&[("a.c", &a), ("b.c", &b)], &[("b.c", &b_new), ("a.c", &a)]), ["~state Number !"]);
    // Moved to another file as it is.
    assert_eq!(variables(&[("a.c", &a)], &[("c.c", &a)]), ["~state unit"]);
}

#[test]
fn names_of_functions_that_the_compiler_keeps_are_no_variables() {
    let source = |name: &str| format!("const char *{name}(void) {{ return __func__; }}");
    assert_eq!(one(&source("short_one"), &source("a_longer_name")), [""; 0]);
}
