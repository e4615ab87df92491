//! What callers may count on: what glibc and C++ document, messages on misuse, settings.

use crate::programs::{expect_success, passes, prepare, under_the_library};
use mcrx_harness::{Context, Exit, Invocation, Result, Suite, ensure};
use std::path::Path;
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([], every_function_keeps_to_what_glibc_documents)
        .test([], every_form_of_new_and_delete_keeps_to_the_standard)
        .test([], misuse_is_told_and_ends_the_process)
        .test([], misuse_is_told_and_survived_where_that_is_asked_for)
        .test([], settings_that_make_no_sense_are_reported_once_and_ignored)
        .test([], settings_of_other_parts_are_passed_over)
}

const PATIENCE: Duration = Duration::from_secs(50);

fn every_function_keeps_to_what_glibc_documents(test: &Context) -> Result<()> {
    passes(test, "contract.c", &[])?;
    // Without sites too: other paths lead there.
    let plain = prepare(test, "contract.c", &[])?.environment("MCRX_SITES", "off");
    expect_success(plain, PATIENCE).map(drop)
}

fn every_form_of_new_and_delete_keeps_to_the_standard(test: &Context) -> Result<()> {
    passes(test, "operators.cc", &[]).map(drop)
}

/// A wrong call, and what is to be said of it.
const MISUSES: &[(&str, &str)] = &[
    ("double", "double free"),
    ("double-large", "double free"),
    ("double-there-and-here", "double free"),
    ("double-here-and-there", "double free"),
    ("inside", "16 bytes into a block of 100 bytes"),
    ("unaligned", "1 bytes into a block of 100 bytes"),
    ("inside-there", "16 bytes into a block of 100 bytes"),
    ("inside-large", "65536 bytes into a block of 300000 bytes"),
    ("stack", "not of this heap"),
    ("data", "not of this heap"),
    ("wild", "invalid pointer"),
    ("tables", "invalid pointer"),
    ("unmapped", "not of this heap"),
    ("resize-freed", "free"),
    ("resize-stack", "not of this heap"),
];

fn misuse_is_told_and_ends_the_process(test: &Context) -> Result<()> {
    for (kind, wanted) in MISUSES {
        let finished = prepare(test, "misuse.c", &[kind])?.finish(PATIENCE)?;
        ensure!(finished.exit == Exit::Signal(6), "{kind}: {}: {}", finished.exit, finished.output);
        check_message(kind, wanted, &finished.output)?;
        ensure!(!finished.output.contains("went on"), "{kind}: {}", finished.output);
    }
    Ok(())
}

fn misuse_is_told_and_survived_where_that_is_asked_for(test: &Context) -> Result<()> {
    for (kind, wanted) in MISUSES {
        let launch = prepare(test, "misuse.c", &[kind])?.environment("MCRX_ON_ERROR", "report");
        let finished = expect_success(launch, PATIENCE)?;
        check_message(kind, wanted, &finished.output)?;
        ensure!(finished.output.contains("went on"), "{kind}: {}", finished.output);
        ensure!(!finished.output.contains("a block came back"), "{kind}: {}", finished.output);
    }
    Ok(())
}

/// The message names the function, the address, what is wrong with it, and the caller: in one line, once.
fn check_message(kind: &str, wanted: &str, output: &str) -> Result<()> {
    let address = output.lines().find(|line| line.starts_with("0x")).unwrap_or_default();
    let messages: Vec<&str> = output.lines().filter(|line| line.starts_with("mcrx: ")).collect();
    let function = if kind.starts_with("resize") { "realloc" } else { "free" };
    ensure!(messages.len() == 1, "{kind}: {output}");
    for part in [wanted, &format!("{function}({address})"), "called from"] {
        ensure!(messages[0].contains(part), "{kind}: no {part:?} in {:?}", messages[0]);
    }
    Ok(())
}

fn settings_that_make_no_sense_are_reported_once_and_ignored(test: &Context) -> Result<()> {
    let bad = [
        ("MCRX_SITES", "perhaps"),
        ("MCRX_EPOCH", "4294967296"),
        ("MCRX_EPOCH", ""),
        ("MCRX_REGION", "0x1234"),
        ("MCRX_REGION", "elsewhere"),
        ("MCRX_PURGE_DELAY", "-1"),
        ("MCRX_ON_ERROR", "ignore"),
        ("MCRX_SIETS", "off"),
        ("MCRX_", "x"),
    ];
    for (name, value) in bad {
        let launch = prepare(test, "threads.c", &["crowd", "20"])?.environment(name, value);
        let output = expect_success(launch, PATIENCE)?.output;
        let messages: Vec<&str> = output.lines().filter(|line| line.starts_with("mcrx: ")).collect();
        ensure!(messages.len() == 1 && messages[0].contains(name), "{name}={value}: {output}");
    }
    // A caller table or a placement file that is not there, or is none.
    for (name, value) in
        [("MCRX_CALLERS", "/nowhere"), ("MCRX_PLACEMENT", "/dev/null"), ("MCRX_PLACEMENT", "/etc")]
    {
        let launch = prepare(test, "threads.c", &["crowd", "20"])?.environment(name, value);
        expect_success(launch, PATIENCE)?;
    }
    Ok(())
}

fn settings_of_other_parts_are_passed_over(test: &Context) -> Result<()> {
    let launch = under_the_library(test, Invocation::new(Path::new("/bin/true"), [""; 0]))?
        .environment("MCRX_CACHE", "/tmp")
        .environment("MCRX_LOG", "debug")
        .environment("MCRX_SITES", "on")
        .environment("MY_MCRX_THING", "x");
    let output = expect_success(launch, PATIENCE)?.output;
    ensure!(output.is_empty(), "{output}");
    Ok(())
}
