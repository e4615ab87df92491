//! The new release's memory in the old process, beside the old one's.
//!
//! ```text
//!  the old process                       +  a parked process of the new release (an image)
//!  -------------------------------------    ---------------------------------------------------
//!  program, libraries, stacks      ...      program, libraries, stacks           at their addresses
//!  its region of the heap          ...      its region of the heap               at its address
//!  vdso, vvar                     ---->     where the new release has them       at the switch
//! ```
//!
//! In order:
//!
//! 1. [`Plan::of`]: what is to be mapped where, or why it cannot be. Nothing is touched.
//! 2. [`Graft::make`], in a short hold: the mappings are made, of files that [`Sources`] has opened.
//! 3. [`Graft::fill`], while the old process runs: contents are written that differ from what was mapped.
//! 4. In the hold of the switch: [`Graft::settle`], then [`Writes`] of the transform's plan, [`Graft::adopt`] of the region with its new blocks, and
//!    [`Graft::take_over`] of the heap. Functions of the new release can only be called when it is settled: they ask the kernel's pages for
//!    the time, where they have them.
//! 5. The old program's memory is [unmapped](Left::unmap), or [becomes inaccessible](Graft::hide) first.
//!
//! Whatever was done is in a [`Journal`], and is taken back in reverse order by [`Graft::undo`], up to the instant at which a thread runs
//! the new code. A program notices nothing of any of it: the list of its mappings and every byte of its memory are then what they were.
//! Until the switch a child that it forks gets nothing of the new release (`MADV_DONTFORK`).
//!
//! **The heap is taken over in the process, as the last thing but the switch**: the new release's allocator is called with the old region's
//! address. It does not touch blocks or their tags; what it changes of the old region are its tables, which are kept before and put
//! back on undo. Nothing of the old program runs between the two.
//!
//! What it does not do: hold processes, or say when; kernel state of threads ([`crate::kernel`]), descriptors ([`crate::descriptors`]).

mod contents;
mod heap;
mod journal;
mod layout;
mod leave;
mod plan;
mod sources;
mod space;
mod writes;

pub use contents::ContentError;
pub use heap::{Allocator, NoAllocator};
pub use journal::{Journal, Overwritten, Step};
pub use layout::Noted;
pub use leave::Left;
pub use plan::{Move, Piece, Plan, Refusal, Source, Twin};
pub use sources::{SourceError, Sources};
pub use space::Space;
pub use writes::{WriteError, Writes};

use crate::hold::{Code, Hands, HandsError, Registers};
use crate::kernel::Layout;
use crate::ledger::Page;
use crate::process::maps;
use contents::Writable;
use journal::{move_pages, protection, word};
use mcrx_allocator::abi;
use mcrx_tracer::image::Process;
use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;
use sources::Origin;
use std::io;
use std::ops::Range;
use std::os::fd::BorrowedFd;

/// Why a graft could not be made, or not gone on with. What was done is in the journal.
#[derive(Debug, thiserror::Error)]
pub enum GraftError {
    /// The old process has mapped something meanwhile.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Its threads could not be made to do it.
    #[error(transparent)]
    Hands(#[from] HandsError),
    /// What it has mapped cannot be read.
    #[error("the list of its mappings cannot be read: {0}")]
    Unlisted(io::Error),
    /// The kernel does not let it have memory there.
    #[error("{} bytes at {address:#x} cannot be mapped: {errno}{}", .bytes, limit(.errno))]
    NotMapped {
        /// Where.
        address: u64,
        /// How many.
        bytes: u64,
        /// What mmap(2) said.
        errno: Errno,
    },
    /// The new release's allocator did not take the old heap over.
    #[error(
        "the new release's allocator does not know the form of the heap at {region:#x}: it is of another version of mcrx"
    )]
    UnknownHeap {
        /// Its base.
        region: u64,
    },
}

fn limit(errno: &Errno) -> &'static str {
    match errno {
        Errno::ENOMEM => {
            ": raise its limits of address space (RLIMIT_AS, RLIMIT_DATA) or the system's (vm.max_map_count, memory)"
        }
        _ => "",
    }
}

/// The new release's memory in one process of the old.
#[derive(Debug)]
pub struct Graft {
    /// The old process.
    process: Pid,
    plan: Plan,
    journal: Journal,
    codes: Codes,
}

