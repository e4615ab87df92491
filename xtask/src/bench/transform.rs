//! `cargo xtask bench transform`: one heap made into the next release's (`benches/transform/heap.c`), beside the least that moving it takes.
//!
//! A heap of linked blocks of three types, one of which changes its form and grows: each of those moves, and every pointer to them
//! changes. The example `measure` of `mcrx-transform` captures and traces it, and then does each turn of either side in one process:
//!
//! * *mcrx*: pairing, planning, and writing the plan to an image beside the old heap, which stays where it is.
//! * *copy and fix-up*: the heap's memory copied in one piece to where nothing was before, and an addition to each pointer in it.
//!
//! *a block* is time by the clock, *cpu* that of all cores; both for each live block. *verified* is the new image traced again and all of its
//! pointers followed. *memory* is what planning needs at its peak beyond the images: with the old image's graph, and without. What
//! `mcrx` writes to pages of the new image is part of that image, and not among it.
//!
//! What it does not do: check what comes out. The tests of `mcrx-transform` do; but a plan with a conflict, or a finding, ends it.

use super::area::{Area, Case, Figure, Method, Side};
use super::program;
use super::supply::Supply;
use anyhow::{Context, Result, bail, ensure};
use mcrx_harness::{Scratch, preload};
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::rc::Rc;

