//! Generated rule files.

use super::between::{rules, table};
use mcrx_debuginfo::table::Table;
use mcrx_dsl::format::format;
use mcrx_dsl::generate::{self, Between, Generated};
use mcrx_dsl::pairing::{Live, Pairing};
use proptest::prelude::*;

fn generated(old: &Table, new: &Table) -> Generated {
    let live = Live::within(old, [], |_| false);
    let (program, from, to) = ("a \"program\"", "1", "2");
    let generated = generate::rules(&Between { old, new, program, from, to, live: &live, pointed: None });
    // Whatever it is about: it parses, has one style, and leaves nothing open but its holes.
    assert_eq!(format(&generated.text).as_deref(), Ok(generated.text.as_str()));
    let loaded = rules(&generated.text);
    let pairing = Pairing::of(old, new, &loaded.rules);
    let left: Vec<String> = pairing.questions_about(&live).map(|(_, question)| question.text()).collect();
    assert!(left.is_empty(), "{left:#?}\n{}", generated.text);
    let todos = generated.text.lines().filter(|line| !line.trim_start().starts_with("//"));
    assert_eq!(todos.filter(|line| line.contains("todo \"")).count(), generated.holes, "{}", generated.text);
    generated
}

/// The lines behind the header.
fn lines(old: &str, new: &str) -> Vec<String> {
    let text = generated(&table(old), &table(new)).text;
    let lines = text.lines().skip_while(|line| !line.is_empty()).skip(1);
    let lines = lines.skip_while(|line| !line.is_empty()).skip(1);
    lines.map(ToOwned::to_owned).collect()
}

#[test]
fn a_program_that_did_not_change_needs_nothing() {
    let source = "struct t { int a; } *variable; int f(struct t *t) { return t->a; }";
    assert!(lines(source, source).is_empty());
}

#[test]
fn new_members_are_holes_and_those_that_are_gone_are_one() {
    let old = "struct t { int a; char *b; long c; int d; } *variable;";
    let new = "struct t { int a; int e; struct t *f; } *variable;";
    assert_eq!(
        lines(old, new),
        [
            "type t {  // 32 -> 16 bytes",
            "    e = todo \"`int e` is new: is `0` right in objects that live?\"",
            "    f = todo \"`struct t *f` is new: is `null` right in objects that live?\"",
            "    todo \"`char *b`, `long int c` and `int d` are gone: given up, or kept elsewhere?\"",
            "    // drop b, c, d",
            "}",
        ]
    );
}

#[test]
fn a_rename_is_guessed_with_what_speaks_for_it() {
    let old = "struct event { int fd; }; struct t { struct event notify; int count; int lost; } *variable;";
    let new = "struct event { int fd; }; struct in { struct event notify; }; struct t { struct in n; int count; } *variable;";
    assert_eq!(
        lines(old, new),
        [
            "type t {  // 12 -> 8 bytes",
            "    n.notify = todo \"`struct event n.notify` is new: was it `notify`?\"",
            "    // notify -> n.notify    the same name and type",
            "    todo \"`int lost` is gone: given up, or kept elsewhere?\"",
            "    // drop lost",
            "}",
        ]
    );
}

#[test]
fn what_is_automatic_is_a_line() {
    let old = "struct t { int a; long b; } *variable;";
    let new = "struct t { long b; long a; } *variable;";
    assert_eq!(
        lines(old, new),
        [
            "// These need no rule (+ new, - gone, ~ of another type, > moved, via: what it holds changed):",
            "//   t: ~a; >1"
        ]
    );
}

#[test]
fn an_array_of_elements_that_became_a_list_has_the_list_for_a_guess() {
    let array = "struct array { void *elts; unsigned nelts; };";
    let element = "struct element { int value; struct element *next; };";
    let old = format!("{array} {element} struct t {{ struct array cookies; }} *variable;");
    let new = format!("{array} {element} struct t {{ struct element *cookies; }} *variable;");
    let lines = lines(&old, &new);
    let guess = "    // cookies = list(old.cookies.elts[0 .. old.cookies.nelts], via next)";
    assert!(lines.iter().any(|line| line.starts_with(guess)), "{lines:#?}");
}

#[test]
fn a_variable_that_is_gone_is_one_that_is_new_if_the_names_are_alike() {
    let old = "int session_keys_index; int lost;";
    let new = "int session_ticket_keys_index;";
    assert_eq!(
        lines(old, new),
        [
            "todo \"`int session_keys_index` is gone: is it another one now?\"",
            "// global session_keys_index -> session_ticket_keys_index    the same type and a like name",
            "// global session_keys_index drop",
            "",
            "todo \"lost of source.c is gone: given up, or kept elsewhere?\"",
            "// global lost drop    `int lost`",
        ]
    );
}

#[test]
fn states_without_a_type_are_hinted_at_when_they_are_renumbered() {
    let source =
        |states: &str| format!("int f(int state) {{ enum {{ {states} }} s = state; return s == sw_end; }}");
    let found = lines(&source("sw_start, sw_host, sw_end"), &source("sw_start, sw_port, sw_host, sw_end"));
    assert_eq!(
        found.last().map(String::as_str),
        Some("//   source.c:1: sw_host 1 -> 2, sw_end 2 -> 3"),
        "{found:#?}"
    );
    assert!(lines(&source("sw_start, sw_end"), &source("sw_start, sw_end, sw_more")).is_empty());
}

/// A member of a random structure.
fn member() -> impl Strategy<Value = String> {
    let types = [
        "int NAME",
        "long NAME",
        "char NAME[16]",
        "char *NAME",
        "struct s0 *NAME",
        "unsigned NAME : 3",
        "struct in NAME",
        "enum e NAME",
        "struct { int x; long y; } NAME",
        "struct { int z; } NAME[3]",
        "union { int i; char *p; } NAME",
        "void (*NAME)(int)",
        "void *NAME",
        "_Bool NAME",
        "double NAME",
    ];
    prop::sample::select(types.to_vec()).prop_map(ToOwned::to_owned)
}

fn source() -> impl Strategy<Value = String> {
    let structures = prop::collection::vec(prop::collection::btree_map(0u8..6, member(), 1..6), 1..4);
    (structures, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(structures, wide, more, variable)| {
            let mut text = format!("enum e {{ A, {} B }};", if more { "N," } else { "" });
            text.push_str(if wide { "struct in { long a; };" } else { "struct in { int a; int b; };" });
            for (number, members) in structures.iter().enumerate() {
                let members: Vec<String> = members
                    .iter()
                    .map(|(name, ty)| format!("{};", ty.replace("NAME", &format!("m{name}"))))
                    .collect();
                text.push_str(&format!("struct s{number} {{ {} }} *v{number};", members.join(" ")));
            }
            if variable {
                text.push_str("int only_here; struct in inside;");
            }
            text
        },
    )
}

proptest! {
    // Each case runs the compiler twice.
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_changed_the_file_leaves_nothing_open_but_its_holes(old in source(), new in source()) {
        generated(&table(&old), &table(&new));
    }
}
