//! `mcrx trace`: how much of a process's heap is known precisely, and what must not move.

use crate::exit::Failure;
use crate::output::Output;
use crate::subject::{Extent, Subject, SubjectFacts, Times, Which};
use anyhow::Result;
use mcrx_tracer::graph::Totals;
use mcrx_tracer::paranoid;
use mcrx_tracer::trace::Trace;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Display;
use tree::{Counts, ProcessFacts};

mod tree;

/// Trace a server: the types of its blocks, the pointers between them, and which of them must not move
///
/// From its variables, stacks and registers on, every pointer is followed: by its type where debug info says it, and as a word that may
/// be a pointer where nothing does. What such a word points to is pinned.
///
/// A live server's processes are captured together, at one instant: each has a line, and the first, or the one that --process names, a table
/// of its own.
#[derive(clap::Args)]
#[command(after_help = "\
Live processes are held for as long as it takes to copy their memory. Blocks are counted as mcrx blocks counts them. `own` are those \
whose call is in the program itself, not in a library.

Where two pointers say that one place is of two types, neither is believed; --disagreements lists those.

Examples:
  mcrx trace 4711                          a server with its workers
  mcrx trace 4711 --process 4712           the same, and a worker in detail
  mcrx trace 4711 --alone                  one process
  mcrx trace nginx.snap --process 4712
  mcrx trace 4711 --json | jq '.processes[].own.pinned'")]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Only this one process, not the others
    #[arg(long)]
    alone: bool,
    /// List the places whose types are in dispute
    #[arg(long)]
    disagreements: bool,
    /// Have a second, slow tracer check the first
    #[arg(long)]
    paranoid: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    #[serde(flatten)]
    subject: SubjectFacts,
    #[serde(flatten)]
    counts: Counts,
    /// All of them, the one above too, parents before their children.
    processes: Vec<ProcessFacts>,
    /// Of all of them together.
    time_ms: Times,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let subject = Subject::open(&args.which, if args.alone { Extent::One } else { Extent::Tree }, output)?;
    let chosen = subject.process();
    let (mut processes, times) =
        if args.alone { (Vec::new(), Vec::new()) } else { tree::others(&subject, output) };
    subject.traced(output, |trace, time_ms| {
        let counts = Counts::of(trace);
        let place = subject.processes().iter().position(|process| process.pid == chosen.pid).unwrap_or(0);
        processes.insert(place.min(processes.len()), ProcessFacts::traced(chosen, counts));
        let facts = Facts {
            schema: "mcrx.trace/1",
            subject: subject.facts(),
            counts,
            processes,
            time_ms: times.into_iter().fold(time_ms, Times::and),
        };
        print(&facts, &subject, output)?;
        if args.disagreements {
            print_disagreements(trace, output)?;
        }
        let named = subject.named(&args.which);
        let leaks = match facts.counts.totals.unreachable.blocks {
            0 => String::new(),
            _ => format!(", or mcrx leaks {named} for what is unreachable"),
        };
        output.line(format_args!("\nNext: mcrx pins {named}{leaks}"))?;
        output.facts(&facts)?;
        if args.paranoid { check(trace, output) } else { Ok(()) }
    })
}

/// Differences that are listed.
const DIFFERENCES: usize = 20;

fn check(trace: &Trace<'_>, output: &Output) -> Result<()> {
    let phase = output.phase("checking by a second tracer");
    let differences = paranoid::check(&trace.input(), &trace.marked, &trace.graph, DIFFERENCES);
    drop(phase);
    differences.iter().for_each(|difference| output.narrate(difference));
    if differences.is_empty() {
        output.narrate("the second tracer agrees");
        return Ok(());
    }
    Err(Failure::Finding("the two tracers do not agree: this is a bug of mcrx, please report it".to_owned())
        .into())
}

fn print(facts: &Facts, subject: &Subject, output: &Output) -> Result<()> {
    let several = facts.processes.len() > 1;
    if several {
        tree::print(&facts.processes, subject, output)?;
    }
    let held = match facts.subject.pause_ms {
        Some(pause) if !several => format!(" (held still for {pause:.1} ms)"),
        _ => String::new(),
    };
    let Counts { totals: all, own, disagreements } = &facts.counts;
    output.heading(format_args!("{}: {} blocks{held}", subject.described(), all.blocks.live))?;
    output.line(format_args!("{:24} {:>14} {:>14}", "", "ALL", "OWN"))?;
    let rows: [(&str, u64, u64); 15] = [
        ("blocks", all.blocks.live, own.blocks.live),
        ("  typed", all.blocks.typed, own.blocks.typed),
        ("  partly typed", all.blocks.partly_typed, own.blocks.partly_typed),
        ("  untyped", all.blocks.untyped, own.blocks.untyped),
        ("bytes", all.bytes.live, own.bytes.live),
        ("  typed", all.bytes.typed, own.bytes.typed),
        ("  read conservatively", all.bytes.conservative, own.bytes.conservative),
        ("pointers", sum(all), sum(own)),
        ("  precise", all.pointers.precise, own.pointers.precise),
        ("  opaque", all.pointers.opaque, own.pointers.opaque),
        ("  likely", all.pointers.likely, own.pointers.likely),
        ("pinned", all.pinned.blocks, own.pinned.blocks),
        ("  bytes", all.pinned.bytes, own.pinned.bytes),
        ("unreachable", all.unreachable.blocks, own.unreachable.blocks),
        ("  bytes", all.unreachable.bytes, own.unreachable.bytes),
    ];
    for (name, all, own) in rows {
        output.line(format_args!("{name:24} {all:>14} {own:>14}"))?;
    }
    output.line(format_args!(
        "{:24} {:>14} {:>14}",
        "pinned of blocks",
        share(all.pinned.blocks, all.blocks.live),
        share(own.pinned.blocks, own.blocks.live)
    ))?;
    output.line(format_args!("{:24} {:>14}", "types in dispute", disagreements))?;
    let Times { read, debuginfo, mark } = facts.time_ms;
    output.line(format_args!(
        "read in {read:.0} ms, debug info in {debuginfo:.0} ms, marked in {mark:.0} ms"
    ))?;
    Ok(())
}

/// A part in per cent.
fn share(part: u64, of: u64) -> String {
    let tenths = u128::from(part) * 1000 / u128::from(of.max(1));
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// A cell of a table.
fn column(text: impl Display) -> String {
    format!("  {text:>11}")
}

fn sum(totals: &Totals) -> u64 {
    totals.pointers.precise + totals.pointers.opaque + totals.pointers.likely
}

/// By pair of types, the most frequent first.
fn print_disagreements(trace: &Trace<'_>, output: &Output) -> Result<()> {
    let mut pairs: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for found in &trace.marked.disagreements {
        let known = match found.known {
            Some(known) => trace.model.name(known),
            None => "(too small a block)".to_owned(),
        };
        let address = trace.blocks.get(found.block).map_or(0, |block| block.address + found.offset);
        pairs.entry((known, trace.model.name(found.claimed))).or_insert((0, address)).0 += 1;
    }
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    pairs.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    output.heading("In dispute")?;
    for ((known, claimed), (count, address)) in pairs {
        output.line(format_args!("{count:>10}  {known}  or  {claimed}, as at {address:#x}"))?;
    }
    Ok(())
}
