//! `mcrx suspects`: who is leaking, most likely, in sentences.

use crate::exit::Failure;
use crate::output::Output;
use crate::subject::indexed::{Reading, ServerFacts, indexed};
use anyhow::Result;
use mcrx_analysis::diff::Diff;
use mcrx_analysis::suspects::{Suspect, suspects};
use serde::Serialize;

/// Name who is leaking, most likely: what grew between two or three snapshots and does not go away, who holds it, who made it
///
/// A suspect is blocks of one type with one owner that became many more, while hardly any of the old ones were freed. What these hold in turn
/// goes with them. A third snapshot tells a leak from what fills up once, as caches do: a suspect has grown from each to the next.
#[derive(clap::Args)]
#[command(after_help = "\
Take the snapshots when the server is warm, with the same kind of work between them. Bytes are those that the program asked for.

Exit code 1: there is a suspect.

Examples:
  mcrx suspects before.snap after.snap
  mcrx suspects before.snap after.snap 4711    with the process as it is now
  mcrx suspects a.snap b.snap c.snap --json | jq -r '.suspects[].owner'")]
pub(crate) struct Args {
    /// The earlier one: a snapshot, a core file, or a process
    #[arg(value_name = "BEFORE")]
    before: String,
    /// A later one
    #[arg(value_name = "AFTER")]
    after: String,
    /// One that is later still
    #[arg(value_name = "LATER")]
    later: Option<String>,
    #[command(flatten)]
    reading: Reading,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    /// In the order in which they were named.
    snapshots: Vec<ServerFacts>,
    /// The worst first.
    suspects: Vec<Suspect>,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let (before, before_facts) = indexed(&args.before, &args.reading, output)?;
    let (after, after_facts) = indexed(&args.after, &args.reading, output)?;
    let mut snapshots = vec![before_facts, after_facts];
    let diff = match &args.later {
        None => Diff::of(&before, &after),
        Some(target) => {
            let (later, facts) = indexed(target, &args.reading, output)?;
            snapshots.push(facts);
            Diff::of_three(&before, &after, &later)
        }
    };
    if !diff.is_matched() {
        let what = "these are not of one process, and which blocks went and came cannot be told: mcrx diff compares them by names";
        return Err(Failure::Usage(what.to_owned()).into());
    }
    let facts = Facts { schema: "mcrx.suspects/1", snapshots, suspects: suspects(&diff) };
    print(&facts, args, output)?;
    output.facts(&facts)?;
    match facts.suspects.len() {
        0 => Ok(()),
        1 => Err(Failure::Finding("one suspect".to_owned()).into()),
        many => Err(Failure::Finding(format!("{many} suspects")).into()),
    }
}

fn print(facts: &Facts, args: &Args, output: &Output) -> Result<()> {
    if facts.suspects.is_empty() {
        output.line("nothing grew that looks like a leak")?;
    }
    for (suspect, place) in facts.suspects.iter().zip(1..) {
        for (sentence, is_first) in suspect.sentences.iter().zip([true, false, false, false]) {
            match is_first {
                true => output.heading(format_args!("{place}. {sentence}"))?,
                false => output.line(format_args!("   {sentence}"))?,
            }
        }
    }
    let targets = [Some(&args.before), Some(&args.after), args.later.as_ref()];
    let targets: Vec<&str> = targets.into_iter().flatten().map(String::as_str).collect();
    output.line(format_args!("\nNext: mcrx diff {}", targets.join(" ")))?;
    Ok(())
}
