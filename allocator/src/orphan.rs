//! Contains `unsafe`: from the address of a heap, as descriptors hold it, to the heap.
//!
//! Slabs whose owners vanished without a word: the other threads of a process that forked, or every thread of the version
//! before an update. Their lists may be in any state; their tags and descriptors are true (see `abi`).
//!
//! The region's *era* moves on when owners vanish. A heap whose era is not the region's is nobody's, and its lists are void. Its
//! slabs get new lists one by one: when a block of theirs is freed, or by a search that goes a little further whenever
//! a heap needs a new slab. Slabs found are *shelved* under heap 0 until a heap wants one of their class.

use crate::abi::{Class, FIRST_SLICE, Kind};
use crate::heap::{Heap, tenure};
use crate::region::Region;
use crate::runtime;
use crate::slab::Slab;
use crate::span::{self, Locked};
use crate::sync::{AtomicU32, Field, Ordering};

/// Spans looked at per new slab: what makes the search end soon, and never take long at once.
const SEARCH_STEP: u32 = 32;
/// Spans looked at per new thread, at about a microsecond each.
const SEARCH_FOR_HEAPS: u32 = 4096;

/// The heap at `address`.
#[inline(always)]
pub(crate) fn heap_at(address: u64) -> &'static Heap {
    let address = usize::try_from(address).unwrap_or(0);
    // SAFETY: descriptors' owners and thread-local slots hold addresses of heaps of mapped regions only.
    unsafe { &*core::ptr::with_exposed_provenance::<Heap>(address) }
}

/// Whether the owner of `slab`, at `owner`, has vanished. Heap 0 has no thread to vanish, but a fork may have caught one at its
/// lists: what was shelved before is to be shelved anew.
#[inline(always)]
pub(crate) fn is_orphan(slab: Slab, owner: u64) -> bool {
    let heap = heap_at(owner);
    heap.era.get() != slab.region.header().era.get()
        || heap.index.get() == 0 && slab.descriptor.shelved_in.get() != losses(slab.region).get()
}

/// Makes heap 0 of a new region.
pub(crate) fn set_up_shelf(region: Region) {
    let heap = region.heap(0);
    heap.base.set(region.base());
    heap.era.set(region.header().era.get());
    region.header().heaps.set(1);
}

/// How often threads vanished. Heap 0 has no thread: the field is free for this.
fn losses(region: Region) -> &'static AtomicU32 {
    &region.heap(0).thread
}

/// What slabs in a mailbox of `region` bear: never 0, and another after each loss of threads.
pub(crate) fn mail_stamp(region: Region) -> u32 {
    losses(region).get().wrapping_shl(1) | 1
}

/// Threads of `region` have vanished: they may have been at the lists of heap 0, at those of spans, at any mailbox, and on their way to
/// give notice of a slab. Whoever is still there is not, and will not be before this is done.
pub(crate) fn threads_vanished(region: Region) {
    region.heap(0).forget_lists();
    losses(region).set(losses(region).get().wrapping_add(1));
    span::rebuild(region);
    let heaps = region.header().heaps.get();
    (1..heaps).for_each(|index| region.heap(index).reset_mailbox());
    let header = region.header();
    let mut slice = FIRST_SLICE;
    while slice < header.high.get() {
        let slab = Slab::at(region, slice);
        slice += slices_at(slab);
        if slab.word().kind() == Some(Kind::Slab) {
            let owner = slab.descriptor.owner.load(Ordering::Acquire);
            if !is_orphan(slab, owner) {
                heap_at(owner).remind(slab);
            }
        }
    }
}

/// How far it is from the span at `slab` to the next.
fn slices_at(slab: Slab) -> u32 {
    match slab.word().kind() {
        Some(Kind::Free | Kind::Taken | Kind::Slab | Kind::Large | Kind::Tables) => {
            slab.word().slices().max(1)
        }
        _ => 1,
    }
}

