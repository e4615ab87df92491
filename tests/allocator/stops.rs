//! Every instant is a fit one to read the heap at: a program at work on many threads is stopped at random instructions, and
//! what the reader finds is compared with what the program says it has.

use crate::held::{Remote, Tracee};
use crate::journal::{self, Slot, Work};
use crate::programs::{compiled, library};
use mcrx_allocator::reader::{Address, Heap, Memory as _, Sites};
use mcrx_harness::{Context, Explain as _, Pid, Result, Suite, bail, ensure, until};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([], a_thousand_random_stops_find_exactly_what_lives)
        .within(Duration::from_secs(150))
        .test([], every_instruction_of_a_stretch_of_work_leaves_a_readable_heap)
        .within(Duration::from_secs(150))
}

const STOPS: u32 = 1000;
const STEPS: u32 = 12_000;

fn a_thousand_random_stops_find_exactly_what_lives(test: &Context) -> Result<()> {
    let mut random = Random(7);
    let work = AtWork::start(test, &mut random)?;
    let mut in_flight = 0;
    for stop in 0..STOPS {
        // Long enough that other work is under way, short enough that a thousand of them do not take long.
        std::thread::sleep(Duration::from_micros(random.below(700)));
        ensure!(work.tracee.stop()?, "it ended after {stop} stops");
        in_flight += work.compare().with_context(|| format!("at stop {stop}"))?;
        work.tracee.go_on()?;
    }
    ensure!(in_flight > STOPS / 10, "only {in_flight} operations were under way: the stops are not random");
    Ok(())
}

fn every_instruction_of_a_stretch_of_work_leaves_a_readable_heap(test: &Context) -> Result<()> {
    let mut random = Random(11);
    let work = AtWork::start(test, &mut random)?;
    let mut taken = 0;
    while taken < STEPS {
        std::thread::sleep(Duration::from_micros(random.below(700)));
        ensure!(work.tracee.stop()?, "it ended after {taken} steps");
        if let Some(thread) = work.thread_in_library()? {
            // To the end of the call, if it is not a long one.
            for _ in 0..300 {
                work.compare().with_context(|| format!("at {:#x} of the library", work.place(thread)))?;
                if work.is_about_to_wait(thread)? {
                    break;
                }
                ensure!(work.tracee.step(thread)?, "it ended after {taken} steps");
                taken += 1;
                if !work.library.contains(&instruction(thread)?) {
                    break;
                }
            }
        }
        work.tracee.go_on()?;
    }
    Ok(())
}

fn instruction(thread: Pid) -> Result<u64> {
    Ok(nix::sys::ptrace::getregs(thread)?.rip)
}

/// `stress.c` at work, held.
struct AtWork {
    tracee: Tracee,
    journal: std::path::PathBuf,
    program: std::ops::Range<u64>,
    library: std::ops::Range<u64>,
}

impl AtWork {
    fn start(test: &Context, random: &mut Random) -> Result<AtWork> {
        let journal = test.scratch().fresh("journal");
        let program = compiled("stress.c")?;
        let seed = random.below(1 << 20).to_string();
        let option = format!("journal={}", journal.display());
        let mut command = Command::new(&program);
        command.args([&seed, "4", "600", "2000000000", "max=600000", &option]);
        command.env_clear().env("LD_PRELOAD", library()?);
        let mut tracee = Tracee::start(&mut command)?;
        let pid = tracee.pid();
        until(Duration::from_secs(10), "its threads", || {
            let threads = fs::read_dir(format!("/proc/{pid}/task"))?.count();
            let busy = journal.exists() && fs::metadata(&journal)?.len() > 0;
            Ok((threads == 5 && busy).then_some(()))
        })?;
        tracee.seize()?;
        let (program, library) = (mapped(pid, &program)?, mapped(pid, library()?)?);
        Ok(AtWork { tracee, journal, program, library })
    }

