//! `mcrx report`: what a server's heap holds, and what grew in it, on one page.

use crate::output::{Output, PathFact, private_file, shortened};
use crate::subject::indexed::{Reading, ServerFacts, indexed};
use anyhow::Result;
use mcrx_analysis::diff::Diff;
use mcrx_analysis::report::{self, Subjects};
use mcrx_analysis::suspects::suspects;
use serde::Serialize;
use std::path::PathBuf;

/// Write a report on one, two or three snapshots of a server: one HTML file that loads nothing, for a browser or a phone
///
/// It begins with what is suspected to leak, in sentences; below are what grew by type, call and holder, who retains what, a flame graph that
/// is red where there is more and blue where there is less, how much of it has a known type, and what the snapshots are of.
#[derive(clap::Args)]
#[command(after_help = "\
Names of types, functions and variables are in the file, and what the processes call themselves; no memory is.

Examples:
  mcrx report before.snap after.snap -o report.html
  mcrx report before.snap after.snap 4711 -o report.html    with the process as it is now
  mcrx report 4711 -o report.html                           what it holds")]
pub(crate) struct Args {
    /// Snapshots, core files or processes, the earliest first
    #[arg(value_name = "SNAPSHOT", num_args = 1..=3, required = true)]
    targets: Vec<String>,
    /// The file to write; for its owner only
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    reading: Reading,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    file: PathFact,
    file_bytes: u64,
    snapshots: Vec<ServerFacts>,
    suspects: usize,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let read = |target: &String| indexed(target, &args.reading, output);
    let (snapshots, servers): (Vec<_>, Vec<_>) =
        args.targets.iter().map(read).collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let (Some(first), Some(last)) = (snapshots.first(), snapshots.last()) else { return Ok(()) };
    let diff = match snapshots.as_slice() {
        [before, between, after] => Diff::of_three(before, between, after),
        _ => Diff::of(first, last),
    };
    let targets: Vec<&str> = args.targets.iter().map(String::as_str).collect();
    let title = servers.last().map_or_else(String::new, |server| shortened(&server.name, TITLE));
    let subjects =
        Subjects { title: &title, targets: &targets, last, diff: &diff, version: env!("CARGO_PKG_VERSION") };
    let mut page = Vec::new();
    report::write(&subjects, &mut page)?;
    private_file(&args.output, &page)?;
    let found = suspects(&diff);
    let file = args.output.display();
    output.line(format_args!("{file}: {} bytes", page.len()))?;
    for suspect in &found {
        output.line(suspect.sentences.iter().take(2).cloned().collect::<Vec<String>>().join(" "))?;
    }
    output.line(format_args!("\nNext: xdg-open {file}"))?;
    output.facts(&Facts {
        schema: "mcrx.report/1",
        file: PathFact(args.output.clone()),
        file_bytes: u64::try_from(page.len()).unwrap_or(u64::MAX),
        snapshots: servers,
        suspects: found.len(),
    })?;
    Ok(())
}

/// Characters of what a process calls itself.
const TITLE: usize = 120;
