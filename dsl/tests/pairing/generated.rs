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

/// What is said below a heading that begins so.
fn below(heading: &str, old: &str, new: &str) -> Vec<String> {
    let lines = lines(old, new);
    let lines = lines.into_iter().skip_while(|line| !line.starts_with(heading));
    // The heading may need several lines.
    let lines = lines.skip_while(|line| !line.starts_with("//   "));
    lines.take_while(|line| line.starts_with("//   ")).collect()
}

#[test]
fn an_enumeration_that_became_bits_is_hinted_at_with_who_may_hold_it() {
    let old = "enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_BOTH }; struct client { int fd; int access; } *variable;
        int f(enum access a) { return a; }";
    let new =
        "enum access_bits { CAN_READ = 1, CAN_WRITE = 2 }; struct client { int fd; int access; } *variable;
        int f(enum access_bits a) { return a; }";
    let hint = [
        "//   enum access { ACCESS_READ 0, ACCESS_WRITE 1, ACCESS_BOTH 2 } -> enum access_bits { CAN_READ 1, CAN_WRITE 2 }",
        "//   perhaps held by client.access:",
        "//     type client {",
        "//         access = match old.access {",
        "//             ACCESS_READ  => CAN_READ",
        "//             ACCESS_WRITE => CAN_WRITE",
        "//             ACCESS_BOTH  => fail(\"which bits?\")",
        "//         }",
        "//     }",
    ];
    assert_eq!(below("// Counted before, and bits now", old, new), hint);
    // The constants may have become some without a type's name.
    let found = below(
        "// Counted before, and bits now",
        old,
        &new.replace("enum access_bits {", "enum {").replace("enum access_bits a", "int a"),
    );
    assert_eq!(
        found.first().map(String::as_str),
        Some(
            "//   enum access { ACCESS_READ 0, ACCESS_WRITE 1, ACCESS_BOTH 2 } -> enum of source.c:1 { CAN_READ 1, CAN_WRITE 2 }"
        )
    );
    assert!(found.iter().skip(1).eq(hint.iter().skip(1)), "{found:#?}");
    // What is written there can be taken as it is.
    let answer: String =
        hint.iter().skip(2).map(|line| line.trim_start_matches('/').to_owned() + "\n").collect();
    assert_eq!(super::between::questions(old, new, &answer), Vec::<String>::new());
}

#[test]
fn an_enumeration_of_the_same_name_that_became_bits_is_hinted_at() {
    let source = |members: &str| {
        format!(
            "enum kind {{ {members} }}; struct t {{ int kind; }} *variable; int f(enum kind a) {{ return a; }}"
        )
    };
    let found = below(
        "// Counted before, and bits now",
        &source("K_NONE, K_A, K_B, K_C"),
        &source("K_NONE, K_A, K_B, K_C = 4, K_ALL = 7"),
    );
    assert_eq!(found.get(1).map(String::as_str), Some("//   perhaps held by t.kind:"), "{found:#?}");
    assert!(found.contains(&"//             K_C    => K_C".to_owned()), "{found:#?}");
}

#[test]
fn structures_and_enumerations_that_only_typedefs_name_are_hinted_at_by_these() {
    let source = |members: &str| {
        format!(
            "typedef enum {{ {members} }} kind_t; typedef struct {{ int kind; }} item; item *variable; int f(kind_t a) {{ return a; }}"
        )
    };
    let found = below(
        "// Counted before, and bits now",
        &source("K_NONE, K_A, K_B, K_C"),
        &source("K_NONE, K_A, K_B, K_C = 4"),
    );
    let heads = [
        "//   kind_t { K_NONE 0, K_A 1, K_B 2, K_C 3 } -> kind_t { K_NONE 0, K_A 1, K_B 2, K_C 4 }",
        "//   perhaps held by item.kind:",
        "//     type item {",
    ];
    assert!(found.iter().take(3).eq(heads.iter()), "{found:#?}");
}

#[test]
fn an_enumeration_that_goes_on_counting_or_always_was_bits_is_no_hint() {
    let source = |members: &str| {
        format!(
            "enum kind {{ {members} }}; struct t {{ int kind; }} *variable; int f(enum kind a) {{ return a; }}"
        )
    };
    for (old, new) in [
        ("A, B, C", "A, X, B, C"),
        ("A, B, C", "A = 1, B, C"),
        ("A = 1, B = 2, C = 4", "A = 1, B = 2, C = 4, D = 8"),
        ("A, B, C", "A = 10, B = 20, C = 30"),
        ("A, B, C", "A, B, C"),
    ] {
        assert!(
            below("// Counted before, and bits now", &source(old), &source(new)).is_empty(),
            "{old} {new}"
        );
    }
}

#[test]
fn a_number_that_is_declared_by_another_typedef_of_the_same_type_is_hinted_at() {
    let source = |unit: &str| {
        format!(
            "typedef long {unit}; struct t {{ {unit} at; unsigned int flags; int n; }} *variable; {unit} started;"
        )
    };
    let new = source("mstime_t").replace("unsigned int flags", "__UINT32_TYPE__ flags");
    assert_eq!(
        below("// Declared as something else", &source("time_t"), &new),
        ["//   started: time_t -> mstime_t", "//   t.at: time_t -> mstime_t"]
    );
    // A name that says how wide it is says nothing of what it counts.
    let plain = "struct t { long at; } *variable;";
    let wide = "typedef long int64_t; struct t { int64_t at; } *variable;";
    assert!(below("// Declared as something else", plain, wide).is_empty());
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
