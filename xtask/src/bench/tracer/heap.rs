//! A heap of millions of linked blocks (`benches/tracer/heap.c`), marked.
//!
//! Beside ours: LeakSanitizer's check of the same program, which marks the same blocks and keeps only what was reached; and a plain
//! copy of the same bytes by one thread, the limit of what can be hoped for.
//!
//! *marked* is the time from heap tables and types to the graph with its totals; *in all* a whole `mcrx trace`, with its start, the copy
//! of the memory and the debug info. *memory* is what `mcrx trace` needs at its peak beyond its copy of the heap.

use crate::bench::area::{Case, Figure, Side};
use crate::bench::program;
use crate::bench::supply::Supply;
use anyhow::{Context, Result, ensure};
use mcrx_harness::{Batch, Exit, Invocation, Scratch, preload};
use serde_json::Value;
use std::cell::RefCell;
use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/tracer/heap.c");
const PATIENCE: Duration = Duration::from_secs(600);
/// Blocks of the heap that is compared: 1 GiB of them.
const BLOCKS: u32 = 10_000_000;
/// Of the heaps that show how it grows, the first is what the others are compared with.
const GROWTH: [(&str, u32); 3] =
    [("", 1_000_000), ("marked, 4 M blocks", 4_000_000), ("marked, 20 M blocks", 20_000_000)];
/// Bytes of a block.
const BLOCK_BYTES: u32 = 96;
/// Built with LeakSanitizer, it checks and says how long it took.
const CHECKED: [&str; 2] = ["-fsanitize=leak", "-DLEAK_CHECK"];

pub(super) fn cases(supply: &mut Supply) -> Vec<Case> {
    let Some(mcrx) = supply.or_missing(program::build("mcrx", "bin", "mcrx")) else { return Vec::new() };
    let Some(heaps) = supply.or_missing(Heaps::new(mcrx)).map(Rc::new) else { return Vec::new() };
    let mut cases = Vec::new();
    let ours = |what: What, blocks| {
        let heaps = Rc::clone(&heaps);
        Side::new("mcrx", move || heaps.traced(blocks).map(|traced| vec![traced.figure(what, blocks)]))
    };
    let checked = supply.or_missing(heaps.compile("checked", &CHECKED));
    for (name, what) in [("marked, 10 M blocks", What::Marked), ("in all, 10 M blocks", What::All)] {
        let mut sides = vec![ours(what, BLOCKS)];
        if let Some(checked) = checked.clone() {
            sides.push(Side::new("LeakSanitizer", move || {
                check(&checked).map(|time| vec![per_block(time, BLOCKS)])
            }));
        }
        sides.push(Side::new("plain copy", || Ok(vec![per_block(copy(), BLOCKS)])));
        cases.push(Case { name, sides });
    }
    let heap = f64::from(BLOCKS) * f64::from(BLOCK_BYTES) / f64::from(1 << 20);
    let size = Side::new("the heap", move || Ok(vec![Figure { name: "memory", unit: "MiB", value: heap }]));
    cases.push(Case { name: "memory, 10 M blocks", sides: vec![ours(What::Memory, BLOCKS), size] });
    let [(_, few), more @ ..] = GROWTH;
    for (name, blocks) in more {
        let small = ours(What::Marked, few);
        let sides = vec![ours(What::Marked, blocks), Side { name: "1 M blocks".to_owned(), ..small }];
        cases.push(Case { name, sides });
    }
    cases
}

/// What is looked at.
#[derive(Clone, Copy)]
enum What {
    Marked,
    All,
    Memory,
}

fn per_block(time: Duration, blocks: u32) -> Figure {
    Figure { name: "a block", unit: "ns", value: time.as_secs_f64() * 1e9 / f64::from(blocks) }
}

/// A trace of a heap.
#[derive(Clone, Copy)]
struct Traced {
    marked: Duration,
    wall: Duration,
    peak_mib: f64,
}

impl Traced {
    fn figure(&self, what: What, blocks: u32) -> Figure {
        let copy = f64::from(blocks) * f64::from(BLOCK_BYTES) / f64::from(1 << 20);
        match what {
            What::Marked => per_block(self.marked, blocks),
            What::All => per_block(self.wall, blocks),
            What::Memory => Figure { name: "memory", unit: "MiB", value: self.peak_mib - copy },
        }
    }
}

