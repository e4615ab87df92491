//! Contains `unsafe`: tables at addresses that a region's tables name.
//!
//! What the program's own pools have handed out of our blocks: see `abi::parts` for how it lies in memory.
//!
//! A pool belongs to one thread at a time, which alone appends to the records of its blocks. The memory of the tables is shared, and dealt
//! out under the region's lock. It is not counted among the spans in use: a draining region goes with its last block, tables or not.

use crate::abi::{Kind, PARTS_MAX, PartRecord, PartsHead, SLICE_SIZE, SiteId, Tag, Word, flag};
use crate::fast::Caller;
use crate::region::Region;
use crate::slab::Slab;
use crate::span::{self, Locked};
use crate::sync::{AtomicU64, Field, Ordering};
use crate::{bytes, large, runtime, site, slow};

/// Smallest piece of memory for a table; the others are twice as large each. From a slice on, tables have spans of their own.
const PIECE_MIN: u64 = 64;
/// A block's first table: six records.
const FIRST_TABLE: u64 = 128;
const HEAD: u64 = size_of::<PartsHead>() as u64;
const RECORD: u64 = size_of::<PartRecord>() as u64;

/// A live block, around an address inside it.
struct Around {
    slab: Slab,
    /// Number of the block in its slab, from 1. `None`: a large block.
    number: Option<u32>,
    start: u64,
    /// Bytes that may be used.
    room: u64,
    generation: u32,
}

/// One of the program's own allocation functions has returned `address` for a request of `size` bytes by `caller`. If that is inside a
/// block of ours, it is a part of that block from now on.
///
/// What begins where a block does is taken for that block. A pool hands out ascending addresses until it is reset, wholly or from some
/// address on: so all parts that begin at the new one's address or behind it are no more. If the new one begins inside another, the pool
/// was reset and has since handed out something unseen: then nothing is known of the others.
pub fn part_made(address: u64, size: u64, caller: Caller) {
    if address == 0 {
        return;
    }
    runtime::mend_after_fork();
    let Some(around) = runtime::region_holding(address).and_then(|region| block_around(region, address))
    else {
        return;
    };
    let offset = address - around.start;
    let fits = size <= around.room && offset <= around.room - size;
    let (Ok(offset), Ok(size)) = (u32::try_from(offset), u32::try_from(size)) else { return };
    if offset == 0 || !fits {
        return;
    }
    let site = site_in(around.slab.region, caller);
    // Without memory for a table the block stays opaque.
    let _ = append(&around, offset, size, site);
}

/// Sites are numbered per region.
fn site_in(region: Region, caller: Caller) -> SiteId {
    match slow::heap() {
        Some(heap) if heap.region() == region => site::of(heap, caller).id,
        _ => site::in_region(region, caller),
    }
}

fn block_around(region: Region, address: u64) -> Option<Around> {
    let slice = region.slice(address);
    if slice < crate::abi::FIRST_SLICE || slice >= region.header().high.load(Ordering::Acquire) {
        return None;
    }
    let head = region.head(slice).get();
    let slab = Slab::at(region, head);
    if head > slice || slice - head >= slab.word().slices() {
        return None;
    }
    let first = region.slice_address(head);
    let (tag, number, start, room) = match slab.word().kind()? {
        Kind::Large => (Tag(slab.descriptor.tag.get()), None, first, large::usable(region, head)),
        Kind::Slab => {
            let shape = slab.shape();
            let (number, inside) = shape.index(u32::try_from(address - first).ok()?)?;
            if number > slab.descriptor.capacity.get() {
                return None;
            }
            let room = u64::from(shape.block_size);
            (slab.tag(number).get(), Some(number), address - u64::from(inside), room)
        }
        _ => return None,
    };
    let inside = address - start;
    (tag.is_live() && inside < room).then_some(Around {
        slab,
        number,
        start,
        room,
        generation: tag.generation(),
    })
}

