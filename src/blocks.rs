//! `mcrx blocks`: what lives in a process, from the allocator alone.

use crate::output::Output;
use anyhow::Result;
use clap::ValueEnum;
use mcrx_allocator::reader::{self, Address, Consistency, Copied, Heap, Limits, Sites};
use mcrx_live::hold::{Scope, while_held};
use mcrx_live::process::memory::ProcessMemory;
use serde::Serialize;
use std::time::Duration;
use symbols::{NamedFrame, Symbols};
pub(crate) use tally::readable;
use tally::{Row, Sum};
use target::Target;

mod symbols;
pub(crate) mod tally;
mod target;

/// List what lives in a process that runs under mcrx's allocator
///
/// Blocks are counted by the call that made them, or by the size that was asked for. Bytes are those asked for, too, not what the
/// allocator rounds them up to.
#[derive(clap::Args)]
#[command(after_help = "\
The process is held still for as long as it takes to copy the allocator's tables: a few milliseconds for a million blocks. It goes on \
whatever becomes of this command, and notices nothing but that it is a little late: calls that it is blocked in go on, too.

A site is named by the return address of the call of malloc: function+offset (file). Names come from the file's symbol table, or from \
its debug file if that is installed (Debian: the package with -dbgsym at the end of its name).

Examples:
  mcrx blocks 4711                  what made the blocks, the most bytes first
  mcrx blocks 4711 --by size        how large they are
  mcrx blocks 4711 --json | jq '.rows[:10]'")]