    /// Compares what the reader finds with what the program says; returns how many operations are under way.
    fn compare(&self) -> Result<u32> {
        let heap = self.tracee.heap()?;
        ensure!(heap.torn() == 0, "{} torn", heap.torn());
        let sites = Sites::read(&Remote(self.tracee.pid()), &heap)?;
        let mut found = HashMap::new();
        for block in heap.blocks() {
            // libc's own blocks are not in the journal.
            let address = sites.get(block.site).map_or(0, |site| site.address().0);
            if self.program.contains(&address) {
                let before = found.insert(block.address.0, block.requested);
                ensure!(before.is_none(), "{} is there twice", block.address);
            }
        }
        explain(found, &journal::read(&self.journal)?, &heap)
    }

    /// Where a thread is in the library.
    fn place(&self, thread: Pid) -> u64 {
        instruction(thread).map_or(0, |address| address.wrapping_sub(self.library.start))
    }

    /// Whether a thread is about to wait for another, which does not run: it would never come back from that step.
    fn is_about_to_wait(&self, thread: Pid) -> Result<bool> {
        const SYSCALL: [u8; 2] = [0x0F, 0x05];
        let registers = nix::sys::ptrace::getregs(thread)?;
        let mut code = [0; 2];
        Remote(thread).read(Address(registers.rip), &mut code)?;
        Ok(code == SYSCALL && registers.rax == u64::try_from(nix::libc::SYS_futex)?)
    }

    /// A stopped thread that is inside the allocator, and not in a system call: one that waits would be made to wait again.
    fn thread_in_library(&self) -> Result<Option<Pid>> {
        for thread in self.tracee.threads() {
            let registers = nix::sys::ptrace::getregs(*thread)?;
            if self.library.contains(&registers.rip) && registers.orig_rax == u64::MAX {
                return Ok(Some(*thread));
            }
        }
        Ok(None)
    }
}

/// Takes every block that the journal accounts for out of `found`, after which nothing may be left.
fn explain(mut found: HashMap<u64, u64>, slots: &[Slot], heap: &Heap) -> Result<u32> {
    let mut in_flight = Vec::new();
    for (index, slot) in slots.iter().enumerate() {
        match (slot.block, slot.work) {
            (None, Work::Nothing) => {}
            (Some((address, size)), Work::Nothing | Work::Inquire) => {
                let seen = found.remove(&address);
                ensure!(
                    seen == Some(size),
                    "slot {index}: {address:#x} of {size} bytes is seen as {seen:?}, {:?}",
                    heap.classify(address)
                );
            }
            _ => in_flight.push(slot),
        }
    }
    let count = in_flight.len();
    // Where it is known first, by size what can only be known by that.
    for slot in &in_flight {
        if let Some((address, size)) = slot.block {
            let mut seen = found.remove(&address);
            let sizes = match slot.work {
                Work::Resize { wanted } => [size, wanted],
                _ => [size, size],
            };
            if let Some(another) = seen.take_if(|seen| !sizes.contains(seen)) {
                // It has been given up, and its place to another thread, whose request is under way too: found below, or nobody's.
                found.insert(address, another);
            }
            if let (Work::Resize { wanted }, None) = (slot.work, seen) {
                // It has moved: nothing must be lost on the way.
                take_one(&mut found, wanted).with_context(|| format!("{slot:?}: it is nowhere"))?;
            }
        }
    }
    for slot in &in_flight {
        if let Work::Allocate { wanted } | Work::Resize { wanted } = slot.work {
            let _ = take_one(&mut found, wanted);
        }
    }
    if let Some((address, size)) = found.iter().next() {
        bail!("{address:#x} of {size} bytes is nobody's; under way: {in_flight:?}");
    }
    Ok(u32::try_from(count)?)
}

fn take_one(found: &mut HashMap<u64, u64>, size: u64) -> Option<u64> {
    let address = *found.iter().find(|(_, seen)| **seen == size)?.0;
    found.remove(&address)
}

/// Where a file is mapped in a process, from its first to its last byte.
fn mapped(pid: Pid, file: &Path) -> Result<std::ops::Range<u64>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let file = fs::canonicalize(file)?.display().to_string();
    let extents = maps.lines().filter(|line| line.ends_with(&file)).filter_map(|line| {
        let (start, end) = line.split_once(' ')?.0.split_once('-')?;
        Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
    });
    let (start, end) = extents.reduce(|(start, _), (_, end)| (start, end)).context("it is not mapped")?;
    Ok(start..end)
}

/// xorshift64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
