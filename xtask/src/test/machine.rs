//! What tests need of the machine: programs beside the servers, and the servers.

use super::{Args, Outcome, suites};
use crate::install::{Installed, debian_packages, is_root};
use anyhow::Result;
use mcrx_harness::{PROGRAMS, find_program};

pub(crate) fn packages(_args: &Args) -> Result<Outcome> {
    let missing = PROGRAMS.iter().filter(|program| find_program(program.name).is_none());
    let mut packages: Vec<&str> = missing.map(|program| program.package).collect();
    packages.dedup();
    if !packages.is_empty() {
        println!("missing: {}", packages.join(" "));
    }
    match debian_packages(&packages) {
        Installed::All => Ok(Outcome::default()),
        // The tests that need them are skipped, each by name.
        Installed::Not(reason) => Ok(Outcome { notes: vec![reason], ..Outcome::default() }),
    }
}

/// A server whose source is out of reach is skipped by the tests that need it. One that cannot be built is a failure
/// where everything to build it can be installed, and skipped like the first where not.
pub(crate) fn servers(args: &Args) -> Result<Outcome> {
    if !suites::wants_servers(args)? {
        return Ok(Outcome::skipped("no end-to-end test is asked for"));
    }
    let report = mcrx_servers::provide(&[], &mut |line| println!("{line}"))?;
    let mut outcome = Outcome::default();
    for row in report.skipped.iter().chain(&report.failed) {
        outcome.notes.push(format!("{} {} is not there: {}", row.name, row.version, row.reason));
    }
    if is_root() && !report.failed.is_empty() {
        outcome.failure = Some(format!("{} servers could not be built", report.failed.len()));
    }
    Ok(outcome)
}
