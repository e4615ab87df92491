//! Running a program of a step: its output goes on to ours as it comes, and is read on the way.

use super::Outcome;
use super::tally::Tally;
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::thread;

/// Runs a check: it has failed if its exit status says so.
pub(crate) fn check(command: &mut Command) -> Result<Outcome> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("{} cannot be run", command.get_program().display()))?;
    if status.success() {
        Ok(Outcome::default())
    } else {
        Ok(Outcome::failed(format!("ended with {status}")))
    }
}

/// Runs test programs, and counts their tests.
pub(crate) fn tests(command: &mut Command) -> Result<Outcome> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} cannot be run", command.get_program().display()))?;
    let output = child.stdout.take().context("the output is piped")?;
    let reader = thread::spawn(move || read(output));
    let status = child.wait()?;
    let tally = reader.join().ok().context("the output's reader panicked")??;
    // A failed test is told by its own line. A program that fails without one did not build, or crashed.
    let failure = (!status.success() && tally.failed == 0).then(|| format!("ended with {status}"));
    Ok(Outcome { failure, tally, ..Outcome::default() })
}

/// The names of the tests that a run would have.
pub(crate) fn list(command: &mut Command) -> Result<Vec<String>> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

fn read(output: impl Read) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    // By bytes: what a test prints need not be UTF-8.
    while output.read_until(b'\n', &mut line)? > 0 {
        std::io::stdout().lock().write_all(&line)?;
        tally.read(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(tally)
}