fn append(around: &Around, offset: u32, size: u32, site: SiteId) -> Option<()> {
    let slot = slot_of(around)?;
    let mut table = match slot.load(Ordering::Acquire) {
        0 => new_table(around, slot)?,
        address => Table(address),
    };
    let (generation, count) = PartsHead::unpack(table.head().state.get());
    let current = generation == around.generation && table.head().block.get() == around.start;
    let known = if current { count.min(table.head().capacity.get()) } else { 0 };
    let keep = table.kept_before(known, offset);
    if !current {
        // Void first, so that nobody takes the old records for the new block's.
        table.head().state.store(PartsHead::pack(around.generation, 0), Ordering::Release);
        table.head().block.store(around.start, Ordering::Release);
    } else if keep < count {
        table.publish(around.generation, keep);
    }
    if keep == table.head().capacity.get() {
        table = grown(around, slot, table, keep)?;
    }
    let record = table.record(keep);
    record.offset.set(offset);
    record.size.set(size);
    record.site.set(site.0);
    record.reserved.set(0);
    table.publish(around.generation, keep + 1);
    Some(())
}

/// Where the address of the block's table is kept.
fn slot_of(around: &Around) -> Option<&'static AtomicU64> {
    let parts = &around.slab.descriptor.parts;
    let Some(number) = around.number else { return Some(parts) };
    let index = match parts.load(Ordering::Acquire) {
        0 => new_index(around.slab)?,
        index => index,
    };
    Some(word_at(index + 8 * (u64::from(number) - 1)))
}

fn new_index(slab: Slab) -> Option<u64> {
    let locked = span::lock(slab.region);
    // Another thread may have made it meanwhile.
    match slab.descriptor.parts.get() {
        0 => {
            let len = index_bytes(slab);
            let index = take(&locked, len)?;
            bytes::fill_zero(index, len);
            slab.descriptor.parts.store(index, Ordering::Release);
            Some(index)
        }
        index => Some(index),
    }
}

fn index_bytes(slab: Slab) -> u64 {
    rounded(8 * u64::from(slab.descriptor.limit.get()))
}

fn new_table(around: &Around, slot: &AtomicU64) -> Option<Table> {
    let table = Table(take(&span::lock(around.slab.region), FIRST_TABLE)?);
    table.set_up(FIRST_TABLE, around, 0);
    slot.store(table.0, Ordering::Release);
    Some(table)
}

/// A table with more room and the same first records.
fn grown(around: &Around, slot: &AtomicU64, old: Table, count: u32) -> Option<Table> {
    let len = old.bytes().checked_mul(2)?;
    if capacity(len) > PARTS_MAX {
        return None;
    }
    let new = Table(take(&span::lock(around.slab.region), len)?);
    bytes::copy(old.0 + HEAD, new.0 + HEAD, RECORD * u64::from(count));
    new.set_up(len, around, count);
    slot.store(new.0, Ordering::Release);
    give(&span::lock(around.slab.region), old.0, old.bytes());
    Some(new)
}

/// The blocks of the span at `slice` are free for good, and nobody looks for their parts any more.
pub(crate) fn release(locked: &Locked<'_>, slice: u32) {
    let slab = Slab::at(locked.region, slice);
    let parts = slab.descriptor.parts.swap(0, Ordering::AcqRel);
    if parts == 0 {
        return;
    }
    if slab.word().kind() == Some(Kind::Large) {
        return give(locked, parts, Table(parts).bytes());
    }
    for number in 0..u64::from(slab.descriptor.limit.get()) {
        let table = word_at(parts + 8 * number).get();
        if table != 0 {
            give(locked, table, Table(table).bytes());
        }
    }
    give(locked, parts, index_bytes(slab));
}

fn capacity(bytes: u64) -> u32 {
    u32::try_from((bytes - HEAD) / RECORD).unwrap_or(u32::MAX)
}

/// A head with its records, by address.
#[derive(Clone, Copy)]
struct Table(u64);

