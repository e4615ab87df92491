//! `mcrx snapshot`: the memory of a server, as it is at one instant, in a file.

use crate::output::Output;
use crate::subject::{milliseconds, pid};
use anyhow::{Result, anyhow};
use mcrx_allocator::reader::{Consistency, Heap, Limits};
use mcrx_live::capture::capture;
use mcrx_live::hold::Scope;
use mcrx_tracer::image::{Image, Method};
use mcrx_tracer::snapshot::{Options, save};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

use crate::exit::Failure;

/// Write what a server and all its processes have in memory to a file
///
/// They are held still for as long as it takes to copy their memory, or, where there is much of it, to clone them: their memory is then
/// copied from the clones, which end with that. Which it was, and for how long, is said. What the file is made of can be traced, compared and
/// transformed later, on another machine that has the same programs.
#[derive(clap::Args)]
#[command(after_help = "\
Memory holds keys and passwords: the file is for its owner only, and --redact leaves out all that is no pointer.

Examples:
  mcrx snapshot 4711 -o nginx.snap
  mcrx trace nginx.snap")]
pub(crate) struct Args {
    /// The process; those that descend from it are in the file too
    pid: String,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Only this process, not those that descend from it
    #[arg(long)]
    alone: bool,
    /// Leave out all bytes that are neither pointers nor the allocator's tables
    #[arg(long)]
    redact: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    pause_ms: f64,
    /// How memory was read: `copy`, or `clone`.
    method: &'static str,
    /// Their ids.
    processes: Vec<u32>,
    /// Live blocks of all of them together.
    blocks: u64,
    /// Bytes of memory in the file.
    bytes: u64,
    file_bytes: u64,
    write_ms: f64,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let pid = pid(&args.pid)?.ok_or_else(|| Failure::Usage(format!("{} is no process", args.pid)))?;
    let phase = output.phase(format!("reading {pid}"));
    let image = capture(if args.alone { Scope::Process(pid) } else { Scope::Tree(pid) })?;
    drop(phase);
    let blocks = blocks(&image)?;
    let start = Instant::now();
    let phase = output.phase(format!("writing {}", args.output.display()));
    let progress = |done: u64, of: u64| phase.at(done, of);
    let written = save(&image, &Options { redact: args.redact, progress: Some(&progress) }, &args.output)?;
    drop(phase);
    let facts = Facts {
        schema: "mcrx.snapshot/1",
        pause_ms: milliseconds(image.taken.held),
        method: match image.taken.method {
            Method::Copy => "copy",
            Method::Clone => "clone",
        },
        processes: image.processes.iter().map(|process| process.pid).collect(),
        blocks,
        bytes: written.bytes,
        file_bytes: written.file_bytes,
        write_ms: milliseconds(start.elapsed()),
    };
    let file = args.output.display();
    output.line(format_args!(
        "{file}: {} processes, {} blocks, {} bytes of memory in {} bytes; held still for {:.1} ms to be {}",
        facts.processes.len(),
        facts.blocks,
        facts.bytes,
        facts.file_bytes,
        facts.pause_ms,
        match image.taken.method {
            Method::Copy => "copied",
            Method::Clone => "cloned",
        }
    ))?;
    output.line(format_args!("\nNext: mcrx trace {file}"))?;
    output.facts(&facts)?;
    Ok(())
}

/// Live blocks. A process of the tree that does not run under the allocator has none; that none does is an error.
fn blocks(image: &Image) -> Result<u64> {
    let (mut blocks, mut heaps) = (0, 0);
    for process in &image.processes {
        let regions = process.regions();
        if regions.is_empty() {
            continue;
        }
        let heap = Heap::read(&process.memory, &regions, Consistency::Stopped, Limits::default());
        let heap = heap.map_err(|error| {
            Failure::Refused(format!("process {} ({}): {error}", process.pid, process.name))
        })?;
        heaps += 1;
        blocks += u64::try_from(heap.ordinary_blocks().count()).unwrap_or(u64::MAX);
    }
    if heaps == 0 {
        return Err(anyhow!(
            "none of the processes runs under mcrx's allocator: start the program with LD_PRELOAD=/path/to/libmcrx.so"
        ));
    }
    Ok(blocks)
}
