//! `mcrx leaks`: what nothing in a process can reach any more, and which calls made it.

use crate::exit::Failure;
use crate::output::Output;
use crate::subject::{Extent, Subject, SubjectFacts, Which};
use anyhow::Result;
use clap::ValueEnum;
use mcrx_analysis::sources::{self, Frame, Sources};
use mcrx_tracer::graph::{Heuristic, Lost, Pair};
use rows::{Losses, Row};
use serde::Serialize;

mod rows;

/// List what a process has lost: blocks that no variable, stack or register leads to any more
///
/// Lost blocks are counted by the call that made them and by their type. Direct are those that no other lost block leads to: to free
/// them, and what they hold, would mend the leak. Indirect are those that are lost with others. Possibly lost are blocks that are held
/// by nothing but pointers into the middle of a block.
#[derive(clap::Args)]
#[command(after_help = "\
The words are those of valgrind: direct is its definitely lost, and the classes mean the same. But memory is read by the types that debug \
info gives: what a function has left on its stack holds nothing, nor does a floating-point number with the bits of a pointer. Programs \
that cut up blocks themselves, for pools or with headers of their own, may hold them by pointers into the middle alone: then possibly \
lost means little.

A live process is held for as long as it takes to copy its memory. Only blocks whose call is in the program itself are counted; --all \
counts those of libraries too.

Exit code 1: something is lost, directly or indirectly.

Examples:
  mcrx leaks 4711
  mcrx leaks redis.snap --all
  mcrx leaks 4711 --heuristics none    pointers into the middle of a block never hold it for certain
  mcrx leaks 4711 --json | jq '.rows[0].frames'")]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Count blocks that libraries made, too
    #[arg(long)]
    all: bool,
    /// Which pointers into the middle of a block hold it like one to its start
    #[arg(long, value_enum, value_delimiter = ',', value_name = "HEURISTIC", default_value = "all")]
    heuristics: Vec<Chosen>,
}

/// A heuristic by its name: but for the first three by valgrind's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Chosen {
    /// All of these
    All,
    /// None of them
    None,
    /// To a member of an object whose type is known, read by its type
    Typed,
    /// To the characters of a reference-counted std::string
    Stdstring,
    /// To what follows eight bytes that hold the length of the rest
    Length64,
    /// To the first object of a new[]
    Newarray,
    /// To a base with virtual functions of a C++ object that has such, too
    Multipleinheritance,
}

impl Chosen {
    fn heuristics(self) -> &'static [Heuristic] {
        match self {
            Chosen::All => &Heuristic::ALL,
            Chosen::None => &[],
            Chosen::Typed => &[Heuristic::Typed],
            Chosen::Stdstring => &[Heuristic::StdString],
            Chosen::Length64 => &[Heuristic::Length64],
            Chosen::Newarray => &[Heuristic::NewArray],
            Chosen::Multipleinheritance => &[Heuristic::MultipleInheritance],
        }
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    #[serde(flatten)]
    subject: SubjectFacts,
    #[serde(flatten)]
    losses: Losses,
    rows: Vec<RowFacts>,
}

#[derive(Serialize)]
struct RowFacts {
    #[serde(rename = "type")]
    ty: Option<String>,
    #[serde(flatten)]
    losses: Losses,
    site: String,
    /// Innermost first.
    frames: Vec<Frame>,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let heuristics: Vec<Heuristic> =
        args.heuristics.iter().flat_map(|chosen| chosen.heuristics()).copied().collect();
    let subject = Subject::open(&args.which, Extent::One, output)?;
    subject.traced(output, |trace, _| {
        let lost = Lost::find(&trace.graph, &trace.input(), &trace.marked, &heuristics);
        let rows = rows::by_site_and_type(trace, &lost, |block| args.all || trace.is_own(block));
        let mut sources = Sources::of(trace);
        let mut losses = Losses::default();
        rows.iter().for_each(|row| losses.add(&row.losses));
        let fact = |Row { site, ty, losses }: Row| {
            let frames = sources.frames(site);
            RowFacts {
                ty: ty.map(|ty| trace.model.name(ty)),
                losses,
                site: sources::described(&frames),
                frames,
            }
        };
        let facts = Facts {
            schema: "mcrx.leaks/1",
            subject: subject.facts(),
            losses,
            rows: rows.into_iter().map(fact).collect(),
        };
        print(&facts, &subject, args, output)?;
        subject.narrate_others(output);
        output.facts(&facts)?;
        match facts.losses.lost() {
            Pair { blocks: 0, .. } => Ok(()),
            Pair { blocks, bytes } => {
                Err(Failure::Finding(format!("{blocks} blocks of {bytes} bytes are lost")).into())
            }
        }
    })
}

fn print(facts: &Facts, subject: &Subject, args: &Args, output: &Output) -> Result<()> {
    let Losses { direct, indirect, possibly, .. } = facts.losses;
    output.heading(format_args!(
        "{}: {} blocks lost, {} bytes; {} possibly, {} bytes",
        subject.described(),
        direct.blocks + indirect.blocks,
        direct.bytes + indirect.bytes,
        possibly.blocks,
        possibly.bytes
    ))?;
    if !facts.rows.is_empty() {
        output.line(format_args!(
            "{:>10} {:>12} {:>10} {:>12} {:>10} {:>12}  MADE BY",
            "DIRECT", "BYTES", "INDIRECT", "BYTES", "POSSIBLY", "BYTES"
        ))?;
    }
    for RowFacts { ty, losses, site, .. } in &facts.rows {
        let Losses { direct, indirect, possibly, holds, .. } = losses;
        output.line(format_args!(
            "{:>10} {:>12} {:>10} {:>12} {:>10} {:>12}  {site}",
            direct.blocks, direct.bytes, indirect.blocks, indirect.bytes, possibly.blocks, possibly.bytes
        ))?;
        let ty = ty.as_deref().unwrap_or("no known type");
        let with = match holds.blocks {
            0 => String::new(),
            blocks => format!("; with them {blocks} more blocks, {} bytes, are lost", holds.bytes),
        };
        output.line(format_args!("{:73}{ty}{with}", ""))?;
    }
    let target = subject.named(&args.which);
    let next = if args.all { format!("mcrx trace {target}") } else { format!("mcrx leaks {target} --all") };
    output.line(format_args!("\nNext: {next}"))?;
    Ok(())
}
