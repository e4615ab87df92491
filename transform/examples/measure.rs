//! Transforms a heap again and again, and says how long each step takes: `measure OLD NEW RULES PRELOAD BLOCKS`.
//!
//! OLD and NEW are the two releases of `benches/transform/heap.c`. The old one is captured parked after its start-up, and again when it has
//! made so many blocks; the new one parked after its start-up. All three are traced, and "ready" is said. Then for each word on standard
//! input a line of numbers:
//!
//! | word | numbers |
//! |---|---|
//! | `size` | live blocks, bytes of the old heap, pointers in it; KiB that the traces keep, and that they needed at their peak |
//! | `floor` | ns of a plain copy of the heap's memory into fresh memory, ns of an addition to each pointer in it, CPU ns of both |
//! | `plan` | ns of preparing (recipes and pairs, which need no look at the old process as it is now), planning, applying; CPU ns of all three; KiB beyond the images and the traces at the peak of planning, of applying |
//! | `verify` | ns of tracing the new image, ns of verifying it; CPU ns of both |
//!
//! What it does not do: write anything anywhere.

use mcrx_debuginfo::cache::Cache;
use mcrx_dsl::load;
use mcrx_dsl::source::FromDisk;
use mcrx_live::capture::capture;
use mcrx_live::hold::Scope;
use mcrx_tracer::debug::Shelf;
use mcrx_tracer::facts::Facts;
use mcrx_tracer::graph::Node;
use mcrx_tracer::image::Process;
use mcrx_tracer::trace::{Known, Trace};
use mcrx_transform::prepared::Prepared;
use mcrx_transform::side::Side;
use mcrx_transform::target::Merged;
use mcrx_transform::verify::{Subject, types};
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [old, new, rules, preload, blocks] = &arguments[..] else {
        eprintln!("usage: measure OLD NEW RULES PRELOAD BLOCKS");
        return ExitCode::from(2);
    };
    match run([old, new, rules, preload].map(Path::new), blocks) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run([old, new, rules, preload]: [&Path; 4], blocks: &str) -> Result<()> {
    let loaded = load::rules(rules, &FromDisk);
    if let Some(wrong) = loaded.diagnostics.first() {
        return Err(format!("{}: {}", rules.display(), wrong.message).into());
    }
    let mut running = Running::start(old, preload, "0")?;
    let start = running.image()?;
    running.ask(blocks, "filled")?;
    let now = running.image()?;
    drop(running);
    let new = Running::start(new, preload, "1")?.image()?;
    let images = resident()?;
    clear_peak()?;
    let (facts, shelf) = (Facts::default(), Shelf::new(Cache::default()));
    let known = [Known::with(&start, &shelf)?, Known::with(&now, &shelf)?, Known::with(&new, &shelf)?];
    let models = known.each_ref().map(|known| known.model(&facts));
    let [start, now, new] = [0, 1, 2].map(|index| {
        let process = [&start, &now, &new][index];
        Trace::of(process, &known[index], &models[index])
    });
    let traced = [resident()?, peak()?].map(|kib| kib.saturating_sub(images));
    let sides = (Side::of_executable(&start)?, Side::of_executable(&now)?, Side::of_executable(&new)?);
    let bench = Bench { sides, rules: &loaded.rules };
    let floor = Floor::of(&now);
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let numbers = match line?.as_str() {
            "size" => vec![floor.blocks, floor.bytes, wide(floor.pointers.len()), traced[0], traced[1]],
            "floor" => floor.turn()?,
            "plan" => bench.plan()?,
            "verify" => bench.verify()?,
            other => return Err(format!("there is nothing called {other:?}").into()),
        };
        let words: Vec<String> = numbers.iter().map(u64::to_string).collect();
        println!("{}", words.join(" "));
    }
    Ok(())
}

/// What is transformed.
struct Bench<'a> {
    sides: (Side<'a>, Side<'a>, Side<'a>),
    rules: &'a mcrx_dsl::rules::Rules,
}

impl Bench<'_> {
    fn plan(&self) -> Result<Vec<u64>> {
        let before = resident()?;
        clear_peak()?;
        let (cpu, begin) = (cpu()?, Instant::now());
        let (start, now, new) = self.sides;
        let prepared = Prepared::of(start, new, self.rules);
        let paired = begin.elapsed();
        let mut merged = Merged::of(now.process(), new.process())?;
        let room = merged.room()?;
        let plan = prepared.plan(now, &room);
        let planned = begin.elapsed() - paired;
        let of_plan = peak()?.saturating_sub(before);
        merged.add(&room)?;
        if plan.is_refused() {
            return Err(format!("the update is refused: {:?}", plan.conflicts).into());
        }
        plan.apply(&mut merged)?;
        let process = merged.finish();
        let applied = begin.elapsed() - paired - planned;
        let cpu = self::cpu()?.saturating_sub(cpu);
        let of_apply = peak()?.saturating_sub(before);
        black_box(&process);
        Ok(vec![nanoseconds(paired), nanoseconds(planned), nanoseconds(applied), cpu, of_plan, of_apply])
    }

    fn verify(&self) -> Result<Vec<u64>> {
        let (start, now, new) = self.sides;
        let prepared = Prepared::of(start, new, self.rules);
        let mut merged = Merged::of(now.process(), new.process())?;
        let room = merged.room()?;
        let plan = prepared.plan(now, &room);
        merged.add(&room)?;
        plan.apply(&mut merged)?;
        let process = merged.finish();
        let (cpu, begin) = (cpu()?, Instant::now());
        let carried = plan.carried(&now, &prepared.course);
        let known = Known::with(&process, &Shelf::new(Cache::default()))?;
        let model = known.model(new.trace.model.facts());
        let trace = Trace::knowing(&process, &known, &model, types(&model, &new, &carried));
        let traced = begin.elapsed();
        let old: Vec<Range<u64>> = now.process().modules.iter().map(|module| module.range.clone()).collect();
        let subject = Subject { merged: &trace, now: now.trace, new: &new, carried: &carried, old: &old };
        let report = subject.verify(1);
        let verified = begin.elapsed() - traced;
        if !report.is_clean() {
            return Err(format!("something is wrong with the new image: {:?}", report.findings).into());
        }
        Ok(vec![nanoseconds(traced), nanoseconds(verified), self::cpu()?.saturating_sub(cpu)])
    }
}