impl Table {
    fn head(self) -> &'static PartsHead {
        let address = usize::try_from(self.0).unwrap_or(0);
        // SAFETY: the address of a piece that `take` dealt out for a table, which consists of atomics and stays mapped as long as its region.
        unsafe { &*core::ptr::with_exposed_provenance::<PartsHead>(address) }
    }

    fn record(self, index: u32) -> &'static PartRecord {
        let address = usize::try_from(self.0 + HEAD + RECORD * u64::from(index)).unwrap_or(0);
        // SAFETY: as above; callers stay below the capacity.
        unsafe { &*core::ptr::with_exposed_provenance::<PartRecord>(address) }
    }

    /// The table is nobody's yet. The count comes last.
    fn set_up(self, len: u64, around: &Around, count: u32) {
        self.head().block.set(around.start);
        self.head().capacity.set(capacity(len));
        self.publish(around.generation, count);
    }

    fn publish(self, generation: u32, count: u32) {
        self.head().state.store(PartsHead::pack(generation, count), Ordering::Release);
    }

    fn bytes(self) -> u64 {
        HEAD + RECORD * u64::from(self.head().capacity.get())
    }

    /// How many of the first `count` records are still true when there is one at `offset`.
    fn kept_before(self, mut count: u32, offset: u32) -> u32 {
        while count > 0 && self.record(count - 1).offset.get() >= offset {
            count -= 1;
        }
        if count > 0 {
            let last = self.record(count - 1);
            if u64::from(last.offset.get()) + u64::from(last.size.get()) > u64::from(offset) {
                return 0;
            }
        }
        count
    }
}

fn word_at(address: u64) -> &'static AtomicU64 {
    let address = usize::try_from(address).unwrap_or(0);
    // SAFETY: a word of an index or of a free piece, both of which `take` dealt out.
    unsafe { &*core::ptr::with_exposed_provenance::<AtomicU64>(address) }
}

/// Bytes that are dealt out for a table of `len` bytes.
fn rounded(len: u64) -> u64 {
    if len > SLICE_SIZE / 2 {
        len.next_multiple_of(SLICE_SIZE)
    } else {
        len.next_power_of_two().max(PIECE_MIN)
    }
}

/// The list of free pieces of `len` bytes. `None`: pieces of this size are spans.
fn list_of(region: Region, len: u64) -> Option<&'static AtomicU64> {
    let list = usize::try_from((len / PIECE_MIN).trailing_zeros()).ok()?;
    (len < SLICE_SIZE).then(|| region.header().free_pieces.get(list)).flatten()
}

/// Memory for a table: `len` as from [`rounded`]. Each step leaves the lists in order, so that a thread that vanishes takes one piece
/// with it at most.
fn take(locked: &Locked<'_>, len: u64) -> Option<u64> {
    let header = locked.region.header();
    let Some(list) = list_of(locked.region, len) else { return take_span(locked, len) };
    let first = list.get();
    if first != 0 {
        list.set(word_at(first).get());
        return Some(first);
    }
    if header.piece_end.get().saturating_sub(header.piece_next.get()) < len {
        // The rest is less than a slice: it serves for smaller pieces.
        while header.piece_next.get() < header.piece_end.get() {
            let piece = header.piece_next.get();
            let size = 1u64 << piece.trailing_zeros().min((header.piece_end.get() - piece).ilog2());
            header.piece_next.set(piece + size);
            give(locked, piece, size);
        }
        let slice = take_span(locked, SLICE_SIZE)?;
        // Empty at every step.
        header.piece_end.set(0);
        header.piece_next.set(slice);
        header.piece_end.set(slice + SLICE_SIZE);
    }
    let piece = header.piece_next.get();
    header.piece_next.set(piece + len);
    Some(piece)
}

fn give(locked: &Locked<'_>, address: u64, len: u64) {
    match list_of(locked.region, len) {
        Some(list) => {
            word_at(address).set(list.get());
            list.set(address);
        }
        None => {
            let spans = &locked.region.header().spans;
            spans.set(spans.get() + 1);
            let slices = u32::try_from(len / SLICE_SIZE).unwrap_or(0);
            locked.give(locked.region.slice(address), slices);
        }
    }
}

fn take_span(locked: &Locked<'_>, len: u64) -> Option<u64> {
    let slices = u32::try_from(len / SLICE_SIZE).ok()?;
    let slice = locked.take(slices, 1)?.slice;
    let header = locked.region.header();
    header.spans.set(header.spans.get() - 1);
    let word = Word::new(Kind::Tables, 0, flag::COMMITTED | flag::DIRTY, slices);
    locked.region.descriptor(slice).word.store(word.0, Ordering::Release);
    Some(locked.region.slice_address(slice))
}
