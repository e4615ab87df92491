//! `test` blocks: what they say of rules that do something else than was expected; and lists of all kinds that objects are put into.

use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::Table;
use mcrx_dsl::load;
use mcrx_dsl::source::Only;
use mcrx_dsl::test;
use std::path::Path;
use std::process::Command;

fn table(source: &str) -> Table {
    let folder = tempfile::tempdir().unwrap();
    let (file, library) = (folder.path().join("source.c"), folder.path().join("library.so"));
    std::fs::write(&file, source).unwrap();
    let compiler = Command::new("gcc")
        .args(["-O2", "-g", "-shared", "-fPIC", "-w", "-fno-eliminate-unused-debug-types", "-o"])
        .arg(&library)
        .arg(&file)
        .output()
        .expect("gcc");
    assert!(compiler.status.success(), "{}", String::from_utf8_lossy(&compiler.stderr));
    mcrx_debuginfo::load::load(&Binary::open(&library).expect("a library")).expect("debug info")
}

/// What is said of tests that have not passed.
fn said(old: &str, new: &str, rules: &str) -> Vec<String> {
    let loaded = load::rules(Path::new("rules.mcrx"), &Only(rules));
    let syntax: Vec<&str> = loaded.diagnostics.iter().map(|one| one.message.as_str()).collect();
    assert!(syntax.is_empty(), "{syntax:?}");
    let report = test::run(&loaded.rules, &table(old), &table(new));
    let mistakes = report.mistakes.iter().map(ToString::to_string);
    let problems = report.tests.iter().flat_map(|test| test.problems.iter().map(ToString::to_string));
    mistakes.chain(problems).collect()
}

const OLD: &str = "enum state { IDLE, BUSY }; struct conn { int fd; enum state state; struct conn *next; }; \
    struct conn *head; void on_read(int fd) { head = 0; }";
const NEW: &str = "enum state { NONE, IDLE, BUSY }; \
    struct conn { int fd; enum state state; struct conn *next; short weight; void (*handler)(int); }; \
    struct conn *head; void on_read(int fd) { head = 0; } void adopt(struct conn *c) { head = c; }";

#[test]
fn a_value_that_differs_is_named_with_what_it_was_to_be() {
    let rules = "type conn { weight = old.fd * 2, handler = on_read }
        test \"all that can differ\" {
            given a = conn { fd = 4, state = BUSY, next = &b }
            given b = conn { fd = 5 }
            given global head = &a
            expect a = conn { fd = 5, state = IDLE, next = null, weight = 8, handler = null }
            expect b = conn { next = conn { fd = 1 } }
            expect global head = &b
            expect call adopt(a)
        }";
    assert_eq!(
        said(OLD, NEW, rules),
        [
            "a.fd: expected 5, found 4",
            "a.state: expected IDLE (1), found BUSY (2)",
            "a.next: expected null, found &b",
            "a.handler: expected null, found on_read",
            "b.next: expected an object, found null",
            "head: expected &b, found &a",
            "adopt(&a) is not called; nothing is",
        ]
    );
}

#[test]
fn a_refusal_has_its_object_and_member_whether_it_was_expected_or_not() {
    let rules = |fd: u32, expected: &str| {
        format!(
            "type conn {{ weight = old.fd, handler = on_read }}
             test \"a weight\" {{ given conn {{ fd = {fd} }} {expected} }}"
        )
    };
    let refusal =
        "struct conn at 0x1000000000: weight: 70000 does not fit: 16 bits with sign hold -32768 to 32767";
    assert_eq!(said(OLD, NEW, &rules(70000, "expect conn { fd = 1 }")), [format!("refused: {refusal}")]);
    assert_eq!(said(OLD, NEW, &rules(70000, "expect fail \"weight: 70000\"")), [""; 0]);
    assert_eq!(
        said(OLD, NEW, &rules(70000, "expect fail \"too heavy\"")),
        [format!("refused, but not because of \"too heavy\": {refusal}")]
    );
    assert_eq!(said(OLD, NEW, &rules(7, "expect fail")), ["it is not refused"]);
}

