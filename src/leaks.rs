//! `mcrx leaks`: what nothing in a process can reach any more, and which calls made it.

use crate::exit::Failure;
use crate::output::Output;
use crate::subject::{Extent, Subject, SubjectFacts, Which};
use anyhow::Result;
use clap::ValueEnum;
use mcrx_allocator::reader::SiteKey;
use mcrx_analysis::sources::{self, Frame, Sources};
use mcrx_analysis::suppressions::{Suppression, Suppressions};
use mcrx_tracer::graph::{Heuristic, Holding, Lost, Pair};
use mcrx_tracer::trace::Trace;
use rows::{Losses, Row};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use std::path::{Path, PathBuf};

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

With --suppressions, leaks whose calls fit a template are left out, with all that is lost with them; * stands for anything, ^ and $ for the beginning \
and the end of a name. Templates that fit nothing are named.

Exit code 1: something is lost, directly or indirectly, or as --fail-on says.

Examples:
  mcrx leaks 4711
  mcrx leaks redis.snap --all
  mcrx leaks 4711 --heuristics none    pointers into the middle of a block never hold it for certain
  mcrx leaks 4711 --suppressions known.supp --fail-on direct,possibly
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
    /// A file of leaks that are known and not to be told of, in LeakSanitizer's format: a line for each, leak:FUNCTION, leak:FILE or leak:LIBRARY
    #[arg(long, value_name = "FILE")]
    suppressions: Option<PathBuf>,
    /// What makes the exit code 1
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LOSS", default_value = "direct,indirect")]
    fail_on: Vec<FailOn>,
}

/// Which blocks make a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Blocks that nothing leads to
    Direct,
    /// Blocks that are lost with others
    Indirect,
    /// Blocks that pointers into their middle hold
    Possibly,
    /// Nothing does
    Never,
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
    /// What suppressions held back.
    suppressed: Pair,
    suppressions: Vec<SuppressionFacts>,
    rows: Vec<RowFacts>,
}

#[derive(Serialize)]
struct SuppressionFacts {
    template: String,
    line: usize,
    #[serde(flatten)]
    held_back: Pair,
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
    let known = suppressions(args.suppressions.as_deref())?;
    let subject = Subject::open(&args.which, Extent::One, output)?;
    subject.traced(output, |trace, _| {
        let lost = Lost::find(&trace.graph, &trace.input(), &trace.marked, &heuristics);
        let mut sources = Sources::of(trace);
        let mut known =
            Known { suppressions: known, of_sites: FxHashMap::default(), held_back: Pair::default() };
        let told: FxHashSet<u32> = trace
            .blocks
            .iter()
            .filter(|(number, _)| args.all || trace.is_own(*number))
            .filter(|(number, _)| !known.holds_back(trace, &lost, &mut sources, *number))
            .map(|(number, _)| number)
            .collect();
        let rows = rows::by_site_and_type(trace, &lost, |block| told.contains(&block));
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
            suppressed: known.held_back,
            suppressions: known.facts(),
            rows: rows.into_iter().map(fact).collect(),
        };
        print(&facts, &subject, args, output)?;
        subject.narrate_others(output);
        narrate_unused(&facts, args, output);
        output.facts(&facts)?;
        match failing(&facts.losses, &args.fail_on) {
            Pair { blocks: 0, .. } => Ok(()),
            Pair { blocks, bytes } => {
                Err(Failure::Finding(format!("{blocks} blocks of {bytes} bytes are lost")).into())
            }
        }
    })
}

fn suppressions(path: Option<&Path>) -> Result<Suppressions> {
    let Some(path) = path else { return Ok(Suppressions::default()) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?;
    let read = Suppressions::parse(&text);
    read.map_err(|error| Failure::Usage(format!("{}, {error}", path.display())).into())
}

/// What is known, and how much of it was found.
struct Known {
    suppressions: Suppressions,
    /// For each site whether one of them fits it: they are asked once for each.
    of_sites: FxHashMap<Option<SiteKey>, Option<usize>>,
    held_back: Pair,
}

impl Known {
    /// Whether a lost block is not to be told of: it is known, or what it is lost with is.
    fn holds_back(&mut self, trace: &Trace<'_>, lost: &Lost, sources: &mut Sources<'_>, number: u32) -> bool {
        if self.suppressions.is_empty() || lost.holding(number) == Holding::Reachable {
            return false;
        }
        let Some(block) = trace.blocks.get(number) else { return false };
        let leader = lost.leader(number).and_then(|leader| trace.blocks.get(leader));
        for site in [leader.map(|leader| leader.site), Some(block.site)].into_iter().flatten() {
            let Known { suppressions, of_sites, .. } = self;
            let fitting =
                *of_sites.entry(site).or_insert_with(|| suppressions.fitting(&sources.frames(site)));
            if let Some(place) = fitting {
                self.suppressions.count(place, block.requested);
                self.held_back.blocks += 1;
                self.held_back.bytes += block.requested;
                return true;
            }
        }
        false
    }

    fn facts(&self) -> Vec<SuppressionFacts> {
        let fact = |known: &Suppression| SuppressionFacts {
            template: known.template.clone(),
            line: known.line,
            held_back: Pair { blocks: known.blocks, bytes: known.bytes },
        };
        self.suppressions.iter().map(fact).collect()
    }
}

/// What a template was written for may be mended, or called otherwise by now.
fn narrate_unused(facts: &Facts, args: &Args, output: &Output) {
    let Some(path) = &args.suppressions else { return };
    for known in facts.suppressions.iter().filter(|known| known.held_back.blocks == 0) {
        output.narrate(format_args!(
            "{}:{}: leak:{} fits nothing that is lost",
            path.display(),
            known.line,
            known.template
        ));
    }
}

fn failing(losses: &Losses, fail_on: &[FailOn]) -> Pair {
    let mut failing = Pair::default();
    for (which, pair) in [
        (FailOn::Direct, losses.direct),
        (FailOn::Indirect, losses.indirect),
        (FailOn::Possibly, losses.possibly),
    ] {
        if fail_on.contains(&which) && !fail_on.contains(&FailOn::Never) {
            failing.blocks += pair.blocks;
            failing.bytes += pair.bytes;
        }
    }
    failing
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
    if facts.suppressed.blocks > 0 {
        let Pair { blocks, bytes } = facts.suppressed;
        output.line(format_args!("{blocks} more blocks, {bytes} bytes, are lost as suppressions say"))?;
    }
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
