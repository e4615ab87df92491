//! The old heap handed to the new release's allocator, in the process.
//!
//! `mcrx_take_over` of the new release's `libmcrx.so` is called by a held thread, on the stack and with the thread-local storage of the new
//! release's main thread. It writes to tables of the old region, never to its blocks. Those tables are a few hundred bytes for each mebibyte of
//! heap: they are copied before, and what of them has changed goes into the journal.

use super::GraftError;
use super::journal::{Journal, Overwritten, Step};
use crate::hold::{Hands, HandsError, Registers};
use crate::process::memory::ProcessMemory;
use crate::process::pages::{PAGE, Pages, Which};
use mcrx_allocator::abi::{
    ARENA_BASE, DATA_OFFSET, FRAMES_OFFSET, HEAPS_OFFSET, Header, REGION_SIZE, SITES_OFFSET,
};
use mcrx_allocator::reader::Address;
use mcrx_debuginfo::file::Binary;
use mcrx_tracer::image::Process;
use nix::errno::Errno;
use nix::unistd::Pid;
use std::mem::offset_of;
use std::ops::Range;
use std::time::Duration;

/// How long a call may take. A take-over is a matter of microseconds for each mebibyte.
const PATIENCE: Duration = Duration::from_secs(2);

/// Blocks that are freed at a time: their addresses have room in the scratch space of a thread on an errand.
const TOGETHER: usize = 448;
/// Where they are in it: a function's result comes first.
const BEHIND_RESULT: u64 = 64;
/// How far below the stack pointer of a thread on an errand a stack is free.
const FREE_STACK: u64 = 64 << 10;

/// The new release's allocator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocator {
    /// Where `mcrx_take_over` is.
    take_over: u64,
    /// Where `mcrx_adopt` is.
    adopt: u64,
    /// Where `mcrx_free_all` is.
    free_all: u64,
}

/// The new release has no allocator of ours.
#[derive(Debug, thiserror::Error)]
#[error("the new release does not run under mcrx: {why}")]
pub struct NoAllocator {
    why: String,
}

impl Allocator {
    /// Of a process of the new release.
    ///
    /// # Errors
    /// It has no `libmcrx.so`, or one of another version.
    pub fn of(new: &Process) -> Result<Allocator, NoAllocator> {
        let none = |why: &str| NoAllocator { why: why.to_owned() };
        let is_it = |path: &std::path::Path| path.file_name().is_some_and(|name| name == "libmcrx.so");
        let module = new.modules.iter().find(|module| is_it(&module.path));
        let module = module.ok_or_else(|| none("libmcrx.so is not loaded in it"))?;
        let binary = Binary::open(&module.path).map_err(|error| none(&error.to_string()))?;
        let function = |name: &str| {
            let symbol = binary.symbols().named(name).next();
            let symbol = symbol.ok_or_else(|| none(&format!("its libmcrx.so has no function {name}")))?;
            Ok(module.mapped(symbol.address.0))
        };
        Ok(Allocator {
            take_over: function("mcrx_take_over")?,
            adopt: function("mcrx_adopt")?,
            free_all: function("mcrx_free_all")?,
        })
    }

    /// The regions of a process in the order in which they are to be taken over: the one that it makes blocks in comes last. Those that this one
    /// has adopted, from earlier updates, come with it.
    #[must_use]
    pub fn order(old: &Process) -> Vec<u64> {
        let field = |base: u64, offset: usize| {
            let word = old.memory.word(base + u64::try_from(offset).unwrap_or(0));
            word.unwrap_or(0)
        };
        // Half of the word.
        let drains = |base: u64| field(base, offset_of!(Header, draining)) & 0xFFFF_FFFF != 0;
        let mut regions: Vec<u64> = old.regions().into_iter().map(|base| base.0).collect();
        let home = regions.iter().copied().find(|base| !drains(*base));
        let adopted = home.map_or(0, |home| field(home, offset_of!(Header, adopted)));
        let place = |base: u64| (base - ARENA_BASE) / REGION_SIZE;
        regions.retain(|base| Some(*base) == home || adopted >> place(*base) & 1 == 0);
        regions.sort_by_key(|base| !drains(*base));
        regions
    }