#[test]
fn an_assertion_that_is_not_so_fails_the_test() {
    let rules = "type conn { weight = 1, handler = on_read }
        assert every conn c : c.fd > 0
        test \"of one\" { given conn { fd = 0 } expect conn { weight = 1 } }";
    assert_eq!(said(OLD, NEW, rules), ["this is not true of the object at 0x2000000000"]);
}

#[test]
fn what_nobody_has_said_is_refused_where_it_is_needed() {
    let rules = "test \"of one\" { given conn { fd = 3 } expect conn { fd = 3 } }";
    let said = said(OLD, NEW, rules);
    assert!(said[0].contains("weight: this is not decided yet: `short int weight` is new"), "{said:?}");
}

const ITEMS: &str = "struct item { int id; }; int unused;";

/// Puts three items into a list of the new release, at its end or its beginning.
fn into(list: &str, insert: &str, expected: &str) {
    let new =
        format!("#include <sys/queue.h>\nstruct link {{ struct link *next, *prev; }}; {list}; int unused;");
    for (end, [a, b, c]) in [("tail", ["a", "b", "c"]), ("head", ["c", "b", "a"])] {
        let expected = expected.replace("$1", a).replace("$2", b).replace("$3", c);
        let rules = format!(
            "type item {{ reset link }}
             for each item i {{ {} }}
             test \"three\" {{
                 given a = item {{ id = 1 }}
                 given b = item {{ id = 2 }}
                 given c = item {{ id = 3 }}
                 {expected}
             }}",
            insert.replace("END", &format!("at {end}"))
        );
        assert_eq!(said(ITEMS, &new, &rules), [""; 0], "at {end}: {list}");
    }
}

#[test]
fn lists_with_a_pointer_to_the_first_are_linked_at_both_ends() {
    into(
        "struct item { int id; struct item *link; }; struct item *all",
        "insert i into all END via link",
        "expect global all = item { id = $1.id, link = &$2 }
         expect $2 = item { link = &$3 }
         expect $3 = item { link = null }",
    );
}

#[test]
fn rings_are_linked_at_both_ends() {
    into(
        "struct item { int id; struct link link; }; struct link all",
        "insert i.link into all END",
        "expect global all = link { next = &$1.link, prev = &$3.link }
         expect $1 = item { link.prev = &all, link.next = &$2.link }
         expect $2 = item { link.prev = &$1.link, link.next = &$3.link }
         expect $3 = item { link.prev = &$2.link, link.next = &all }",
    );
}

#[test]
fn heads_with_first_and_last_are_kept_right() {
    into(
        "struct item { int id; struct { struct item *next, *prev; } link; }; struct { struct item *first, *last; } all",
        "insert i.link into all END",
        "expect $1 = item { link.next = &$2, link.prev = null }
         expect $2 = item { link.next = &$3, link.prev = &$1 }
         expect $3 = item { link.next = null, link.prev = &$2 }",
    );
}

#[test]
fn tail_queues_of_bsd_are_kept_right() {
    into(
        "struct item { int id; TAILQ_ENTRY(item) link; }; TAILQ_HEAD(items, item) all",
        "insert i.link into all END",
        "expect global all = items { tqh_first = &$1, tqh_last = &$3.link.tqe_next }
         expect $1 = item { link.tqe_next = &$2, link.tqe_prev = &all.tqh_first }
         expect $2 = item { link.tqe_next = &$3, link.tqe_prev = &$1.link.tqe_next }
         expect $3 = item { link.tqe_next = null, link.tqe_prev = &$2.link.tqe_next }",
    );
}

#[test]
fn singly_linked_tail_queues_and_lists_of_bsd_are_kept_right() {
    into(
        "struct item { int id; STAILQ_ENTRY(item) link; }; STAILQ_HEAD(items, item) all",
        "insert i.link into all END",
        "expect global all = items { stqh_first = &$1, stqh_last = &$3.link.stqe_next }
         expect $2 = item { link.stqe_next = &$3 }",
    );
    into(
        "struct item { int id; LIST_ENTRY(item) link; }; LIST_HEAD(items, item) all",
        "insert i.link into all END",
        "expect global all = items { lh_first = &$1 }
         expect $1 = item { link.le_next = &$2, link.le_prev = &all.lh_first }
         expect $3 = item { link.le_next = null, link.le_prev = &$2.link.le_next }",
    );
}
