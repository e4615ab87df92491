//! What is lost, beside LeakSanitizer and valgrind's memcheck.
//!
//! The programs in `leaks/` say at their heads what each of them loses. One test has mcrx find it, one memcheck and one LeakSanitizer:
//! where these two see something else, the program says what and why.

use crate::command::{facts, mcrx};
use counts::Counts;
use expected::Expected;
use mcrx_harness::{Context, Explain, Need, Result, Skip, Suite, condition, ensure, program};
use program::{Look, Program, Waiting};
use serde_json::Value;

#[path = "leaks/counts.rs"]
mod counts;
#[path = "leaks/expected.rs"]
mod expected;
#[path = "leaks/lsan.rs"]
mod lsan;
#[path = "leaks/memcheck.rs"]
mod memcheck;
#[path = "leaks/program.rs"]
mod program;

/// A module of tests for each program, and the list of them.
macro_rules! programs {
    ($($name:ident: $file:literal),* $(,)?) => {
        /// What mcrx finds.
        mod mcrx_finds {
            $(pub(super) fn $name(test: &mcrx_harness::Context) -> mcrx_harness::Result<()> {
                super::mcrx_finds_what_is_lost(test, $file)
            })*
        }

        /// What memcheck finds.
        mod memcheck_agrees_on {
            $(pub(super) fn $name(test: &mcrx_harness::Context) -> mcrx_harness::Result<()> {
                super::memcheck_finds_the_same(test, $file)
            })*
        }

        /// What LeakSanitizer finds.
        mod leak_sanitizer_agrees_on {
            $(pub(super) fn $name(test: &mcrx_harness::Context) -> mcrx_harness::Result<()> {
                super::leak_sanitizer_finds_the_same(test, $file)
            })*
        }

        fn beside_the_others(suite: Suite) -> Suite {
            suite
                $(
                    .test([compiler($file)], mcrx_finds::$name)
                    .test([compiler($file), program("valgrind")], memcheck_agrees_on::$name)
                    .test([compiler($file), condition(lsan::is_there)], leak_sanitizer_agrees_on::$name)
                )*
        }
    };
}

programs! {
    aligned: "aligned.c",
    big: "big.c",
    counted: "counted.c",
    cplusplus: "cplusplus.cc",
    dead_slot: "dead_slot.c",
    ended_thread_local: "ended_thread_local.c",
    ended_threads: "ended_threads.c",
    forked: "forked.c",
    frames: "frames.c",
    freed: "freed.c",
    grown: "grown.c",
    hidden: "hidden.c",
    interior: "interior.c",
    intrusive: "intrusive.c",
    library: "library.c",
    list_head: "list_head.c",
    mapped: "mapped.c",
    number: "number.c",
    other_stack: "other_stack.c",
    overwritten: "overwritten.c",
    past_end: "past_end.c",
    ring: "ring.c",
    ring_entered: "ring_entered.c",
    specific: "specific.c",
    tls: "tls.c",
    to_reachable: "to_reachable.c",
    tree: "tree.c",
}

pub(crate) fn tests(suite: Suite) -> Suite {
    beside_the_others(suite)
        .test([program("gcc")], the_text_names_function_file_line_and_type)
        .test([program("gcc")], blocks_of_libraries_are_counted_when_asked_for)
        .test([program("gcc")], a_snapshot_has_lost_what_its_process_has)
        .test([program("gcc")], heuristics_are_chosen_by_name)
        .test([program("gcc")], nothing_lost_is_no_finding)
        .test([program("gcc")], what_is_known_is_left_out_with_what_is_lost_with_it)
        .test([program("gcc")], what_is_to_fail_can_be_chosen)
        .test([], what_cannot_be_traced_is_refused)
}

fn compiler(file: &str) -> Need {
    program(program::compiler(file))
}

fn mcrx_finds_what_is_lost(test: &Context, file: &str) -> Result<()> {
    let expected = Expected::read(file)?;
    let waiting = start(test, file)?;
    for (heuristics, wanted) in [("all", &expected.lost), ("none", &expected.strictly)] {
        let found = waiting.leaks(&["--all", "--heuristics", heuristics])?;
        let counts = expected.comparable(Counts::of_mcrx(&found, waiting.path())?);
        ensure!(counts == *wanted, "--heuristics {heuristics}: {counts}\nexpected: {wanted}");
        // Where the same blocks are lost for LeakSanitizer, they are divided as it does.
        let counts = expected.comparable(Counts::of_mcrx_by_pointers(&found, waiting.path())?);
        let wanted = &expected.lsan;
        ensure!(
            counts == *wanted || counts.lost() != wanted.lost(),
            "by pointers: {counts}\nexpected: {wanted}"
        );
    }
    Ok(())
}

fn memcheck_finds_the_same(test: &Context, file: &str) -> Result<()> {
    let expected = Expected::read(file)?;
    let program = Program::build(test, file, Look::ByMemcheck)?;
    let valgrind = test.program("valgrind")?;
    let mut looks = vec![("all", &expected.memcheck)];
    if expected.memcheck_strictly != expected.memcheck {
        looks.push(("none", &expected.memcheck_strictly));
    }
    for (heuristics, wanted) in looks {
        let counts = expected.comparable(memcheck::run(test, valgrind, &program, heuristics)?);
        ensure!(counts == *wanted, "--leak-check-heuristics={heuristics}: {counts}\nexpected: {wanted}");
    }
    Ok(())
}

fn leak_sanitizer_finds_the_same(test: &Context, file: &str) -> Result<()> {
    let expected = Expected::read(file)?;
    let program = Program::build(test, file, Look::ByLeakSanitizer)?;
    let counts = expected.comparable(lsan::run(&program)?.map_err(Skip)?);
    ensure!(counts == expected.lsan, "{counts}\nexpected: {}", expected.lsan);
    Ok(())
}

