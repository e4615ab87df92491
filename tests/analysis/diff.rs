//! `mcrx diff`: what grew, by type, call and owner.

use crate::command::{facts, mcrx, number};
use crate::growing::Growing;
use mcrx_harness::{Context, Explain, Result, Suite, ensure, program};
use serde_json::{Value, json};
use std::process::Command;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([program("gcc")], growth_is_told_by_type_call_and_owner)
        .test([program("gcc")], what_stays_is_told_from_what_comes_and_goes)
        .test([program("gcc")], a_snapshot_has_not_changed_since_itself)
        .test([program("gcc")], two_releases_are_compared_by_names)
        .test([program("gcc")], the_text_has_the_leak_first)
        .test([], what_is_no_snapshot_is_refused)
}

/// The row of a table that has this under a key.
fn row<'f>(facts: &'f Value, table: &str, key: &str, value: &str) -> Result<&'f Value> {
    let rows = facts[table].as_array().context("a table")?;
    let found = rows.iter().find(|row| row[key] == value);
    found.with_context(|| format!("no {key} {value} in {table}"))
}

/// The row of the call in a function.
fn made_by<'f>(facts: &'f Value, function: &str) -> Result<&'f Value> {
    let rows = facts["sites"].as_array().context("sites")?;
    let found = rows.iter().find(|row| row["frames"][0]["function"] == function);
    found.with_context(|| format!("no call in {function}"))
}

fn counts(row: &Value) -> Result<[u64; 4]> {
    let at = |key| number(row, &[key]);
    Ok([at("count_before")?, at("count_after")?, at("bytes_before")?, at("bytes_after")?])
}

fn growth_is_told_by_type_call_and_owner(test: &Context) -> Result<()> {
    let mut program = Growing::start(test, &[])?;
    program.step()?;
    let before = program.snapshot(test)?;
    program.step()?;
    program.step()?;
    let after = program.snapshot(test)?;
    let diff = facts(&["diff", &before, &after])?;
    ensure!(diff["schema"] == "mcrx.diff/1" && diff["matched"] == true, "{diff}");
    // Two thirds of the sessions are new, and nothing else is more than it was.
    ensure!(
        diff["types"][0]["name"] == "struct buffer" && diff["types"][1]["name"] == "struct session",
        "{diff}"
    );
    let session = row(&diff, "types", "name", "struct session")?;
    ensure!(counts(session)? == [100, 300, 2400, 7200], "{session}");
    ensure!(session["made"] == json!({ "blocks": 200, "bytes": 4800 }), "{session}");
    ensure!(session["freed"] == json!({ "blocks": 0, "bytes": 0 }), "{session}");
    ensure!(diff["types"][2]["bytes_before"] == diff["types"][2]["bytes_after"], "{diff}");
    // Jobs have been replaced: as many as before, but others.
    let job = row(&diff, "types", "name", "struct job")?;
    ensure!(counts(job)? == [100, 100, 1600, 1600], "{job}");
    ensure!(job["made"]["blocks"] == job["freed"]["blocks"] && job["made"]["blocks"] == 10, "{job}");
    // A list is held by what it begins with, and what its nodes hold by their member; a tree, however deep, by its root.
    let sessions = row(&diff, "owners", "owner", "server.sessions")?;
    ensure!(counts(sessions)? == [100, 300, 2400, 7200], "{sessions}");
    ensure!(number(sessions, &["through", "bytes_after"])? == 7200 + 300 * 48, "{sessions}");
    let buffers = row(&diff, "owners", "owner", "server.sessions->buffer")?;
    ensure!(counts(buffers)? == [100, 300, 4800, 14400], "{buffers}");
    ensure!(counts(row(&diff, "owners", "owner", "server.cache")?)?[..2] == [500, 500], "{diff}");
    ensure!(counts(row(&diff, "owners", "owner", "server.jobs[]")?)?[..2] == [100, 100], "{diff}");
    let site = made_by(&diff, "begin_session")?;
    ensure!(site["frames"][0]["source"].as_str().is_some_and(|file| file.ends_with("growing.c")), "{site}");
    ensure!(number(site, &["count_after"])? == 300, "{site}");
    Ok(())
}

