//! `mcrx suspects`: the leak, and nothing else.

use crate::command::mcrx;
use crate::growing::Growing;
use mcrx_harness::{Context, Explain, Result, Suite, ensure, program};
use serde_json::Value;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([program("gcc")], the_list_that_grows_is_the_only_suspect)
        .test([program("gcc")], a_cache_that_fills_is_none_once_a_third_snapshot_is_there)
        .test([program("gcc")], two_starts_of_a_program_have_no_suspects)
}

/// The owners of the suspects. The code must fit: 1 if there are any, 0 if not.
pub(crate) fn suspects(targets: &[&str]) -> Result<Vec<Value>> {
    let output = mcrx(&[&["suspects", "--json"], targets].concat())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let found: Value = serde_json::from_slice(&output.stdout).context(said)?;
    let suspects = found["suspects"].as_array().context("suspects")?.clone();
    ensure!(output.status.code() == Some(i32::from(!suspects.is_empty())), "{}", output.status);
    Ok(suspects)
}

fn the_list_that_grows_is_the_only_suspect(test: &Context) -> Result<()> {
    let mut program = Growing::start(test, &[])?;
    program.step()?;
    let before = program.snapshot(test)?;
    program.step()?;
    program.step()?;
    let found = suspects(&[&before, &program.pid()])?;
    ensure!(found.len() == 1 && found[0]["owner"] == "server.sessions", "{found:?}");
    ensure!(found[0]["type"] == "struct session", "{found:?}");
    ensure!(found[0]["frames"][0]["function"] == "begin_session", "{found:?}");
    let text = mcrx(&["suspects", &before, &program.pid()])?;
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    let first = "1. 200 more struct session: 4800 bytes, and 14400 with what they hold.";
    ensure!(text.contains(first) && text.contains("They are held by server.sessions."), "{text}");
    ensure!(text.contains("100 before, 300 now; 200 were made since"), "{text}");
    Ok(())
}

fn a_cache_that_fills_is_none_once_a_third_snapshot_is_there(test: &Context) -> Result<()> {
    let mut program = Growing::start(test, &[])?;
    let first = program.snapshot(test)?;
    program.step()?;
    let second = program.snapshot(test)?;
    program.step()?;
    let owners =
        |found: &[Value]| found.iter().map(|suspect| suspect["owner"].clone()).collect::<Vec<Value>>();
    let of_two = owners(&suspects(&[&first, &second])?);
    ensure!(of_two == ["server.cache", "server.sessions"], "{of_two:?}");
    let of_three = owners(&suspects(&[&first, &second, &program.pid()])?);
    ensure!(of_three == ["server.sessions"], "{of_three:?}");
    Ok(())
}

fn two_starts_of_a_program_have_no_suspects(test: &Context) -> Result<()> {
    let (one, other) = (Growing::start(test, &[])?, Growing::start(test, &[])?);
    let output = mcrx(&["suspects", &one.pid(), &other.pid()])?;
    ensure!(output.status.code() == Some(2) && output.stdout.is_empty(), "{output:?}");
    Ok(())
}