/// Instructions that make system calls. Those of the memory that is about to go cannot be used.
#[derive(Debug, Default)]
struct Codes {
    old: Option<Code>,
    new: Option<Code>,
}

impl Graft {
    /// Nothing is done yet.
    #[must_use]
    pub fn new(process: Pid, plan: Plan) -> Graft {
        let old = maps::read(process).ok().and_then(|mappings| Code::find(process, &mappings));
        Graft { process, plan, journal: Journal::default(), codes: Codes { old, new: None } }
    }

    /// Whatever is done is kept there too, as far as it cannot be told from the plan.
    pub(crate) fn keep_in(&mut self, page: Page) {
        self.journal.page = Some(page);
    }

    /// System calls are made by instructions of the new release from here on.
    pub(crate) fn use_new_code(&self, hands: &Hands<'_>, thread: Pid) -> Result<(), HandsError> {
        self.use_code(hands, thread, self.codes.new)
    }

    /// An empty journal for writes that are [added](Graft::add) later.
    pub(crate) fn fresh_journal(&self) -> Journal {
        Journal { steps: Vec::new(), page: self.journal.page.clone() }
    }

    /// All that may have been done by somebody who is gone, with the same plan: to be undone.
    ///
    /// `before`: the layout that the kernel knew of. `written`: what was overwritten.
    pub(crate) fn take_up(&mut self, before: &Layout, written: impl Iterator<Item = Overwritten>) {
        let mapped =
            self.regions().into_iter().chain(self.plan.pieces.iter().map(|piece| piece.range.clone()));
        let mapped: Vec<Step> = mapped.map(Step::Mapped).collect();
        let steps = &mut self.journal.steps;
        steps.extend(mapped);
        // Some kernels unmap what is at the place that something is to be moved to before they find that there is nothing to be moved.
        let now = maps::read(self.process).unwrap_or_default();
        let was_made = |step: &Move| maps::holding(&now, step.to).is_some();
        steps.extend(self.plan.moves.iter().copied().filter(was_made).map(Step::Moved));
        steps.push(Step::Laid(before.clone()));
        steps.extend(written.map(Step::Written));
        self.find_code();
    }

    /// Regions of the heap that are mapped with the rest. What the new release's allocator maps there later goes with them.
    fn regions(&self) -> Vec<Range<u64>> {
        let bases = self.plan.pieces.iter().map(|piece| abi::region_of(piece.range.start));
        let mut bases: Vec<u64> = bases.filter(|base| abi::is_region_base(*base)).collect();
        bases.dedup();
        bases.into_iter().map(|base| base..base + abi::REGION_SIZE).collect()
    }

    /// Looks for instructions of the new release.
    fn find_code(&mut self) {
        let mappings = maps::read(self.process).unwrap_or_default().into_iter();
        let of_new: Vec<_> =
            mappings.filter(|mapping| self.plan.piece_at(mapping.range.start).is_some()).collect();
        self.codes.new = Code::find(self.process, &of_new);
    }