/// Every heap of `region` but `survivor` has lost its owner, and no thread is inside the allocator.
pub(crate) fn owners_vanished(region: Region, survivor: Option<&Heap>) {
    let header = region.header();
    let era = header.era.get() + 1;
    for heap in survivor.into_iter().chain([region.heap(0)]) {
        heap.era.set(era);
    }
    header.idle_heaps.set(0);
    header.orphan_cursor.set(FIRST_SLICE);
    header.orphan_end.set(header.high.get());
    header.era.store(era, Ordering::Release);
    threads_vanished(region);
}

/// Gives a slab new lists and puts it under heap 0, if its owner has vanished.
#[cold]
pub(crate) fn rescue(slab: Slab) {
    runtime::mend_after_fork();
    let locked = span::lock(slab.region);
    if is_orphan(slab, slab.descriptor.owner.load(Ordering::Acquire)) {
        shelve(&locked, slab);
    }
}

fn shelve(locked: &Locked<'_>, slab: Slab) {
    if slab.rebuild() == 0 {
        return locked.give(slab.slice, slab.word().slices());
    }
    let heap = locked.region.heap(0);
    heap.shelve(slab);
    slab.descriptor.shelved_in.set(losses(locked.region).get());
    slab.descriptor.owner.store(heap.address(), Ordering::Release);
}

/// Rescues every slab of a region that is to drain, and gives the region back at once if nothing lives in it: nobody will
/// search it later.
pub(crate) fn rescue_all(region: Region) {
    let locked = span::lock(region);
    while region.header().orphan_cursor.get() < region.header().orphan_end.get() {
        search(&locked);
    }
    release_if_empty(locked);
}

/// A slab of `class` with free blocks that belonged to nobody, now the heap's at address `owner`.
pub(crate) fn adopt(locked: &Locked<'_>, class: Class, owner: u64) -> Option<Slab> {
    let header = locked.region.header();
    if header.orphan_cursor.get() < header.orphan_end.get() {
        search(locked);
    }
    let slab = locked.region.heap(0).unshelve(class)?;
    slab.descriptor.owner.store(owner, Ordering::Release);
    Some(slab)
}

/// Goes on with the search, if one is under way, in the hope that heaps become free for new threads: as far as a new thread
/// may wait.
pub(crate) fn search_for_heaps(locked: &Locked<'_>) {
    let header = locked.region.header();
    for _ in 0..SEARCH_FOR_HEAPS / SEARCH_STEP {
        if header.orphan_cursor.get() >= header.orphan_end.get() {
            return;
        }
        search(locked);
    }
}

fn search(locked: &Locked<'_>) {
    let region = locked.region;
    let header = region.header();
    let mut slice = header.orphan_cursor.get();
    for _ in 0..SEARCH_STEP {
        if slice >= header.orphan_end.get() {
            break;
        }
        let slab = Slab::at(region, slice);
        slice += slices_at(slab);
        if slab.word().kind() == Some(Kind::Slab)
            && is_orphan(slab, slab.descriptor.owner.load(Ordering::Acquire))
        {
            shelve(locked, slab);
        }
    }
    header.orphan_cursor.set(slice);
    if slice >= header.orphan_end.get() {
        reclaim_heaps(region);
    }
}

/// No slab names a vanished owner any more: its heap can serve a new thread.
fn reclaim_heaps(region: Region) {
    let header = region.header();
    for index in 1..header.heaps.get() {
        let heap = region.heap(index);
        if heap.era.get() != header.era.get() {
            heap.forget_lists();
            heap.tenure.set(tenure::IDLE);
            heap.next_idle.set(header.idle_heaps.get());
            header.idle_heaps.set(index);
            heap.era.store(header.era.get(), Ordering::Release);
        }
    }
}

/// Gives a region back to the system if it is draining and nothing lives in it. Whoever calls has just freed a block of it.
pub(crate) fn release_if_empty(locked: Locked<'_>) {
    let region = locked.region;
    let header = region.header();
    let gone = header.draining.get() == 1 && header.spans.get() == 0;
    drop(locked);
    if gone {
        runtime::forget_region(region);
    }
}
