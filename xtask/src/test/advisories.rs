//! `deny.toml`: licences and sources of what we depend on, and what is known to be wrong with it.

use super::{Args, Outcome, runner};
use crate::install::CrateProgram;
use anyhow::Result;
use std::process::Command;

const CARGO_DENY: CrateProgram = CrateProgram { name: "cargo-deny", version: "0.20.2" };

pub(crate) fn policy(_args: &Args) -> Result<Outcome> {
    match CARGO_DENY.provide() {
        Ok(program) => runner::check(Command::new(program).args(["check", "licenses", "bans", "sources"])),
        Err(error) => Ok(Outcome::skipped(format!("{error:#}"))),
    }
}

/// The database of advisories is a repository of its own, out of reach of machines that see package registries only.
pub(crate) fn advisories(_args: &Args) -> Result<Outcome> {
    let program = match CARGO_DENY.provide() {
        Ok(program) => program,
        Err(error) => return Ok(Outcome::skipped(format!("{error:#}"))),
    };
    // A machine behind a silent firewall would wait for minutes.
    let fetched = Command::new("timeout").arg("60").arg(&program).args(["fetch", "db"]).output()?;
    if !fetched.status.success() {
        let said = String::from_utf8_lossy(&fetched.stderr);
        let reason = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no answer in a minute");
        return Ok(Outcome::skipped(format!("the advisory database cannot be had ({reason})")));
    }
    runner::check(Command::new(program).args(["check", "--disable-fetch", "advisories"]))
}