    /// What it maps where.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What has been done so far.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Makes the mappings, by system calls of this thread of the process, which is held.
    ///
    /// # Errors
    /// [`GraftError`]: what was made so far is unmapped by [`undo`](Graft::undo).
    pub fn make(&mut self, hands: &Hands<'_>, thread: Pid, sources: &Sources) -> Result<(), GraftError> {
        self.plan.check(&Space::of(thread).map_err(GraftError::Unlisted)?)?;
        let origins: Vec<Origin<'_>> = self.plan.pieces.iter().map(|piece| sources.origin(piece)).collect();
        let mut files: Vec<BorrowedFd<'_>> = Vec::new();
        for origin in &origins {
            if let Origin::File { file, .. } = origin
                && !files.iter().any(|other| raw(*other) == raw(*file))
            {
                files.push(*file);
            }
        }
        let passed = if files.is_empty() { Vec::new() } else { hands.pass(thread, &files)? };
        // What its allocator maps from here on goes with it.
        let regions = self.regions();
        self.journal.steps.extend(regions.into_iter().map(Step::Mapped));
        let made = self.plan.pieces.iter().zip(&origins).try_for_each(|(piece, origin)| {
            if let Source::Again(old) = piece.source {
                return map_again(hands, thread, piece, old, &mut self.journal);
            }
            let place = |file: &BorrowedFd<'_>| files.iter().position(|other| raw(*other) == raw(*file));
            let (flags, number, offset) = match origin {
                Origin::Nothing if piece.source == Source::Stack => {
                    (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE, -1, 0)
                }
                Origin::Nothing => (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0),
                Origin::File { file, offset, shared } => {
                    let number = place(file).and_then(|place| passed.get(place)).copied().unwrap_or(-1);
                    (if *shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE }, number, *offset)
                }
            };
            map(hands, thread, piece, flags, number, offset, &mut self.journal)
        });
        let closed = passed.iter().try_for_each(|number| hands.close(thread, *number).map(drop));
        made?;
        closed?;
        // A child that the old program makes meanwhile is none of the new release.
        for range in self.plan.ranges() {
            advise(hands, thread, &range, libc::MADV_DONTFORK)?;
        }
        Ok(())
    }

    /// Writes the contents, while the process runs; says how many bytes that were.
    ///
    /// # Errors
    /// [`ContentError`]
    pub fn fill(&mut self, new: &Process, sources: &Sources) -> Result<u64, ContentError> {
        let into =
            Writable::of(self.process).map_err(|source| ContentError::Unwritable { address: 0, source })?;
        let written = contents::write(&self.plan, sources, new, &into)?;
        self.find_code();
        Ok(written)
    }

    /// What is left to be done for the new code to run in the process. System calls are made by instructions of the new release from here on. Its children get the new memory, the kernel's own pages are where the
    /// new release has them, and the kernel knows of its layout, if it is let.
    ///
    /// `before`: the layout that the kernel knows of so far.
    ///
    /// # Errors
    /// [`GraftError`]
    pub fn settle(
        &mut self,
        hands: &Hands<'_>,
        thread: Pid,
        before: &Layout,
        after: &Layout,
    ) -> Result<Noted, GraftError> {
        self.use_code(hands, thread, self.codes.new)?;
        for range in self.plan.ranges() {
            advise(hands, thread, &range, libc::MADV_DOFORK)?;
        }
        if !self.plan.moves.is_empty() {
            // What lay where they go would be gone.
            let now = Space::of(thread).map_err(GraftError::Unlisted)?;
            Plan { pieces: Vec::new(), moves: self.plan.moves.clone() }.check(&now)?;
        }
        for step in &self.plan.moves {
            self.journal.steps.push(Step::Moved(*step));
            move_pages(hands, thread, step)?;
        }
        self.journal.steps.push(Step::Laid(before.clone()));
        Ok(layout::set(hands, self.process, thread, after, None)?)
    }

    /// Has the new release's allocator take the old heap over, when all is [settled](Graft::settle): its regions become the new one's, the last of them its home.
    ///
    /// `main`: the registers of the new release's main thread, on whose stack this runs.
    ///
    /// # Errors
    /// [`GraftError`]
    pub fn take_over(
        &mut self,
        hands: &Hands<'_>,
        thread: Pid,
        allocator: &Allocator,
        main: &Registers,
        regions: &[u64],
    ) -> Result<(), GraftError> {
        regions
            .iter()
            .try_for_each(|region| allocator.take_over(hands, thread, main, *region, &mut self.journal))
    }

    /// Has the new release's allocator make a region its own that was mapped with the rest: one with blocks that were laid out from outside.
    /// Nothing that stays is changed by it.
    ///
    /// # Errors
    /// [`GraftError`]
    pub fn adopt(
        &self,
        hands: &Hands<'_>,
        thread: Pid,
        allocator: &Allocator,
        main: &Registers,
        region: u64,
    ) -> Result<(), GraftError> {
        allocator.adopt(hands, thread, main, region)
    }

    /// Makes what the old program does not need any more inaccessible: when its threads have their new registers.
    ///
    /// # Errors
    /// [`HandsError`]
    pub fn hide(&mut self, hands: &Hands<'_>, thread: Pid, left: &Left) -> Result<(), HandsError> {
        left.hide(hands, thread, &mut self.journal)
    }

    /// Makes it accessible again: before threads get their old registers back, whose stacks lie there.
    ///
    /// # Errors
    /// The first thing that could not be taken back. All else was.
    pub fn unhide(&mut self, hands: &Hands<'_>, thread: Pid) -> Result<(), HandsError> {
        let is_other = |step: &Step| !matches!(step, Step::Protected { .. });
        let first = self.journal.steps.iter().rposition(is_other).map_or(0, |last| last + 1);
        let mut hidden = Journal { steps: self.journal.steps.split_off(first), page: None };
        let undone = hidden.undo(hands, self.process, thread);
        self.journal.steps.append(&mut hidden.steps);
        undone
    }

    /// Takes note of writes that were made to the process for the new image, so that they are taken back with the rest.
    pub fn add(&mut self, written: Journal) {
        self.journal.steps.extend(written.steps);
    }

    /// Tells the kernel which program this is now, when the old one's memory is unmapped.
    ///
    /// # Errors
    /// [`HandsError`]. That the kernel does not let us is none.
    pub fn name_program(
        &self,
        hands: &Hands<'_>,
        thread: Pid,
        layout: &Layout,
        program: BorrowedFd<'_>,
    ) -> Result<Noted, HandsError> {
        let passed = hands.pass(thread, &[program])?;
        let noted = layout::set(hands, self.process, thread, layout, passed.first().copied());
        passed.iter().try_for_each(|number| hands.close(thread, *number).map(drop))?;
        noted
    }

    /// Takes everything back.
    ///
    /// # Errors
    /// The first thing that could not be taken back. All else was.
    pub fn undo(&mut self, hands: &Hands<'_>, thread: Pid) -> Result<(), HandsError> {
        self.use_code(hands, thread, self.codes.old)?;
        self.journal.undo(hands, self.process, thread)
    }

    /// From now on a thread makes system calls by these instructions.
    fn use_code(&self, hands: &Hands<'_>, thread: Pid, code: Option<Code>) -> Result<(), HandsError> {
        hands.call_back(thread)?;
        match code {
            Some(code) => hands.know(self.process, &code),
            None => return Err(HandsError::NoInstructions(self.process)),
        }
        Ok(())
    }
}

