//! What tests need of the machine: programs and files beside the servers, and the servers.

use super::{Args, Outcome, suites};
use crate::install::{Installed, debian_packages, is_root};
use anyhow::Result;
use mcrx_harness::{FILES, PROGRAMS, find_program};
use std::collections::BTreeSet;
use std::env;

/// Set to anything: packages of more than 50 MB that one test needs are not installed, and the test is skipped.
const LEAN: &str = "MCRX_LEAN";
const LARGE: [&str; 1] = ["chromium"];

pub(crate) fn packages(_args: &Args) -> Result<Outcome> {
    let programs = PROGRAMS.iter().filter(|program| find_program(program.name).is_none());
    let files = FILES.iter().filter(|files| files.find().is_none());
    let mut missing: BTreeSet<&str> =
        programs.map(|program| program.package).chain(files.map(|files| files.package)).collect();
    let mut notes = Vec::new();
    if env::var_os(LEAN).is_some() {
        for package in LARGE.into_iter().filter(|package| missing.remove(package)) {
            notes.push(format!("{package} is not installed, since {LEAN} is set"));
        }
    }
    let packages: Vec<&str> = missing.into_iter().collect();
    if !packages.is_empty() {
        println!("missing: {}", packages.join(" "));
    }
    // The tests that need what is not there are skipped, each by name.
    if let Installed::Not(reason) = debian_packages(&packages) {
        notes.push(reason);
    }
    Ok(Outcome { notes, ..Outcome::default() })
}

/// A server whose source is out of reach is skipped by the tests that need it. One that cannot be built is a failure
/// where everything to build it can be installed, and skipped like the first where not.
pub(crate) fn servers(args: &Args) -> Result<Outcome> {
    if !suites::wants_servers(args)? {
        return Ok(Outcome::skipped("no test that looks at servers is asked for"));
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