pub(crate) const AREA: Area = Area {
    name: "transform",
    about: "a heap made into the next release's, beside a copy of it with pointers fixed up",
    method: Method::Cases(cases),
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/transform");
/// Blocks of the heap that is compared: 1 GiB of them.
const BLOCKS: u32 = 10_000_000;
/// Of the heaps that show how it grows, the first is what the others are compared with.
const FEW: u32 = 1_000_000;
const GROWTH: [(&str, u32); 2] = [("3 M blocks beside 1 M", 3_000_000), ("10 M blocks beside 1 M", BLOCKS)];

fn cases(supply: &mut Supply) -> Vec<Case> {
    let Some(programs) = supply.or_missing(Programs::new()).map(Rc::new) else { return Vec::new() };
    let [few, many] = [FEW, BLOCKS].map(|blocks| Rc::new(Heap::new(&programs, blocks)));
    let ours = |heap: &Rc<Heap>| {
        let heap = Rc::clone(heap);
        move || heap.planned()
    };
    let floor = || {
        let heap = Rc::clone(&many);
        Side::new("copy and fix-up", move || heap.copied())
    };
    let mut cases = vec![Case {
        name: "planned and applied, 10 M blocks",
        sides: vec![Side::new("mcrx", ours(&many)), floor()],
    }];
    for (name, blocks) in GROWTH {
        let heap = if blocks == BLOCKS { Rc::clone(&many) } else { Rc::new(Heap::new(&programs, blocks)) };
        cases.push(Case { name, sides: vec![Side::new("mcrx", ours(&heap)), Side::new("1 M", ours(&few))] });
    }
    let (verified, own, size) = (Rc::clone(&many), Rc::clone(&many), Rc::clone(&many));
    let sides = vec![Side::new("mcrx", move || verified.verified()), floor()];
    cases.push(Case { name: "verified, 10 M blocks", sides });
    let sides = vec![
        Side::new("mcrx", move || own.memory()),
        Side::new("the heap", move || {
            let mib = size.ask("size")?.get(1).copied().map(mib).context("it says no size")?;
            Ok(["with the graph", "of the plan"].map(|name| memory(name, mib)).to_vec())
        }),
    ];
    cases.push(Case { name: "memory, 10 M blocks", sides });
    cases
}

/// The two releases, and what measures.
struct Programs {
    scratch: Scratch,
    measure: PathBuf,
    releases: [PathBuf; 2],
}

impl Programs {
    fn new() -> Result<Programs> {
        let measure = program::build("mcrx-transform", "example", "measure")?;
        let scratch = Scratch::new("bench")?;
        let releases = [scratch.fresh("heap-1"), scratch.fresh("heap-2")];
        for (release, program) in (1..).zip(&releases) {
            compile(program, release)?;
        }
        Ok(Programs { scratch, measure, releases })
    }
}

/// A heap of so many blocks, traced when it is first needed.
struct Heap {
    programs: Rc<Programs>,
    blocks: u32,
    running: RefCell<Option<Running>>,
}

struct Running {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Heap {
    fn new(programs: &Rc<Programs>, blocks: u32) -> Heap {
        Heap { programs: Rc::clone(programs), blocks, running: RefCell::new(None) }
    }

    /// One turn of some work: the numbers that the example says.
    fn ask(&self, what: &str) -> Result<Vec<u64>> {
        let mut running = self.running.borrow_mut();
        if running.is_none() {
            *running = Some(Running::start(&self.programs, self.blocks)?);
        }
        let running = running.as_mut().context("it was started")?;
        writeln!(running.child.stdin.as_mut().context("it is piped")?, "{what}")?;
        let line = running.line()?;
        let numbers: Option<Vec<u64>> = line.split_whitespace().map(|word| word.parse().ok()).collect();
        numbers.with_context(|| format!("the example says {line:?}"))
    }

    fn planned(&self) -> Result<Vec<Figure>> {
        let [paired, planned, applied, cpu, ..] = self.ask("plan")?[..] else { bail!("it says too little") };
        let all = paired + planned + applied;
        let parts = [("a block", all), ("cpu", cpu), ("plan", paired + planned), ("apply", applied)];
        // The floor has no such parts: those figures are all of it.
        Ok(parts.map(|(name, time)| self.per_block(name, time)).to_vec())
    }

    fn copied(&self) -> Result<Vec<Figure>> {
        let [copied, changed, cpu] = self.ask("floor")?[..] else { bail!("it says too little") };
        let all = copied + changed;
        let parts = [("a block", all), ("cpu", cpu), ("plan", all), ("apply", all)];
        Ok(parts.map(|(name, time)| self.per_block(name, time)).to_vec())
    }

    fn verified(&self) -> Result<Vec<Figure>> {
        let [traced, verified, cpu] = self.ask("verify")?[..] else { bail!("it says too little") };
        let parts = [("a block", traced + verified), ("cpu", cpu), ("trace", traced), ("verify", verified)];
        Ok(parts.map(|(name, time)| self.per_block(name, time)).to_vec())
    }

    fn memory(&self) -> Result<Vec<Figure>> {
        let [_, _, _, _, of_plan, ..] = self.ask("plan")?[..] else { bail!("it says too little") };
        let [_, _, _, kept, _] = self.ask("size")?[..] else { bail!("it says too little") };
        let [both, plan] = [kept + of_plan, of_plan].map(|kib| mib(kib << 10));
        Ok(vec![memory("with the graph", both), memory("of the plan", plan)])
    }

    fn per_block(&self, name: &'static str, nanoseconds: u64) -> Figure {
        let micro = u32::try_from(nanoseconds / 1000).unwrap_or(u32::MAX);
        Figure { name, unit: "ns", value: f64::from(micro) * 1e3 / f64::from(self.blocks) }
    }
}

impl Running {
    fn start(programs: &Programs, blocks: u32) -> Result<Running> {
        let mut command = Command::new(&programs.measure);
        command.args(&programs.releases).arg(Path::new(FOLDER).join("heap.mcrx"));
        command.arg(preload()?).arg(blocks.to_string()).current_dir(programs.scratch.directory());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("the example starts")?;
        let said = BufReader::new(child.stdout.take().context("it is piped")?);
        let mut running = Running { child, said };
        let line = running.line()?;
        ensure!(line == "ready\n", "the example says {line:?}");
        Ok(running)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        ensure!(!line.is_empty(), "the example has ended; it says above why");
        Ok(line)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn memory(name: &'static str, mib: f64) -> Figure {
    Figure { name, unit: "MiB", value: mib }
}

fn mib(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes >> 10).unwrap_or(u32::MAX)) / 1024.0
}

fn compile(program: &Path, release: u32) -> Result<()> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut command = Command::new(&compiler);
    command.args(["-O2", "-g", "-Wall", "-Wl,--build-id"]).arg(format!("-DRELEASE={release}"));
    command.arg(Path::new(FOLDER).join("heap.c")).arg("-o").arg(program);
    let output = command.output().with_context(|| format!("{compiler} cannot be run"))?;
    ensure!(output.status.success(), "{compiler}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
