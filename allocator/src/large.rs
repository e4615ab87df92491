//! Contains `unsafe`: moving the pages of blocks.
//!
//! Large blocks: one span of slices each, straight from the region.

use crate::abi::{Kind, SLICE_BITS, SLICE_SIZE, Tag, Word, flag};
use crate::region::Region;
use crate::report::Misuse;
use crate::span;
use crate::sync::{Field, Ordering};
use crate::{orphan, runtime, site, sys};

const PAGE: u64 = 4096;
/// Larger than any object may be in C (`PTRDIFF_MAX`), and than a region.
const SIZE_MAX: u64 = 1 << 40;
/// From this size on a block that must move is moved by its page tables, not by copying: 16 MiB. The pages that are left behind must
/// be faulted in anew, which for smaller blocks costs as much as the copy, and each move may split a mapping in two.
const MOVE_PAGES_MIN: u64 = 16 * 1024 * 1024;
/// A shrinking block gives slices back if it gets rid of at least this fraction of them.
const SHRINK_FRACTION: u32 = 4;

fn slices_for(size: u64) -> Option<u32> {
    if size > SIZE_MAX {
        return None;
    }
    u32::try_from(size.div_ceil(SLICE_SIZE).max(1)).ok()
}

/// Makes a block of `size` bytes at a multiple of `align`, a power of two; returns its address and whether it reads as zero.
pub(crate) fn allocate(region: Region, size: u64, align: u64, site_bits: u64) -> Option<(u64, bool)> {
    runtime::mend_after_fork();
    let slices = slices_for(size)?;
    let align_slices = u32::try_from((align >> SLICE_BITS).max(1)).ok()?;
    let span = span::lock(region).take(slices, align_slices)?;
    let d = region.descriptor(span.slice);
    d.size.set(size);
    // Spans begin new lives often and blocks rarely: the generation of a large block counts the lives of its first slice.
    let tag = Tag(d.tag.get()).freed(0);
    d.tag.set(tag.0);
    d.word.store(Word::new(Kind::Large, 0, flag::COMMITTED | flag::DIRTY, slices).0, Ordering::Release);
    d.tag.store(tag.taken(0, site_bits).0, Ordering::Release);
    Some((region.slice_address(span.slice), span.zero))
}

/// Frees the large block at `slice`.
pub(crate) fn free(region: Region, slice: u32) -> Result<(), Misuse> {
    let d = region.descriptor(slice);
    let tag = Tag(d.tag.get());
    let freed = d.tag.compare_exchange(tag.0, tag.freed(0).0, Ordering::AcqRel, Ordering::Relaxed);
    if !tag.is_live() || freed.is_err() {
        let made_by = site::address(region, tag.site());
        return Err(Misuse::Freed { block_size: d.size.get(), made_by });
    }
    let locked = span::lock(region);
    locked.give(slice, Word(d.word.get()).slices());
    orphan::release_if_empty(locked);
    Ok(())
}

/// Bytes that may be used of the block at `slice`.
pub(crate) fn usable(region: Region, slice: u32) -> u64 {
    region.descriptor(slice).size.get().next_multiple_of(PAGE).max(PAGE)
}

/// Changes the size of the block at `slice` without moving it, if that can be done.
pub(crate) fn resize(region: Region, slice: u32, size: u64, site_bits: u64) -> bool {
    runtime::mend_after_fork();
    let Some(wanted) = slices_for(size) else { return false };
    let d = region.descriptor(slice);
    let have = Word(d.word.get()).slices();
    let word = Word::new(Kind::Large, 0, flag::COMMITTED | flag::DIRTY, wanted);
    if size < d.size.get() {
        // The size before the span, so that at no instant the block is larger than its span.
        d.size.set(size);
    }
    if wanted > have {
        if region.header().draining.get() == 1
            || span::lock(region).extend(slice, have, wanted - have, word).is_none()
        {
            return false;
        }
    } else if (have - wanted) * SHRINK_FRACTION >= have && wanted < have {
        span::lock(region).shrink(slice, have, wanted, word);
    }
    d.size.set(size);
    let tag = Tag(d.tag.get());
    d.tag.store(tag.taken(0, site_bits).0, Ordering::Release);
    true
}

/// Makes a block of `size` bytes that begins with the pages of the block at `slice`, which are gone from there.
pub(crate) fn move_to_new(
    region: Region,
    slice: u32,
    target: Region,
    size: u64,
    site_bits: u64,
) -> Option<u64> {
    let old_size = region.descriptor(slice).size.get();
    if old_size < MOVE_PAGES_MIN {
        return None;
    }
    let (new, _) = allocate(target, size, SLICE_SIZE, site_bits)?;
    let len = old_size.min(size).next_multiple_of(PAGE);
    // SAFETY: both blocks are the caller's: the old one is live and about to be freed, the new one nobody has seen.
    let moved = unsafe { sys::move_pages(region.slice_address(slice), len, new) };
    if moved.is_ok() {
        return Some(new);
    }
    let _ = free(target, target.slice(new));
    None
}