    /// Makes a region that was mapped with the graft one of the new release's.
    pub(super) fn adopt(
        &self,
        hands: &Hands<'_>,
        thread: Pid,
        main: &Registers,
        region: u64,
    ) -> Result<(), GraftError> {
        match hands.call(thread, main, self.adopt, &[region], PATIENCE)? & 0xFFFF_FFFF {
            1 => Ok(()),
            _ => Err(GraftError::UnknownHeap { region }),
        }
    }

    /// Frees blocks that nobody uses any more, by the new release's main thread. `main`: its registers.
    ///
    /// # Errors
    /// [`HandsError`]: some were not freed.
    pub fn free(
        &self,
        hands: &Hands<'_>,
        thread: Pid,
        main: &Registers,
        blocks: &[u64],
    ) -> Result<(), HandsError> {
        // The thread may be on this stack itself.
        let lower = Registers { rsp: main.rsp - FREE_STACK, ..*main };
        let process = hands.process_of(thread)?;
        for some in blocks.chunks(TOGETHER) {
            let (scratch, _) = hands.scratch(thread)?;
            let list = scratch + BEHIND_RESULT;
            let bytes: Vec<u8> = some.iter().flat_map(|block| block.to_le_bytes()).collect();
            let written = hands.memory(process)?.write(Address(list), &bytes);
            written.map_err(|source| HandsError::Memory { process, source })?;
            hands.call(thread, &lower, self.free_all, &[list, some.len() as u64], PATIENCE)?;
        }
        Ok(())
    }

    pub(super) fn take_over(
        &self,
        hands: &Hands<'_>,
        thread: Pid,
        main: &Registers,
        region: u64,
        journal: &mut Journal,
    ) -> Result<(), GraftError> {
        let memory = ProcessMemory::of(thread);
        let before = tables(thread, &memory, region)?;
        let kept = journal.overwrites(before.clone());
        kept.map_err(|source| HandsError::Memory { process: thread, source })?;
        let taken = hands.call(thread, main, self.take_over, &[region], PATIENCE);
        let mut after = tables(thread, &memory, region)?;
        after.keep_what_differs_from(&before);
        if let Some(step) = journal.steps.last_mut() {
            *step = Step::Written(after);
        }
        // A C `int`.
        if taken? & 0xFFFF_FFFF == 1 {
            return Ok(());
        }
        Err(GraftError::UnknownHeap { region })
    }
}

/// The tables of a region, as far as they were ever written to; but for those of sites, which a take-over leaves alone.
fn tables(thread: Pid, memory: &ProcessMemory, region: u64) -> Result<Overwritten, GraftError> {
    let failed = |errno| HandsError::Unreadable { process: thread, errno };
    let of_io =
        |error: std::io::Error| failed(Errno::from_raw(error.raw_os_error().unwrap_or(nix::libc::EIO)));
    let mut pages = Pages::of(thread).map_err(of_io)?;
    let mut tables = Overwritten::default();
    let at = |offsets: Range<u64>| region + offsets.start..region + offsets.end;
    for range in [at(0..SITES_OFFSET), at(FRAMES_OFFSET..HEAPS_OFFSET), at(HEAPS_OFFSET..DATA_OFFSET)] {
        for touched in pages.find(range, Which::Touched).map_err(of_io)? {
            (touched.start..touched.end).step_by(usize::try_from(PAGE).unwrap_or(4096)).for_each(|page| {
                tables.add_apart(page, &[0; 4096]);
            });
        }
    }
    let read = tables.read(memory);
    read.map_err(|source| HandsError::Memory { process: thread, source })?;
    Ok(tables)
}
