//! Faults that a plan refuses, one planted in a small program for each refusal. Of each three things are true:
//!
//! * the update is refused, with this code, object, member, path and message, and for no other reason;
//! * with that one check ignored the new release goes on, and goes wrong: it says something else than it would have, or ends;
//! * with the rule that settles it, which the message asks for, it is not refused, and goes on as it would have.
//!
//! Each is `NAME.c`, `NAME.wrong.mcrx` and `NAME.said.mcrx`, some with a library, `NAME.library.c`. Where no rule can settle it there is no
//! third file, and what does is in the message: to wait.
//!
//! What is told of each, C declarations and a rule among it, is in `told.txt`; `MCRX_REWRITE=1` writes it anew. It is to be read then: each is the
//! best answer that we know.

use super::case::{Case, Ready};
use super::revived::run::{Course, revive, says_what_its_own_says};
use super::run::{Build, Fault, process};
use super::transformed::{both_ways_agree, planned};
use mcrx_tracer::graph::Node;
use mcrx_tracer::trace::Trace;
use mcrx_transform::plan::{Code, Conflict};
use mcrx_transform::target::Merged;
use rayon::prelude::*;
use std::path::Path;
use std::sync::OnceLock;

/// A fault, and how it is refused.
struct Planted {
    name: &'static str,
    source: &'static str,
    library: Option<&'static str>,
    wrong: &'static str,
    said: Option<&'static str>,
    code: Code,
    /// The type or variable, and the member.
    object: (&'static str, &'static str),
    /// Variables that lead to it. Empty: it is about no block.
    path: &'static str,
    /// A part of it.
    message: &'static str,
}

macro_rules! text {
    ($name:literal, $rest:literal) => {
        include_str!(concat!($name, $rest))
    };
}

macro_rules! planted {
    ($name:literal, $library:expr, $said:expr, $code:ident, $object:expr, $path:literal, $message:literal) => {
        Planted {
            name: $name,
            source: text!($name, ".c"),
            library: $library,
            wrong: text!($name, ".wrong.mcrx"),
            said: $said,
            code: Code::$code,
            object: $object,
            path: $path,
            message: $message,
        }
    };
    (library of $name:literal: $($rest:tt)*) => {
        planted!($name, Some(text!($name, ".library.c")), Some(text!($name, ".said.mcrx")), $($rest)*)
    };
    (no rule for library of $name:literal, $($rest:tt)*) => {
        planted!($name, Some(text!($name, ".library.c")), None, $($rest)*)
    };
    (no rule for $name:literal, $($rest:tt)*) => { planted!($name, None, None, $($rest)*) };
    ($name:literal: $($rest:tt)*) => { planted!($name, None, Some(text!($name, ".said.mcrx")), $($rest)*) };
}

