//! Contains `unsafe`: giving the pages of free spans back.
//!
//! Dealing out slices: spans of them, free or in use, tile the region from its first data slice to `high`.
//!
//! Free spans stand in lists by length, the lists in a bitmap. Both are caches: the tiling can be read from the descriptors
//! alone at any instant (see `abi`), which is how [`rebuild`] mends them after a fork that caught another thread in here.
//!
//! Free pages go back to the system by `munmap`, not by `madvise`: seccomp filters that let a program call `malloc` allow what glibc's
//! does there (`mmap`, `munmap`, `mremap`, `brk`), and vsftpd's kills it for anything else.
//!
//! Everything here wants the region's lock, which the [`Locked`] handle proves.

use crate::abi::{Kind, REGION_SIZE, SLICE_SIZE, Word, flag};
use crate::lock::{self, Guard};
use crate::parts;
use crate::region::{Region, TABLE_STEP};
use crate::runtime;
use crate::settings::SETTINGS;
use crate::sync::{Field, Ordering};
use crate::sys;

const LISTS: u32 = 64;
/// Spans of up to this many slices have a list for each length.
const EXACT_LISTS: u32 = 32;
/// Least and most slices by which the committed part of the region grows: 1 MiB, 64 MiB.
const GROW_MIN: u32 = 16;
const GROW_MAX: u32 = 1024;
/// The region grows by this fraction of itself.
const GROW_FRACTION: u32 = 8;
/// Free spans of at least this many slices (32 MiB) are given back at once.
const HUGE: u32 = 512;
/// Slices that are made usable at least when a span that was given back is used again: 1 MiB.
const RECOMMIT_MIN: u32 = 16;
/// Most spans that are given back at a time: each may split a mapping, and a process has 65,530 of them (`vm.max_map_count`).
const HOLES_MAX: u32 = 8192;
/// Slices covered by one step of heads.
#[expect(clippy::cast_possible_truncation, reason = "64 KiB / 4")]
const HEAD_STEP: u32 = (TABLE_STEP / 4) as u32;
/// Slices covered by one step of descriptors.
#[expect(clippy::cast_possible_truncation, reason = "64 KiB / 128")]
const DESCRIPTOR_STEP: u32 = (TABLE_STEP / size_of::<crate::abi::Descriptor>() as u64) as u32;

/// A region whose lock is held.
pub(crate) struct Locked<'a> {
    pub(crate) region: Region,
    _guard: Guard<'a>,
}

/// A span in use, as dealt out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) slice: u32,
    /// Whether every byte reads as zero.
    pub(crate) zero: bool,
}

/// Takes the region's lock.
pub(crate) fn lock(region: Region) -> Locked<'static> {
    Locked { region, _guard: lock::lock(&region.header().lock) }
}

/// The list for free spans of `slices` slices: exact up to 32, then two lists to each doubling.
fn list_of(slices: u32) -> u32 {
    if slices <= EXACT_LISTS {
        return slices - 1;
    }
    let log = 31 - slices.leading_zeros();
    (EXACT_LISTS + 2 * (log - 5) + ((slices >> (log - 1)) & 1)).min(LISTS - 1)
}