fn start(test: &Context, file: &str) -> Result<Waiting> {
    Program::build(test, file, Look::FromOutside)?.start()
}

fn the_text_names_function_file_line_and_type(test: &Context) -> Result<()> {
    let waiting = start(test, "list_head.c")?;
    let output = mcrx(&["leaks", &waiting.pid()])?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.code() == Some(1), "{text}");
    let line = 1 + program::source("list_head.c")?
        .lines()
        .position(|line| line.contains("= malloc(sizeof *head)"))
        .context("the call")?;
    let call = text.lines().position(|line| line.contains("make_head+0x"));
    let row: Vec<&str> = text.lines().skip(call.context("the call")?).take(2).collect();
    ensure!(row[0].ends_with(&format!(" at list_head.c:{line}")), "{text}");
    ensure!(row[0].split_whitespace().take(6).eq(["1", "16", "0", "0", "0", "0"]), "{text}");
    ensure!(row[1].trim() == "struct head; with them 9 more blocks, 216 bytes, are lost", "{text}");
    Ok(())
}

fn blocks_of_libraries_are_counted_when_asked_for(test: &Context) -> Result<()> {
    let waiting = start(test, "library.c")?;
    for (options, blocks) in [(&[][..], 1), (&["--all"], 2)] {
        let found = waiting.leaks(options)?;
        ensure!(found["direct"]["blocks"] == blocks, "{options:?}: {found}");
    }
    Ok(())
}

fn a_snapshot_has_lost_what_its_process_has(test: &Context) -> Result<()> {
    let waiting = start(test, "tree.c")?;
    let file = test.scratch().fresh("tree.snap");
    let file = file.to_str().context("text")?;
    facts(&["snapshot", &waiting.pid(), "-o", file])?;
    let live = waiting.leaks(&[])?;
    let output = mcrx(&["leaks", file, "--json"])?;
    let kept: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(output.status.code() == Some(1), "{kept}");
    for key in ["schema", "direct", "indirect", "possibly", "holds", "not_pointed_at", "rows"] {
        ensure!(live[key] == kept[key] && !kept[key].is_null(), "{key}: {} and {}", live[key], kept[key]);
    }
    Ok(())
}

fn heuristics_are_chosen_by_name(test: &Context) -> Result<()> {
    let waiting = start(test, "counted.c")?;
    for (chosen, possibly) in [
        ("none", 3),
        ("typed", 3),
        ("newarray", 1),
        ("length64", 2),
        ("stdstring,multipleinheritance", 3),
        ("stdstring,length64,newarray", 1),
    ] {
        let found = waiting.leaks(&["--heuristics", chosen])?;
        ensure!(found["possibly"]["blocks"] == possibly, "{chosen}: {found}");
    }
    let refused = mcrx(&["leaks", &waiting.pid(), "--heuristics", "guesses"])?;
    ensure!(refused.status.code() == Some(2), "{refused:?}");
    Ok(())
}

fn nothing_lost_is_no_finding(test: &Context) -> Result<()> {
    let waiting = start(test, "intrusive.c")?;
    let output = mcrx(&["leaks", &waiting.pid()])?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success() && text.contains(": 0 blocks lost, 0 bytes; 0 possibly"), "{text}");
    Ok(())
}

fn what_is_known_is_left_out_with_what_is_lost_with_it(test: &Context) -> Result<()> {
    let waiting = start(test, "list_head.c")?;
    let file = test.scratch().fresh("known.supp");
    let path = file.to_str().context("text")?;
    std::fs::write(&file, "# the head of the list\nleak:^make_head$\nleak:never_called\n")?;
    let output = mcrx(&["leaks", &waiting.pid(), "--suppressions", path, "--json"])?;
    let said = String::from_utf8_lossy(&output.stderr);
    let found: Value = serde_json::from_slice(&output.stdout).with_context(|| said.clone().into_owned())?;
    ensure!(output.status.success() && found["rows"].as_array().is_some_and(Vec::is_empty), "{found}");
    // The head, and nine nodes that are lost with it.
    ensure!(found["suppressed"]["blocks"] == 10 && found["suppressed"]["bytes"] == 16 + 216, "{found}");
    ensure!(said.contains(":3: leak:never_called fits nothing"), "{said}");
    std::fs::write(&file, "leak:a\nrace:b\n")?;
    let refused = mcrx(&["leaks", &waiting.pid(), "--suppressions", path])?;
    ensure!(refused.status.code() == Some(2), "{refused:?}");
    ensure!(String::from_utf8_lossy(&refused.stderr).contains("line 2: `race:b`"), "{refused:?}");
    Ok(())
}

fn what_is_to_fail_can_be_chosen(test: &Context) -> Result<()> {
    // One block is lost, none with others, and three are held by pointers into their middle.
    let waiting = start(test, "counted.c")?;
    for (fail_on, code) in [("direct,indirect", 1), ("indirect", 0), ("possibly", 1), ("never", 0)] {
        let options = ["leaks", &waiting.pid(), "--heuristics", "none", "--fail-on", fail_on];
        let output = mcrx(&options)?;
        ensure!(output.status.code() == Some(code), "{fail_on}: {output:?}");
    }
    Ok(())
}

fn what_cannot_be_traced_is_refused(_: &Context) -> Result<()> {
    for (target, code) in [("/nowhere/to/be/found", 2), ("4000000000", 3)] {
        let output = mcrx(&["leaks", target])?;
        ensure!(output.status.code() == Some(code) && output.stdout.is_empty(), "{target}: {output:?}");
    }
    Ok(())
}