const ALL: &[Planted] = &[
    planted!("first_value_unsaid": Question, ("conn", "since"), "conns", " since` is new"),
    planted!("counter_kept": Question, ("pool", "free_count"), "", "free_buffers"),
    planted!("container_stride_kept": Question, ("registry", "items"), "", "items"),
    planted!("value_does_not_fit": Value, ("struct quota", "limit"), "quotas", "70000 does not fit"),
    planted!(no rule for "merged_and_shared", Pointer, ("favourite", ""), "", "merged into other objects, and several have it"),
    planted!("function_gone": Pointer, ("struct conn", "on_ready"), "conns", "a function that the new release does not have"),
    planted!("text_gone": Pointer, ("struct conn", "speaks"), "conns", "a constant that the new release does not have"),
    planted!("member_gone_under_a_pointer": Pointer, ("watch", "what"), "", "a member that the new release does not have"),
    planted!("pinned_by_a_number": Pinned, ("struct conn", ""), "watches", "words that may be no pointers"),
    planted!(no rule for "more_behind_an_object", Room, ("struct message", ""), "queue", "a part of a block"),
    planted!("part_that_grows": Room, ("struct item", ""), "page second", "a part of a block"),
    planted!("untyped_that_may_hold_what_changes": Untyped, ("block of 16 bytes", ""), "all", "it may hold objects that change"),
    planted!(no rule for "two_types_for_one_object", Untyped, ("block of 24 bytes", ""), "header packet", "different types"),
    planted!("untyped_of_both_start_ups": Opaque, ("block of 16 bytes", ""), "state", "it may hold objects that change"),
    planted!("start_up_object_of_another_size": Unpaired, ("block of 8 bytes", ""), "state", "has no counterpart"),
    planted!("shared_with_what_the_new_start_up_made": Unpaired, ("struct state", ""), "state conn", "there would be two"),
    planted!("waited_for": Drained, ("struct request", ""), "request", "wait until none of these is alive"),
    planted!("variable_gone": Variable, ("served", ""), "", "is gone"),
    planted!("assert_that_does_not_hold": Assert, ("conn", ""), "conns", "does not hold"),
    planted!("registration_of_the_new_start_up": Overwritten, ("struct watch", ""), "watches", "in `watches.next`"),
    planted!("registration_before_what_is_replaced": Overwritten, ("struct watch", ""), "", "in `watches`"),
    planted!(no rule for "handler_of_the_new_start_up", Overwritten, ("handlers", "[0]"), "", "has put `on_timer` there"),
    planted!(no rule for "variable_of_a_thread_gone", ThreadLocal, ("served of thread", ""), "", "no such variable"),
    planted!(no rule for "pointer_to_a_stack", Pointer, ("struct session", "mark"), "session", "on a stack"),
    planted!(no rule for "place_in_code", Pointer, ("struct session", "resume"), "session", "in the middle of a function"),
    planted!("union_untold": Question, ("value", "as"), "values", "the union"),
    planted!("constant_gone": Question, ("conn", "state"), "conn", "CLOSING"),
    planted!(library of "library_replaced": Pointer, ("struct session", "weigh"), "sessions", "in a library that the new process does not have in this version"),
    planted!(no rule for library of "library_that_counts", Opaque, ("libside.so", ""), "", "words of its own variables changed"),
    planted!(no rule for library of "library_with_blocks", Opaque, ("server->watcher", ""), "server", "has made it for itself"),
    planted!("called_with_what_does_not_fit": Value, ("set_limit", ""), "", "70000 does not fit"),
    planted!("called_with_a_function_that_is_gone": Pointer, ("handle_by", ""), "conns", "a function that the new release does not have"),
    planted!("listed_with_a_text_that_is_gone": Pointer, ("struct conn", ""), "conns", "\"cleartext\", a constant that the new release does not have"),
    planted!(no rule for "other_element_of_a_table", Unpaired, ("counters", ""), "", "goes by another name"),
    planted!(no rule for "changed_behind_what_a_rule_leads_to", Unpaired, ("struct item", ""), "queue", "it changed since start-up, and has no counterpart"),
    planted!(no rule for "merged_and_nobodys", Pointer, ("spare", ""), "", "merged into other objects, and none that lives on has it"),
];

const BUILDS: [Build; 2] =
    [Build { compiler: "gcc", level: "-O2" }, Build { compiler: "clang", level: "-O2" }];

/// The usual run has each built by one of them; `MCRX_CASES` has each built by both.
fn builds(number: usize) -> Vec<Build> {
    let is_usual = std::env::var_os("MCRX_CASES").is_none();
    if is_usual { vec![BUILDS[number % 2]] } else { BUILDS.to_vec() }
}

/// Each has a heap from the start.
const HEAP: &str = "char *first_block;
__attribute__((constructor)) static void make_first_block(void) {
    first_block = calloc(1, 16);
    if (!first_block) {
        abort();
    }
}";

/// One of them, compiled and run.
struct Run {
    planted: &'static Planted,
    build: Build,
    ready: Result<Ready, Fault>,
}