fn raw(file: BorrowedFd<'_>) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(&file)
}

fn map(
    hands: &Hands<'_>,
    thread: Pid,
    piece: &Piece,
    flags: i32,
    file: i32,
    offset: u64,
    journal: &mut Journal,
) -> Result<(), GraftError> {
    let (address, bytes) = (piece.range.start, piece.range.end - piece.range.start);
    let flags = word(flags | libc::MAP_FIXED_NOREPLACE);
    let file = i64::from(file).cast_unsigned();
    let arguments = [address, bytes, protection(piece.permissions), flags, file, offset];
    match hands.system_call(thread, libc::SYS_mmap, arguments) {
        Ok(there) if there == address => {
            journal.steps.push(Step::Mapped(piece.range.clone()));
            Ok(())
        }
        // A kernel that does not know the flag takes the address for a wish.
        Ok(elsewhere) => {
            journal.steps.push(Step::Mapped(elsewhere..elsewhere + bytes));
            Err(GraftError::NotMapped { address, bytes, errno: Errno::EEXIST })
        }
        Err(HandsError::Call { errno, .. }) => Err(GraftError::NotMapped { address, bytes, errno }),
        Err(error) => Err(error.into()),
    }
}

/// Maps shared memory of the process once more: what mremap(2) does of a mapping of which it is to move nothing.
fn map_again(
    hands: &Hands<'_>,
    thread: Pid,
    piece: &Piece,
    old: u64,
    journal: &mut Journal,
) -> Result<(), GraftError> {
    let (address, bytes) = (piece.range.start, piece.range.end - piece.range.start);
    let flags = word(libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED);
    let not_mapped = |error| match error {
        HandsError::Call { errno, .. } => GraftError::NotMapped { address, bytes, errno },
        error => error.into(),
    };
    hands.system_call(thread, libc::SYS_mremap, [old, 0, bytes, flags, address, 0]).map_err(not_mapped)?;
    journal.steps.push(Step::Mapped(piece.range.clone()));
    let arguments = [address, bytes, protection(piece.permissions), 0, 0, 0];
    hands.system_call(thread, libc::SYS_mprotect, arguments).map_err(not_mapped)?;
    Ok(())
}

fn advise(hands: &Hands<'_>, thread: Pid, range: &Range<u64>, advice: i32) -> Result<(), HandsError> {
    let arguments = [range.start, range.end - range.start, word(advice), 0, 0, 0];
    hands.system_call(thread, libc::SYS_madvise, arguments).map(drop)
}
