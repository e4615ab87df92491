//! The live part: release 2 in the place of release 1, and back, by the commands that an operator would type.

use super::interrupt::Interrupt;
use super::server::mcrx;
use crate::exit::Failure;
use crate::output::Output;
use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Stdio;

/// What each phase is, and whether the server stands still in it.
const PHASES: [(&str, &str); 9] = [
    ("prepare", "rules and debug info are read              the server serves"),
    ("shadow", "the release starts, out of sight           serves"),
    ("pair", "both start-ups are compared                serves"),
    ("hold", "all threads stop where they only wait      held"),
    ("plan", "what becomes of what lives                 held"),
    ("graft", "the release's memory is put in             held"),
    ("write", "what lives is carried over                 held"),
    ("switch", "threads get what the new ones had          held"),
    ("clean", "what it ran before goes; new registers     held, then new code"),
];

/// What `mcrx update` and `mcrx undo` said of themselves.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Done(Value);

/// Why it was not done, if not for a finding.
pub(super) enum Attempt {
    Done(Done),
    /// Something is missing on this machine: exit code 3.
    NotHere(String),
}

/// Runs such a command on the server with this pid, and prints its phases.
pub(super) fn change(
    state: &Path,
    pid: u32,
    arguments: &[&OsStr],
    shown: &str,
    (interrupt, output): (&Interrupt, &Output),
) -> Result<Attempt> {
    let Some((subcommand, rest)) = arguments.split_first() else { bail!("there is no command") };
    let result = mcrx(state)?
        .arg("--json")
        .arg(subcommand)
        .arg(pid.to_string())
        .args(rest)
        .stdin(Stdio::null())
        // A signal from the keyboard is for us: we end when this has ended.
        .process_group(0)
        .output()
        .context("mcrx cannot be started")?;
    interrupt.check()?;
    let said = String::from_utf8_lossy(&result.stderr);
    match result.status.code() {
        Some(0) => {}
        Some(3) => return Ok(Attempt::NotHere(said.trim_end().to_owned())),
        code => {
            let message = format!("`{shown}` ended with {code:?}: {}", said.trim_end());
            return Err(Failure::Finding(message).into());
        }
    }
    let facts: Value = serde_json::from_slice(&result.stdout).context("mcrx printed no JSON")?;
    output.heading(format_args!("$ {shown}"))?;
    for phase in facts["phases"].as_array().into_iter().flatten() {
        let (name, ms) =
            (phase["name"].as_str().unwrap_or_default(), phase["ms"].as_f64().unwrap_or_default());
        let what = PHASES.iter().find(|(known, _)| *known == name).map_or("", |(_, what)| *what);
        output.line(format_args!("  {name:8} {ms:8.1} ms  {what}"))?;
    }
    let done = Done(facts);
    output.line(format_args!("  held     {:8.1} ms", done.held_ms()))?;
    Ok(Attempt::Done(done))
}

impl Done {
    /// For how long no thread of the server executed anything.
    pub(super) fn held_ms(&self) -> f64 {
        self.0["pause_ms"].as_f64().unwrap_or_default()
    }
}