fn runs() -> &'static [Run] {
    static RUNS: OnceLock<Vec<Run>> = OnceLock::new();
    RUNS.get_or_init(|| {
        let all: Vec<(&Planted, Build)> = (0..)
            .zip(ALL)
            .flat_map(|(number, planted)| builds(number).into_iter().map(move |build| (planted, build)))
            .collect();
        let run = |(planted, build): (&'static Planted, Build)| {
            let case = Case::of_one(&format!("{HEAP}\n#line 1\n{}", planted.source), planted.wrong);
            let case = Case { library: planted.library.map(ToOwned::to_owned), ..case };
            Run { planted, build, ready: Ready::of(&case, (build, build)) }
        };
        all.into_par_iter().map(run).collect()
    })
}

/// Holds each of them against something.
fn each(with: impl Fn(&Planted, &Ready) -> Result<(), Fault> + Sync) {
    let tried = runs().par_iter().map(|run| {
        let done = run.ready.as_ref().map_err(Fault::clone).and_then(|ready| with(run.planted, ready));
        done.map_err(|why| format!("{} {:?}: {why}", run.planted.name, run.build))
    });
    let failed: Vec<Fault> = tried.filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn each_planted_fault_is_refused_for_what_it_is() {
    each(|planted, ready| {
        let (now, new) = (process(&ready.images.now)?, process(&ready.images.new)?);
        let room = Merged::of(now, new).and_then(|merged| merged.room()).map_err(|e| e.to_string())?;
        planned(ready, new, &room, &[], |plan, now| {
            let [conflict] = plan.conflicts.as_slice() else {
                return Err(format!("{} conflicts: {:#?}", plan.conflicts.len(), plan.conflicts));
            };
            // A thread's number is another each time.
            let object = conflict.object.trim_end_matches(|letter: char| letter.is_ascii_digit()).trim_end();
            let object = if conflict.code == Code::ThreadLocal { object } else { &conflict.object };
            let found = (conflict.code, object, conflict.member.as_str());
            let path = path(conflict, now);
            let is_it = found == (planted.code, planted.object.0, planted.object.1)
                && conflict.message.contains(planted.message)
                && (path == planted.path || planted.path.split(' ').any(|one| one == path));
            if is_it { Ok(()) } else { Err(format!("{path:?} {conflict:#?}")) }
        })?
    });
}

#[test]
fn each_refusal_tells_path_declarations_and_rule() {
    let expected_file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/told.txt");
    let usual = runs().iter().filter(|run| {
        let number = ALL.iter().position(|planted| planted.name == run.planted.name);
        number.is_some_and(|number| BUILDS[number % 2] == run.build)
    });
    let all: Vec<String> = usual
        .map(|run| {
            let ready = run.ready.as_ref().map_err(Fault::clone)?;
            refused(ready, |conflicts, _| {
                let told: Vec<String> = conflicts.iter().map(told).collect();
                format!("{}\n{}", run.planted.name, told.concat())
            })
        })
        .collect::<Result<_, Fault>>()
        .unwrap();
    let all = all.join("\n");
    if std::env::var_os("MCRX_REWRITE").is_some() {
        std::fs::write(&expected_file, &all).unwrap();
    }
    let expected = std::fs::read_to_string(&expected_file).unwrap();
    let differs = all.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(all == expected, "otherwise than expected: {differs:?}; MCRX_REWRITE=1 rewrites");
}

#[test]
fn each_planted_fault_is_found_by_types_and_block_by_block() {
    each(|_, ready| both_ways_agree(ready));
}

/// Conflicts of a plan.
fn refused<R>(ready: &Ready, then: impl FnOnce(&[Conflict], &Trace<'_>) -> R) -> Result<R, Fault> {
    let (now, new) = (process(&ready.images.now)?, process(&ready.images.new)?);
    let room = Merged::of(now, new).and_then(|merged| merged.room()).map_err(|e| e.to_string())?;
    planned(ready, new, &room, &[], |plan, now| then(&plan.conflicts, now))
}

/// All that is told of one, but for what is another at each run.
fn told(conflict: &Conflict) -> String {
    let Conflict { code, object, member, message, path, objects, known, rule, .. } = conflict;
    let member = if member.is_empty() { String::new() } else { format!(" {member}") };
    let mut text = format!("  {} {object}{member}: {message} ({objects})\n", code.id());
    if !path.is_empty() {
        text.push_str(&format!("    by {path}\n"));
    }
    if !known.is_empty() {
        text.push_str(&format!("    {known}\n"));
    }
    for declaration in &conflict.declarations {
        let line = declaration.place.as_ref().map_or(0, |(_, line)| *line);
        text.push_str(&format!("    {:?} {line}: {}\n", declaration.release, declaration.text));
    }
    rule.lines().for_each(|line| text.push_str(&format!("    > {line}\n")));
    without_numbers(&text)
}

/// Addresses and threads' numbers are others each time.
fn without_numbers(text: &str) -> String {
    let digits = |letter: char| letter.is_ascii_hexdigit();
    [("0x", "0x.."), ("of thread ", "of thread ..")].iter().fold(
        text.to_owned(),
        |text, (before, instead)| {
            let mut parts = text.split(before);
            let first = parts.next().unwrap_or_default().to_owned();
            parts.fold(first, |kept, part| kept + instead + part.trim_start_matches(digits))
        },
    )
}

#[test]
fn the_rule_that_a_refusal_offers_settles_it() {
    each(|planted, ready| {
        let rules = refused(ready, |conflicts, _| {
            let rules: Vec<&str> = conflicts.iter().map(|conflict| conflict.rule.as_str()).collect();
            rules.join("\n")
        })?;
        if rules.is_empty() {
            return Ok(());
        }
        // Where a thing is said twice the later one counts.
        let ready = ready.with_rules(&with(planted.wrong, &rules));
        ready.rules_are_right().map_err(|why| format!("{why} in\n{rules}"))?;
        let left = refused(&ready, |conflicts, _| {
            let is_it = |one: &&Conflict| one.code == planted.code;
            conflicts.iter().find(is_it).map(|one| format!("{one:?}"))
        })?;
        left.map_or(Ok(()), |left| Err(format!("\n{rules}\ndoes not settle {left}")))
    });
}

/// Rules with a statement that is offered: its lines go into the one that speaks of the same type, if there is one, before others of the
/// same member.
fn with(rules: &str, offered: &str) -> String {
    let Some((head, lines)) = offered.split_once("    // beside what the rules say of it\n") else {
        return format!("{rules}\n{offered}\n");
    };
    let (before, after) = rules.split_once(&format!("{head}\n")).expect("the statement");
    let lines = lines.trim_end().trim_end_matches('}');
    let member = |line: &str| line.trim().split(' ').next().map(ToOwned::to_owned);
    let is_other =
        |line: &&str| !lines.lines().any(|own| member(own).is_some() && member(own) == member(line));
    let after: Vec<&str> = after.lines().filter(is_other).collect();
    format!("{before}{head}\n{lines}{}\n", after.join("\n"))
}

/// The variable that leads to what a conflict is about.
fn path(conflict: &Conflict, now: &Trace<'_>) -> String {
    let Some((number, _)) = now.blocks.at(conflict.address) else { return String::new() };
    let steps = now.graph.path_to(Node(number));
    let root = steps.first().and_then(|step| now.roots.get(now.graph.root(step.node)?));
    root.map_or_else(String::new, |root| root.name.to_string())
}

#[test]
fn with_its_check_ignored_each_planted_fault_breaks_the_new_release() {
    each(|planted, ready| {
        let own = Course::own(ready)?;
        let running = revive(ready, &[planted.code])?;
        match Course::of(running) {
            Ok(carried) if (&carried.first, &carried.then) == (&own.first, &own.then) => {
                Err("nothing goes wrong".to_owned())
            }
            _ => Ok(()),
        }
    });
}

#[test]
fn with_the_rule_that_settles_it_the_new_release_goes_on_as_its_own() {
    each(|planted, ready| match planted.said {
        Some(said) => {
            let ready = ready.with_rules(said);
            ready.rules_are_right().and_then(|()| says_what_its_own_says(&ready))
        }
        None => Ok(()),
    });
}