pub(crate) struct Args {
    /// The process
    pid: u32,
    /// What to count by
    #[arg(long, value_enum, default_value_t = By::Site)]
    by: By,
    /// Do not hold the process: what it makes and frees meanwhile may be counted or not
    #[arg(long)]
    running: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum By {
    /// The call that made the block
    Site,
    /// The size that was asked for
    Size,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    pid: i32,
    name: String,
    by: By,
    /// `stopped`: exact. `running`: approximate.
    consistency: &'static str,
    /// How long the process was held; nothing if it was not.
    pause_ms: Option<f64>,
    /// Blocks and spans that changed as they were read, and were left out.
    torn: u64,
    regions: Vec<RegionFacts>,
    count: u64,
    bytes: u64,
    rows: Vec<RowFacts>,
    /// What pools have handed out of those blocks.
    parts: PartsFacts,
}

#[derive(Serialize)]
struct PartsFacts {
    count: u64,
    bytes: u64,
    rows: Vec<RowFacts>,
}

#[derive(Serialize)]
struct RegionFacts {
    base: String,
    epoch: u32,
    era: u32,
    draining: bool,
}

#[derive(Serialize)]
struct RowFacts {
    #[serde(flatten)]
    what: What,
    count: u64,
    bytes: u64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum What {
    Size {
        size: u64,
    },
    Site {
        site: String,
        /// Innermost first.
        frames: Vec<NamedFrame>,
    },
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let target = Target::open(args.pid)?;
    let memory = ProcessMemory::of(target.thread);
    let reading =
        if args.running { read_running(&target, &memory)? } else { read_stopped(&target, &memory)? };
    let heap = &reading.heap;
    let sites = match args.by {
        By::Size => None,
        By::Site => Some(Sites::read(&memory, heap).map_err(|error| target.refused(&error))?),
    };
    let mut symbols = Symbols::of(target.thread, &reading.maps);
    let mut rows = |blocks| match &sites {
        None => tally::by_size(blocks).into_iter().map(row_of_size).collect(),
        Some(sites) => {
            let rows = tally::by_site(blocks).into_iter();
            rows.map(|Row { key, sum }| {
                let frames: Vec<NamedFrame> = sites
                    .get(key)
                    .into_iter()
                    .flat_map(|site| site.frames())
                    .map(|frame| symbols.name(&frame))
                    .collect();
                row_of_site(frames, sum)
            })
            .collect()
        }
    };
    let (total, in_parts) = (tally::total(heap.ordinary_blocks()), tally::total(heap.parts()));
    let facts = Facts {
        schema: "mcrx.blocks/1",
        pid: target.pid.as_raw(),
        name: target.name.clone(),
        by: args.by,
        consistency: if args.running { "running" } else { "stopped" },
        pause_ms: reading.pause.map(|pause| pause.as_secs_f64() * 1000.0),
        torn: heap.torn(),
        regions: heap.regions().iter().map(|region| RegionFacts::of(region.header())).collect(),
        count: total.count,
        bytes: total.bytes,
        rows: rows(heap.ordinary_blocks()),
        parts: PartsFacts { count: in_parts.count, bytes: in_parts.bytes, rows: rows(heap.parts()) },
    };
    print(&facts, &target, output)?;
    output.facts(&facts)?;
    Ok(())
}

/// What was found in the process, and how.
struct Reading {
    heap: Heap,
    maps: Vec<u8>,
    pause: Option<Duration>,
}

/// The list of mappings, and the tables of the heap that it led to.
type Copy = (Vec<u8>, Result<Copied, reader::Error>);

fn copy(target: &Target, memory: &ProcessMemory, consistency: Consistency) -> Result<Copy> {
    let maps = target.maps()?;
    let bases: Vec<Address> = target.regions(memory, &maps)?;
    Ok((maps, Heap::copy(memory, &bases, consistency, Limits::default())))
}

fn read_stopped(target: &Target, memory: &ProcessMemory) -> Result<Reading> {
    // Before anything is held: most of what can be wrong is wrong now.
    target.regions(memory, &target.maps()?)?;
    let scope = Scope::Process(target.pid);
    let held = while_held(scope, |_| copy(target, memory, Consistency::Stopped));
    let (copied, pause) = held.map_err(|error| target.not_held(&error))?;
    let (maps, copied) = copied?;
    let heap = copied.and_then(Copied::check).map_err(|error| target.refused(&error))?;
    Ok(Reading { heap, maps, pause: Some(pause) })
}

/// How often a running process is looked at again, when a region went in the middle of it.
const TRIES: u32 = 3;

fn read_running(target: &Target, memory: &ProcessMemory) -> Result<Reading> {
    let mut tries = 1;
    loop {
        let (maps, copied) = copy(target, memory, Consistency::Running)?;
        match copied.and_then(Copied::check) {
            Ok(heap) => return Ok(Reading { heap, maps, pause: None }),
            Err(error) if tries == TRIES => return Err(target.refused(&error)),
            Err(_) => tries += 1,
        }
    }
}

impl RegionFacts {
    fn of(header: &reader::Header) -> RegionFacts {
        RegionFacts {
            base: header.base.to_string(),
            epoch: header.epoch.0,
            era: header.era.0,
            draining: header.draining,
        }
    }
}

fn row_of_size(row: Row<u64>) -> RowFacts {
    let Row { key: size, sum: Sum { count, bytes } } = row;
    RowFacts { what: What::Size { size }, count, bytes }
}

fn row_of_site(frames: Vec<NamedFrame>, sum: Sum) -> RowFacts {
    let names: Vec<String> = frames.iter().map(ToString::to_string).collect();
    let site = if names.is_empty() { "(not recorded)".to_owned() } else { names.join(" < ") };
    RowFacts { what: What::Site { site, frames }, count: sum.count, bytes: sum.bytes }
}

fn print(facts: &Facts, target: &Target, output: &Output) -> Result<()> {
    let held = match facts.pause_ms {
        Some(pause) => format!("held still for {pause:.1} ms"),
        None => "read as it ran: approximate".to_owned(),
    };
    output.heading(format_args!(
        "{}: {} blocks, {} ({held})",
        target.described(),
        facts.count,
        readable(facts.bytes)
    ))?;
    if facts.torn > 0 {
        output.line(format_args!(
            "{} blocks or slabs changed as they were read, and are left out",
            facts.torn
        ))?;
    }
    let title = match facts.by {
        By::Site => "SITE",
        By::Size => "SIZE",
    };
    table(title, &facts.rows, output)?;
    if facts.parts.count > 0 {
        let (count, bytes) = (facts.parts.count, readable(facts.parts.bytes));
        output.line(format_args!("\nPools have handed out of them {count} parts, {bytes}:"))?;
        table(title, &facts.parts.rows, output)?;
    }
    let other = match facts.by {
        By::Site => "size",
        By::Size => "site",
    };
    output.line(format_args!("\nNext: mcrx blocks {} --by {other}", facts.pid))?;
    Ok(())
}

fn table(title: &str, rows: &[RowFacts], output: &Output) -> Result<()> {
    output.line(format_args!("{:>12} {:>10}  {title}", "BYTES", "COUNT"))?;
    for row in rows {
        let what = match &row.what {
            What::Size { size } => size.to_string(),
            What::Site { site, .. } => site.clone(),
        };
        output.line(format_args!("{:>12} {:>10}  {what}", row.bytes, row.count))?;
    }
    Ok(())
}