impl Locked<'_> {
    /// Deals out `slices` slices, the first at a multiple of `align` slices. `None`: no memory.
    pub(crate) fn take(&self, slices: u32, align: u32) -> Option<Span> {
        self.purge_if_due();
        let wanted = slices.checked_add(align - 1)?;
        let (found, length, flags) = self.take_free(wanted).or_else(|| self.grow(wanted))?;
        let start = found.next_multiple_of(align);
        let end = start + slices;
        let freed_at = self.region.descriptor(found).freed_at_ms.get();
        let mut usable = found + length;
        let mut used_flags = flags;
        if flags & flag::COMMITTED == 0 {
            usable = usable.min(end.max(start + RECOMMIT_MIN));
            if self.recommit(start, usable - start).is_err() {
                self.split_off(found, found, length, flags);
                return None;
            }
            used_flags |= flag::COMMITTED;
        }
        // From the end to the start: at every instant the descriptors tile the region.
        self.split_off(found, usable, found + length - usable, flags);
        let rest = usable - end;
        if rest > 0 {
            self.publish(end, rest, Word::new(Kind::Taken, 0, used_flags, rest));
        }
        self.publish(start, slices, Word::new(Kind::Taken, 0, used_flags, slices));
        self.split_off(found, found, start - found, flags);
        self.claim(start, start, slices);
        if rest > 0 {
            self.put_aged(end, rest, used_flags, freed_at);
        }
        self.region.header().spans.set(self.region.header().spans.get() + 1);
        Some(Span { slice: start, zero: flags & flag::DIRTY == 0 })
    }

    /// Takes a span back. Its pages hold old bytes.
    pub(crate) fn give(&self, slice: u32, slices: u32) {
        parts::release(self, slice);
        self.region.header().spans.set(self.region.header().spans.get() - 1);
        let descriptor = self.region.descriptor(slice);
        let dirty = Word::new(Kind::Free, 0, flag::COMMITTED | flag::DIRTY, slices);
        descriptor.word.store(dirty.0, Ordering::Release);
        descriptor.owner.store(0, Ordering::Release);
        if slices >= HUGE && self.decommit(slice, slices) {
            return self.put(slice, slices, 0);
        }
        self.put(slice, slices, flag::COMMITTED | flag::DIRTY);
        self.purge_if_due();
    }

    /// Gives the last `slices - keep` slices of a span back.
    pub(crate) fn shrink(&self, slice: u32, slices: u32, keep: u32, word: Word) {
        let (rest, dirty) = (slices - keep, flag::COMMITTED | flag::DIRTY);
        self.publish(slice + keep, rest, Word::new(Kind::Taken, 0, dirty, rest));
        self.publish(slice, keep, word);
        self.put(slice + keep, rest, dirty);
    }

    /// Adds `more` slices to a span from the free one behind it and publishes `word`, made for the new length. Says whether the
    /// added slices read as zero; `None` if there are not so many.
    pub(crate) fn extend(&self, slice: u32, slices: u32, more: u32, word: Word) -> Option<bool> {
        let behind = slice + slices;
        if behind >= self.region.header().high.get() {
            return None;
        }
        let free = Word(self.region.descriptor(behind).word.get());
        if free.kind() != Some(Kind::Free) || free.slices() < more || free.flags() & flag::COMMITTED == 0 {
            return None;
        }
        self.unlink(behind);
        self.split_off(behind, behind + more, free.slices() - more, free.flags());
        self.publish(slice, slices + more, word);
        self.claim(slice, behind, more);
        Some(free.flags() & flag::DIRTY == 0)
    }

    /// Gives every free page back to the system.
    pub(crate) fn purge_all(&self) {
        self.purge(0);
    }

    fn extent(&self, slice: u32, slices: u32) -> (u64, u64) {
        (u64::from(slice) * SLICE_SIZE, u64::from(slices) * SLICE_SIZE)
    }

    /// Writes a span's word, and that its ends belong to it.
    fn publish(&self, slice: u32, slices: u32, word: Word) {
        self.region.head(slice).set(slice);
        self.region.head(slice + slices - 1).set(slice);
        self.region.descriptor(slice).word.store(word.0, Ordering::Release);
    }

    /// Writes that `slices` slices at `from` belong to the span at `slice`.
    fn claim(&self, slice: u32, from: u32, slices: u32) {
        for inside in from..from + slices {
            self.region.head(inside).set(slice);
        }
    }

    fn take_free(&self, slices: u32) -> Option<(u32, u32, u8)> {
        let header = self.region.header();
        let mut lists = header.span_lists.get() & (!0 << list_of(slices));
        while lists != 0 {
            let list = lists.trailing_zeros();
            let mut slice = self.first(list);
            while slice != 0 {
                let descriptor = self.region.descriptor(slice);
                let word = Word(descriptor.word.get());
                if word.slices() >= slices {
                    self.unlink(slice);
                    return Some((slice, word.slices(), word.flags()));
                }
                slice = descriptor.next.get();
            }
            lists &= lists - 1;
        }
        None
    }

    /// Extends the region until its last span, if that is free, or else a new one, has `slices` slices.
    fn grow(&self, slices: u32) -> Option<(u32, u32, u8)> {
        let header = self.region.header();
        self.guard_next_step();
        let (high, committed) = (header.high.get(), header.committed.get());
        let tail = self.last_free();
        let added = slices - tail.map_or(0, |start| high - start);
        let used = committed - crate::abi::FIRST_SLICE;
        let step = (used / GROW_FRACTION).clamp(GROW_MIN, GROW_MAX).next_power_of_two();
        let last = u32::try_from(header.size.get().min(REGION_SIZE) / SLICE_SIZE).unwrap_or(u32::MAX);
        let needed = added.saturating_sub(committed - high);
        let more = needed.next_multiple_of(step);
        let more = if committed.checked_add(more)? <= last { more } else { needed };
        if committed.checked_add(more)? > last {
            return None;
        }
        if more > 0 {
            self.commit_descriptors(committed, more)?;
            let (offset, len) = self.extent(committed, more);
            self.region.commit(offset, len).ok()?;
            header.committed.set(committed + more);
            runtime::note_growth(self.region);
        }
        // Described before `high` moves over it: readers stop at `high`.
        self.publish(high, added, Word::new(Kind::Taken, 0, flag::COMMITTED, added));
        header.high.store(high + added, Ordering::Release);
        let Some(start) = tail else { return Some((high, added, flag::COMMITTED)) };
        self.unlink(start);
        let flags = Word(self.region.descriptor(start).word.get()).flags();
        self.publish(start, slices, Word::new(Kind::Taken, 0, flags, slices));
        Some((start, slices, flags))
    }

    /// The start of the last span of the region, if it is free and committed.
    fn last_free(&self) -> Option<u32> {
        let high = self.region.header().high.get();
        let start = self.free_before(high)?;
        let word = Word(self.region.descriptor(start).word.get());
        (word.flags() & flag::COMMITTED != 0).then_some(start)
    }

    /// The start of the free span that ends where `slice` begins.
    fn free_before(&self, slice: u32) -> Option<u32> {
        if slice == crate::abi::FIRST_SLICE {
            return None;
        }
        let start = self.region.head(slice - 1).get();
        let word = Word(self.region.descriptor(start).word.get());
        (word.kind() == Some(Kind::Free) && start + word.slices() == slice).then_some(start)
    }

    /// At the start of each large step leaves a slice inaccessible, so that a program that runs off the end of a block is stopped
    /// at the latest there.
    fn guard_next_step(&self) {
        let header = self.region.header();
        let (high, committed) = (header.high.get(), header.committed.get());
        let large = (committed - crate::abi::FIRST_SLICE) / GROW_FRACTION >= GROW_MAX;
        if high == committed && large && self.commit_descriptors(high, 1).is_some() {
            self.publish(high, 1, Word::new(Kind::Guard, 0, 0, 1));
            header.committed.set(high + 1);
            runtime::note_growth(self.region);
            header.high.store(high + 1, Ordering::Release);
        }
    }

    /// Commits the descriptors and heads of `slices` slices at `from`, all before them being committed.
    fn commit_descriptors(&self, from: u32, slices: u32) -> Option<()> {
        let size = size_of::<crate::abi::Descriptor>() as u64;
        let mut step = from.next_multiple_of(DESCRIPTOR_STEP);
        while step < from + slices {
            self.region
                .commit_table(crate::abi::DESCRIPTORS_OFFSET + u64::from(step) * size, TABLE_STEP)
                .ok()?;
            step += DESCRIPTOR_STEP;
        }
        let mut step = from.next_multiple_of(HEAD_STEP);
        while step < from + slices {
            self.region.commit_table(crate::abi::HEADS_OFFSET + u64::from(step) * 4, TABLE_STEP).ok()?;
            step += HEAD_STEP;
        }
        Some(())
    }

    /// Gives the pages of a free span that is in no list back to the system; says whether it could.
    fn decommit(&self, slice: u32, slices: u32) -> bool {
        let header = self.region.header();
        let word = |flags| Word::new(Kind::Free, 0, flags, slices).0;
        let descriptor = self.region.descriptor(slice);
        if header.holes.get() >= HOLES_MAX {
            return false;
        }
        // Before the pages go: a child forked in between must not take them for usable. It finds them mapped, which
        // `Region::commit` allows for, and not zero, which the flag says.
        descriptor.word.store(word(flag::DIRTY), Ordering::Release);
        let (offset, len) = self.extent(slice, slices);
        // SAFETY: the span is free, and the lock keeps others from taking it.
        let done = unsafe { self.region.decommit(offset, len) }.is_ok();
        descriptor.word.store(word(if done { 0 } else { flag::COMMITTED | flag::DIRTY }), Ordering::Release);
        done
    }

    fn recommit(&self, slice: u32, slices: u32) -> Result<(), sys::Errno> {
        let (offset, len) = self.extent(slice, slices);
        self.region.commit(offset, len)
    }

    /// Makes `slices` slices at `slice` a free span of their own, cut from the free span at `from`. What lies on both sides is in
    /// use or of another commitment, so there is nothing to join.
    fn split_off(&self, from: u32, slice: u32, slices: u32, flags: u8) {
        if slices > 0 {
            let freed_at = self.region.descriptor(from).freed_at_ms.get();
            self.region.descriptor(slice).freed_at_ms.set(freed_at);
            self.publish(slice, slices, Word::new(Kind::Free, 0, flags, slices));
            self.link(slice, slices);
        }
    }

    /// Makes a span free, together with its free neighbours of the same commitment.
    fn put(&self, slice: u32, slices: u32, flags: u8) {
        self.put_aged(slice, slices, flags, sys::now_ms());
    }

    fn put_aged(&self, mut slice: u32, mut slices: u32, mut flags: u8, mut freed_at: u32) {
        let header = self.region.header();
        // No descriptor inside a free span may look like one of a block.
        self.publish(slice, slices, Word::new(Kind::Free, 0, flags, slices));
        let commitment = flags & flag::COMMITTED;
        let joins = |word: Word| word.flags() & flag::COMMITTED == commitment;
        // The whole is as old as its longest part: a large span does not stay because a small one beside it comes and goes.
        let mut longest = slices;
        let mut consider = |neighbour: u32, word: Word| {
            if word.slices() > longest {
                longest = word.slices();
                freed_at = self.region.descriptor(neighbour).freed_at_ms.get();
            }
        };
        let mut behind = 0;
        if slice + slices < header.high.get() {
            let word = Word(self.region.descriptor(slice + slices).word.get());
            if word.kind() == Some(Kind::Free) && joins(word) {
                behind = word.slices();
                consider(slice + slices, word);
                self.unlink(slice + slices);
                flags |= word.flags();
            }
        }
        if let Some(start) = self.free_before(slice) {
            let word = Word(self.region.descriptor(start).word.get());
            if joins(word) {
                consider(start, word);
                self.unlink(start);
                slices += slice - start;
                slice = start;
                flags |= word.flags();
            }
        }
        slices += behind;
        self.region.descriptor(slice).freed_at_ms.set(freed_at);
        self.publish(slice, slices, Word::new(Kind::Free, 0, flags, slices));
        self.link(slice, slices);
    }

    fn first(&self, list: u32) -> u32 {
        self.list(list).get()
    }

    fn list(&self, list: u32) -> &'static crate::sync::AtomicU32 {
        &self.region.header().free_spans[usize::try_from(list % LISTS).unwrap_or(0)]
    }

    fn link(&self, slice: u32, slices: u32) {
        self.count_hole(slice, 1);
        let list = list_of(slices);
        let next = self.first(list);
        let descriptor = self.region.descriptor(slice);
        descriptor.next.set(next);
        descriptor.previous.set(0);
        if next != 0 {
            self.region.descriptor(next).previous.set(slice);
        }
        self.list(list).set(slice);
        let lists = &self.region.header().span_lists;
        lists.set(lists.get() | 1 << list);
    }

    fn unlink(&self, slice: u32) {
        self.count_hole(slice, u32::MAX);
        let descriptor = self.region.descriptor(slice);
        let (next, previous) = (descriptor.next.get(), descriptor.previous.get());
        if next != 0 {
            self.region.descriptor(next).previous.set(previous);
        }
        if previous != 0 {
            return self.region.descriptor(previous).next.set(next);
        }
        let list = list_of(Word(descriptor.word.get()).slices());
        self.list(list).set(next);
        if next == 0 {
            let lists = &self.region.header().span_lists;
            lists.set(lists.get() & !(1 << list));
        }
    }

    /// Adds `change` (modulo 2^32) to the number of holes if the free span at `slice` is one.
    fn count_hole(&self, slice: u32, change: u32) {
        if Word(self.region.descriptor(slice).word.get()).flags() & flag::COMMITTED == 0 {
            let holes = &self.region.header().holes;
            holes.set(holes.get().wrapping_add(change));
        }
    }

    fn purge_if_due(&self) {
        let delay = SETTINGS.purge_delay_ms.get();
        let now = sys::now_ms();
        if now.wrapping_sub(self.region.header().purged_at_ms.get()) >= delay {
            self.purge(delay);
        }
    }

    /// Gives back the pages of spans that have been free for `delay_ms`.
    fn purge(&self, delay_ms: u32) {
        let header = self.region.header();
        let now = sys::now_ms();
        header.purged_at_ms.set(now);
        // Out of the lists first: giving a span back joins it with others, which would change the lists under us.
        let mut due = 0;
        let mut lists = header.span_lists.get();
        while lists != 0 {
            let mut slice = self.first(lists.trailing_zeros());
            while slice != 0 {
                let descriptor = self.region.descriptor(slice);
                let next = descriptor.next.get();
                let (flags, slices) =
                    (Word(descriptor.word.get()).flags(), Word(descriptor.word.get()).slices());
                let old = now.wrapping_sub(descriptor.freed_at_ms.get()) >= delay_ms;
                if old && flags == flag::COMMITTED | flag::DIRTY {
                    self.unlink(slice);
                    // Not free for now, lest a neighbour joins it.
                    descriptor.word.set(Word::new(Kind::Taken, 0, flags, slices).0);
                    descriptor.next.set(due);
                    due = slice;
                }
                slice = next;
            }
            lists &= lists - 1;
        }
        while due != 0 {
            let descriptor = self.region.descriptor(due);
            let next = descriptor.next.get();
            let slices = Word(descriptor.word.get()).slices();
            let flags = if self.decommit(due, slices) { 0 } else { flag::COMMITTED | flag::DIRTY };
            self.put(due, slices, flags);
            due = next;
        }
    }
}