/// The least that moving a heap takes: its bytes copied, and each pointer in it looked at and changed.
struct Floor<'a> {
    /// Live blocks, and their bytes.
    blocks: u64,
    bytes: u64,
    /// The heap's memory.
    parts: Vec<(u64, &'a [u8])>,
    /// Where in it pointers into it are: bytes from its beginning.
    pointers: Vec<usize>,
}

impl<'a> Floor<'a> {
    fn of(trace: &'a Trace<'a>) -> Floor<'a> {
        let regions = trace.known.heap.regions();
        let is_heap = |address: &u64| {
            regions.iter().any(|region| region.header().base.0 == mcrx_allocator::abi::region_of(*address))
        };
        let segments = trace.process.memory.segments().iter().map(mcrx_tracer::image::Segment::range);
        let parts = segments.filter(|range| is_heap(&range.start)).filter_map(|range| {
            let bytes = trace.process.memory.bytes(range.start, narrow(range.end - range.start))?;
            Some((range.start, bytes))
        });
        let parts: Vec<(u64, &[u8])> = parts.collect();
        let mut floor = Floor { blocks: 0, bytes: 0, parts, pointers: Vec::new() };
        let mut begins = Vec::new();
        let mut begin = 0;
        for (address, bytes) in &floor.parts {
            begins.push((*address, begin));
            begin += bytes.len();
        }
        for (number, block) in trace.blocks.iter() {
            floor.blocks += 1;
            floor.bytes += block.len;
            let part = begins.partition_point(|(address, _)| *address <= block.address);
            let Some((address, begin)) = part.checked_sub(1).and_then(|part| begins.get(part)) else {
                continue;
            };
            let start = begin + narrow(block.address - address);
            let edges = trace.graph.edges(Node(number));
            floor.pointers.extend(edges.map(|edge| start + narrow(edge.offset)));
        }
        floor
    }

    fn turn(&self) -> Result<Vec<u64>> {
        let (cpu, begin) = (cpu()?, Instant::now());
        let mut copy = Vec::with_capacity(self.parts.iter().map(|(_, bytes)| bytes.len()).sum());
        self.parts.iter().for_each(|(_, bytes)| copy.extend_from_slice(black_box(bytes)));
        let copied = begin.elapsed();
        let shift = black_box(1u64 << 40);
        for place in &self.pointers {
            let Some(word) = copy.get_mut(*place..*place + 8) else { continue };
            if let Ok(pointer) = <[u8; 8]>::try_from(&*word) {
                word.copy_from_slice(&u64::from_le_bytes(pointer).wrapping_add(shift).to_le_bytes());
            }
        }
        black_box(&copy);
        let changed = begin.elapsed() - copied;
        Ok(vec![nanoseconds(copied), nanoseconds(changed), self::cpu()?.saturating_sub(cpu)])
    }
}

/// A release that runs until this is dropped.
struct Running {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(program: &Path, preload: &Path, epoch: &str) -> Result<Running> {
        let mut command = Command::new(program);
        command.env("LD_PRELOAD", preload).env("MCRX_EPOCH", epoch);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let said = BufReader::new(child.stdout.take().ok_or("it is piped")?);
        let mut running = Running { child, said };
        running.wait_for("ready")?;
        Ok(running)
    }

    fn ask(&mut self, what: &str, answer: &str) -> Result<()> {
        // In one piece: the program takes each piece for a number.
        self.child.stdin.as_mut().ok_or("it is piped")?.write_all(format!("{what}\n").as_bytes())?;
        self.wait_for(answer)
    }

    fn wait_for(&mut self, answer: &str) -> Result<()> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        if line.trim_end() == answer { Ok(()) } else { Err(format!("the program says {line:?}").into()) }
    }

    fn image(&self) -> Result<Process> {
        let pid = mcrx_harness::Pid::from_raw(i32::try_from(self.child.id())?);
        let image = capture(Scope::Process(pid))?;
        image.processes.into_iter().next().ok_or_else(|| "nothing was captured".into())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU nanoseconds of all threads so far, user and system; the kernel counts them in hundredths of a second.
fn cpu() -> Result<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(") ").ok_or("stat has a name")?.1;
    let ticks =
        fields.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<std::result::Result<u64, _>>()?;
    Ok(ticks * 10_000_000)
}

/// KiB of memory that are resident.
fn resident() -> Result<u64> {
    status("VmRSS:")
}

/// The most since the peak was cleared.
fn peak() -> Result<u64> {
    status("VmHWM:")
}

fn status(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("the kernel does not say it")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// See `clear_refs` in proc(5).
fn clear_peak() -> Result<()> {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn narrow(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