fn what_stays_is_told_from_what_comes_and_goes(test: &Context) -> Result<()> {
    let mut program = Growing::start(test, &[])?;
    let first = program.snapshot(test)?;
    program.step()?;
    let second = program.snapshot(test)?;
    program.step()?;
    // The third is the process itself.
    let diff = facts(&["diff", &first, &second, &program.pid()])?;
    let session = row(&diff, "types", "name", "struct session")?;
    ensure!(session["stayed"] == json!({ "blocks": 100, "bytes": 2400 }), "{session}");
    ensure!(session["made"]["blocks"] == 200, "{session}");
    // Those of the first step were replaced in the second.
    let job = row(&diff, "types", "name", "struct job")?;
    ensure!(job["made"]["blocks"] == 10 && job["stayed"]["blocks"] == 0, "{job}");
    ensure!(diff["snapshots"].as_array().is_some_and(|all| all.len() == 3), "{diff}");
    Ok(())
}

fn a_snapshot_has_not_changed_since_itself(test: &Context) -> Result<()> {
    let program = Growing::start(test, &[])?;
    let file = program.snapshot(test)?;
    let diff = facts(&["diff", &file, &file])?;
    let trace = facts(&["trace", &file])?;
    ensure!(diff["total"]["count_after"] == trace["blocks"]["live"], "{diff}\n{trace}");
    ensure!(diff["total"]["bytes_after"] == trace["bytes"]["live"], "{diff}\n{trace}");
    ensure!(diff["total"]["made"]["blocks"] == 0 && diff["total"]["freed"]["blocks"] == 0, "{diff}");
    let text = mcrx(&["diff", &file, &file])?;
    ensure!(text.status.success() && !String::from_utf8_lossy(&text.stdout).contains("BY TYPE"), "{text:?}");
    Ok(())
}

fn two_releases_are_compared_by_names(test: &Context) -> Result<()> {
    let mut old = Growing::start(test, &[])?;
    old.step()?;
    let mut new = Growing::start(test, &["-DNEXT_RELEASE"])?;
    new.step()?;
    new.step()?;
    let diff = facts(&["diff", &old.snapshot(test)?, &new.snapshot(test)?])?;
    ensure!(diff["matched"] == false && diff["total"].get("made").is_none(), "{diff}");
    // A session has one member more.
    let session = row(&diff, "types", "name", "struct session")?;
    ensure!(counts(session)? == [100, 200, 2400, 6400], "{session}");
    ensure!(counts(row(&diff, "owners", "owner", "server.sessions")?)?[..2] == [100, 200], "{diff}");
    // Two calls are in that function, and which is which is not known in another release.
    ensure!(counts(made_by(&diff, "begin_session")?)?[..2] == [200, 400], "other calls");
    Ok(())
}

fn the_text_has_the_leak_first(test: &Context) -> Result<()> {
    let mut program = Growing::start(test, &[])?;
    program.step()?;
    let before = program.snapshot(test)?;
    program.step()?;
    let output = mcrx(&["diff", &before, &program.pid(), "--top", "1"])?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{text}");
    let first_of = |title: &str| {
        let mut lines = text.lines().skip_while(|line| !line.ends_with(title));
        lines.nth(1).map(|line| line.split_whitespace().collect::<Vec<&str>>())
    };
    let of_type = first_of("BY TYPE").context("types")?;
    ensure!(of_type == ["200", "+100", "9600", "+4800", "+4800", "100", "0", "struct", "buffer"], "{text}");
    ensure!(first_of("HELD BY").context("owners")?.ends_with(&["server.sessions->buffer"]), "{text}");
    ensure!(text.contains("more: --top "), "{text}");
    ensure!(text.contains(&format!("\nNext: mcrx diff {before}")), "{text}");
    Ok(())
}

fn what_is_no_snapshot_is_refused(test: &Context) -> Result<()> {
    let empty = test.scratch().fresh("empty");
    std::fs::write(&empty, "")?;
    let empty = empty.to_str().context("text")?;
    let mut sleeping = Command::new("sleep").arg("60").spawn()?;
    let without_heap = sleeping.id().to_string();
    let refused = refusals(empty, &without_heap);
    sleeping.kill()?;
    sleeping.wait()?;
    refused
}

fn refusals(empty: &str, without_heap: &str) -> Result<()> {
    for (targets, code) in [
        (&["/nowhere", "/nowhere"][..], 2),
        (&["/nowhere"], 2),
        (&[empty, empty], 3),
        (&[without_heap, without_heap], 3),
    ] {
        let output = mcrx(&[&["diff"], targets].concat())?;
        ensure!(output.status.code() == Some(code) && output.stdout.is_empty(), "{targets:?}: {output:?}");
    }
    Ok(())
}