/// The program, and the one process of it that runs.
struct Heaps {
    mcrx: PathBuf,
    scratch: Scratch,
    program: PathBuf,
    running: RefCell<Option<Heap>>,
}

impl Heaps {
    fn new(mcrx: PathBuf) -> Result<Heaps> {
        let scratch = Scratch::new("bench")?;
        let program = scratch.fresh("heap");
        compile(&program, &[])?;
        Ok(Heaps { mcrx, scratch, program, running: RefCell::new(None) })
    }

    fn compile(&self, name: &str, options: &[&str]) -> Result<PathBuf> {
        let program = self.scratch.fresh(name);
        compile(&program, options)?;
        Ok(program)
    }

    /// Traces a heap of so many blocks; it is kept for the next time.
    fn traced(&self, blocks: u32) -> Result<Traced> {
        let mut running = self.running.borrow_mut();
        if running.as_ref().is_none_or(|heap| heap.blocks != blocks) {
            // The memory of both need not be there at once.
            *running = None;
            *running = Some(Heap::start(&self.program, blocks)?);
        }
        let heap = running.as_ref().context("it was started")?;
        let words = ["trace", &heap.child.id().to_string(), "--alone", "--json"].map(str::to_owned);
        let finished = self.scratch.launch(Batch(Invocation::new(&self.mcrx, words))).finish(PATIENCE)?;
        ensure!(
            finished.exit == Exit::Code(0),
            "mcrx trace ended with {}: {}",
            finished.exit,
            finished.output
        );
        // What it narrates comes first.
        let json = finished.output.find('{').and_then(|start| finished.output.get(start..));
        let facts: Value = serde_json::from_str(json.context("mcrx trace prints no JSON")?.trim())?;
        let marked = marked_ms(&facts).with_context(|| format!("no time in {facts}"))?;
        Ok(Traced {
            marked: Duration::from_secs_f64(marked / 1e3),
            wall: finished.wall,
            peak_mib: Figure::peak_rss(&finished.usage).value,
        })
    }
}

/// Where `mcrx trace --json` says how long marking took.
fn marked_ms(facts: &Value) -> Option<f64> {
    facts["time_ms"]["mark"].as_f64()
}

/// A heap that waits to be traced.
struct Heap {
    child: Child,
    blocks: u32,
}

impl Heap {
    fn start(program: &Path, blocks: u32) -> Result<Heap> {
        let mut command = Command::new(program);
        command.arg(blocks.to_string()).env("LD_PRELOAD", preload()?);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("it starts")?;
        let mut heap = Heap { child, blocks };
        let mut line = String::new();
        BufReader::new(heap.child.stdout.take().context("piped")?).read_line(&mut line)?;
        ensure!(line == "ready\n", "the heap says {line:?}");
        Ok(heap)
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn compile(program: &Path, options: &[&str]) -> Result<()> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut command = Command::new(&compiler);
    command.args(["-O2", "-g", "-Wall", "-Wl,--build-id"]).args(options).arg(SOURCE).arg("-o").arg(program);
    let output = command.output().with_context(|| format!("{compiler} cannot be run"))?;
    ensure!(output.status.success(), "{compiler}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// One check by LeakSanitizer.
fn check(program: &Path) -> Result<Duration> {
    let output = Command::new(program).arg(BLOCKS.to_string()).stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let time = said.trim().parse::<f64>().ok();
    let time =
        time.with_context(|| format!("LeakSanitizer: {}", String::from_utf8_lossy(&output.stderr).trim()))?;
    Ok(Duration::from_secs_f64(time / 1e3))
}

/// As many bytes as the heap has, copied by one thread.
fn copy() -> Duration {
    let len = usize::try_from(u64::from(BLOCKS) * u64::from(BLOCK_BYTES)).unwrap_or(usize::MAX);
    let (from, mut to) = (vec![1u8; len], vec![2u8; len]);
    let start = Instant::now();
    to.copy_from_slice(black_box(&from));
    black_box(&to);
    start.elapsed()
}