/// Makes the lists anew from the descriptors, in a forked child whose other threads are gone. Spans that they were about
/// to use are free again.
pub(crate) fn rebuild(region: Region) {
    let header = region.header();
    lock::reset(&header.lock);
    let locked = lock(region);
    header.inherited.set(1);
    header.span_lists.set(0);
    header.holes.set(0);
    for list in &header.free_spans {
        list.set(0);
    }
    let mut spans = 0;
    let mut slice = crate::abi::FIRST_SLICE;
    while slice < header.high.get() {
        let word = Word(region.descriptor(slice).word.get());
        let slices = word.slices().max(1);
        if matches!(word.kind(), Some(Kind::Free | Kind::Taken)) {
            // A thread may have been about to make a slab of it, or to be done with one. Left standing, the owner would have `free`
            // take the slice for the first of a slab once it lies inside a larger span.
            region.descriptor(slice).owner.set(0);
        }
        match word.kind() {
            Some(Kind::Free) => locked.split_off(slice, slice, slices, word.flags()),
            Some(Kind::Taken) => locked.split_off(slice, slice, slices, word.flags() | flag::DIRTY),
            Some(Kind::Slab | Kind::Large) => spans += 1,
            Some(Kind::Tables) => {}
            // A hole that a thread was about to describe.
            Some(Kind::Unused | Kind::Guard) | None => {
                slice += 1;
                continue;
            }
        }
        slice += slices;
    }
    header.spans.set(spans);
}

#[cfg(test)]
mod tests;
