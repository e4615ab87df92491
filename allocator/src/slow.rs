//! The rest of the family: what the fast paths do not serve, and every other entry point.
//!
//! Addresses are `u64` here, 0 for null. Nothing here touches `errno`: the C boundary sets it where a function is to.

use crate::abi::{Class, Kind, MAX_SLAB_BLOCK, SLICE_SIZE, State, Tag};
use crate::fast::{self, Caller, Resized};
use crate::heap::{self, Heap};
use crate::region::{Region, TagRef};
use crate::remote::Remote;
use crate::report::{Misuse, misuse};
use crate::slab::Slab;
use crate::sync::{Field, Ordering};
use crate::{bytes, large, orphan, place, runtime, site, span, thread};

/// A request, as every allocating entry point puts it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    pub(crate) size: u64,
    /// A power of two.
    pub(crate) align: u64,
    pub(crate) zero: bool,
}

/// Every block is aligned to this much.
pub(crate) const MIN_ALIGN: u64 = 16;

/// The calling thread's heap, made if need be.
#[inline(always)]
pub(crate) fn heap() -> Option<&'static Heap> {
    thread::current().or_else(first_heap)
}

#[cold]
fn first_heap() -> Option<&'static Heap> {
    runtime::mend_after_fork();
    thread::acquire(runtime::home().or_else(runtime::start)?)
}

/// `malloc(3)`, to be tried after [`malloc_fast`](crate::malloc_fast). 0 if there is no memory.
#[must_use]
pub fn malloc(size: u64, caller: Caller) -> u64 {
    allocate(Request { size, align: MIN_ALIGN, zero: false }, caller)
}

/// `calloc(3)` for a product that does not overflow, to be tried after [`calloc_fast`](crate::calloc_fast).
#[must_use]
pub fn calloc(size: u64, caller: Caller) -> u64 {
    allocate(Request { size, align: MIN_ALIGN, zero: true }, caller)
}

/// `aligned_alloc(3)` and its like; `align` is a power of two.
#[must_use]
pub fn memalign(align: u64, size: u64, caller: Caller) -> u64 {
    allocate(Request { size, align: align.max(MIN_ALIGN), zero: false }, caller)
}

fn allocate(request: Request, caller: Caller) -> u64 {
    let Some(heap) = heap() else { return 0 };
    let site = site::of(heap, caller);
    if site.placed
        && let Some(address) = place::at_start_up(site.id, request.size)
    {
        return address;
    }
    allocate_in(heap, request, Tag::site_bits(site.id)).unwrap_or_default()
}

pub(crate) fn allocate_in(heap: &Heap, request: Request, site_bits: u64) -> Option<u64> {
    let class = if request.align == MIN_ALIGN {
        (request.size <= MAX_SLAB_BLOCK).then(|| Class::of(request.size))
    } else {
        Class::aligned(request.size, request.align)
    };
    let Some(class) = class else {
        let (address, zero) =
            large::allocate(heap.region(), request.size, request.align.max(SLICE_SIZE), site_bits)?;
        if request.zero && !zero {
            bytes::fill_zero(address, request.size);
        }
        return Some(address);
    };
    let bin = heap.bin(usize::from(class.0));
    if bin.free.get() == 0 && !heap.refill(class) {
        return None;
    }
    let index = bin.free.get();
    let tag_ref = TagRef::at(bin.tags.get() + 8 * u64::from(index));
    let tag = tag_ref.get();
    let address = bin.blocks.get() + u64::from(index) * u64::from(bin.block_size.get());
    if request.zero && !tag.reads_zero() {
        bytes::fill_zero(address, request.size);
    }
    bin.free.set(tag.next());
    tag_ref.set(tag.taken(request.size, site_bits));
    Some(address)
}

/// A live block, found by its address.
enum Found {
    InSlab { slab: Slab, index: u32 },
    Large { region: Region, slice: u32 },
}

/// Finds the block that begins at `address`, live or not long ago freed.
fn find(address: u64) -> Result<Found, Misuse> {
    let region = runtime::region_holding(address).ok_or(Misuse::Foreign)?;
    let nothing = Misuse::Nothing;
    let slice = region.slice(address);
    if slice < crate::abi::FIRST_SLICE || slice >= region.header().high.load(Ordering::Acquire) {
        return Err(nothing);
    }
    let head = region.head(slice).get();
    let slab = Slab::at(region, head);
    if head > slice || slice - head >= slab.word().slices() {
        return Err(nothing);
    }
    let start = region.slice_address(head);
    match slab.word().kind() {
        Some(Kind::Large) => {
            let d = slab.descriptor;
            if start == address {
                return Ok(Found::Large { region, slice: head });
            }
            let made_by = site::address(region, Tag(d.tag.get()).site());
            Err(Misuse::Inside { block: start, size: d.size.get(), made_by })
        }
        Some(Kind::Slab) => {
            let shape = slab.shape();
            let offset = u32::try_from(address - start).unwrap_or(u32::MAX);
            let Some((index, inside)) = shape.index(offset) else { return Err(nothing) };
            if index > slab.descriptor.capacity.get() {
                return Err(nothing);
            }
            let tag = slab.tag(index).get();
            if (inside, tag.is_live()) == (0, true) {
                return Ok(Found::InSlab { slab, index });
            }
            let made_by = site::address(region, tag.site());
            Err(if inside == 0 {
                Misuse::Freed { block_size: u64::from(shape.block_size), made_by }
            } else if tag.is_live() {
                Misuse::Inside { block: address - u64::from(inside), size: tag.size(), made_by }
            } else {
                Misuse::Nothing
            })
        }
        Some(Kind::Free | Kind::Taken) => Err(Misuse::Gone),
        _ => Err(nothing),
    }
}

/// `free(3)`, but for blocks that the calling thread's own heap made.
#[cold]
pub(crate) fn free(address: u64, caller: u64) {
    if address == 0 {
        return;
    }
    if let Err(what) = try_free(address)
        && !place::free(address)
    {
        misuse("free", address, caller, what);
    }
}

fn try_free(address: u64) -> Result<(), Misuse> {
    runtime::mend_after_fork();
    match find(address)? {
        Found::Large { region, slice } => large::free(region, slice),
        Found::InSlab { slab, index } => {
            free_as(thread::heap_address(), slab, index);
            Ok(())
        }
    }
}

/// Frees live block `index` of `slab` on behalf of the thread whose heap is at `own`; 0: it has none.
pub(crate) fn free_as(own: u64, slab: Slab, index: u32) {
    let owner = slab.descriptor.owner.load(Ordering::Acquire);
    let tag = slab.tag(index).get();
    if owner != own || own == 0 || orphan::is_orphan(slab, owner) {
        return give_back(slab, index, owner);
    }
    if slab.push(index, tag) {
        orphan::heap_at(own).attend(slab.slice);
    }
}

/// Frees live block `index` of the slab whose first slice holds `address`, in the home region, for a heap that is not the
/// calling thread's.
#[cold]
pub(crate) fn free_remote(address: u64, index: u32, owner: u64) {
    if let Some(region) = runtime::home() {
        give_back(Slab::at(region, region.slice(address)), index, owner);
    }
}

fn give_back(slab: Slab, index: u32, mut owner: u64) {
    while orphan::is_orphan(slab, owner) {
        orphan::rescue(slab);
        owner = slab.descriptor.owner.load(Ordering::Acquire);
    }
    let tag = slab.tag(index);
    let live = tag.get();
    if Remote(&slab.descriptor.remote).push(index, |next| tag.set(live.freed(next))) {
        heap::notify(slab, owner);
    }
}

/// The slab of `address` in the calling thread's heap wants attention.
#[cold]
pub(crate) fn attend(address: u64) {
    runtime::mend_after_fork();
    if let (Some(heap), Some(region)) = (thread::current(), runtime::home()) {
        heap.attend(region.slice(address));
    }
}

/// `realloc(3)` of a block to a size above 0, to be tried after [`realloc_in_place`](crate::realloc_in_place). `None`: no memory, or no such block; the old block is untouched then.
pub fn realloc(address: u64, size: u64, caller: Caller) -> Option<u64> {
    let heap = heap()?;
    let site = site::of(heap, caller);
    let site_bits = Tag::site_bits(site.id);
    let used = match fast::resize(address, size, site_bits) {
        Resized::Here => return Some(address),
        Resized::Elsewhere { used } => used,
        Resized::Uncommon => match resize_uncommon(heap, address, size, site_bits) {
            Ok(Uncommon::Done(address)) => return Some(address),
            Ok(Uncommon::Elsewhere { used }) => used,
            Err(what) => {
                misuse("realloc", address, caller.address, what);
                return None;
            }
        },
    };
    let new = allocate_in(heap, Request { size, align: MIN_ALIGN, zero: false }, site_bits)?;
    bytes::copy(address, new, used.min(size));
    fast::free(address, caller.address);
    Some(new)
}

/// What became of the wish for another size of a block that is not of the common kind.
enum Uncommon {
    /// It has the size, and lies here now.
    Done(u64),
    /// As in [`Resized`].
    Elsewhere { used: u64 },
}

#[cold]
#[inline(never)]
fn resize_uncommon(heap: &Heap, address: u64, size: u64, site_bits: u64) -> Result<Uncommon, Misuse> {
    let used = match find(address) {
        Err(what) => {
            if place::resize(address, size) {
                return Ok(Uncommon::Done(address));
            }
            place::size(address).ok_or(what)?
        }
        Ok(Found::InSlab { slab, index }) => {
            let tag_ref = slab.tag(index);
            let tag = tag_ref.get();
            let room = u64::from(slab.descriptor.block_size.get());
            if size <= room && size >= room / 2 {
                tag_ref.set(tag.taken(size, site_bits));
                return Ok(Uncommon::Done(address));
            }
            if tag.state() == State::LiveWhole { room } else { tag.size() }
        }
        Ok(Found::Large { region, slice }) => {
            if size > MAX_SLAB_BLOCK {
                if large::resize(region, slice, size, site_bits) {
                    return Ok(Uncommon::Done(address));
                }
                if let Some(new) = large::move_to_new(region, slice, heap.region(), size, site_bits) {
                    let _ = large::free(region, slice);
                    return Ok(Uncommon::Done(new));
                }
            }
            large::usable(region, slice)
        }
    };
    Ok(Uncommon::Elsewhere { used })
}

/// `malloc_usable_size(3)` of what is no common block.
#[cold]
pub(crate) fn usable_size(address: u64) -> u64 {
    match find(address) {
        Ok(Found::InSlab { slab, index }) => {
            let tag = slab.tag(index);
            tag.set(tag.get().whole());
            u64::from(slab.descriptor.block_size.get())
        }
        Ok(Found::Large { region, slice }) => large::usable(region, slice),
        Err(_) => place::size(address).unwrap_or(0),
    }
}

/// `malloc_trim(3)`: gives all that is free and not needed back to the system.
pub fn trim() {
    runtime::mend_after_fork();
    if let Some(region) = runtime::home() {
        thread::reap(region);
        if let Some(heap) = thread::current() {
            heap.trim();
        }
        span::lock(region).purge_all();
    }
}

/// What `mallinfo2(3)` reports, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Totals {
    /// Slices dealt out so far.
    pub arena: u64,
    /// In live blocks of slabs, rounded up to their classes.
    pub in_slabs: u64,
    /// Live blocks of slabs.
    pub slab_blocks: u64,
    /// In large blocks.
    pub in_large: u64,
    /// Large blocks.
    pub large_blocks: u64,
}

/// Adds up what lives. Other threads may go on meanwhile: the sum is then of no one instant.
#[must_use]
pub fn totals() -> Totals {
    let mut totals = Totals::default();
    runtime::mend_after_fork();
    // No region goes while this is held.
    let _locked = runtime::home().map(span::lock);
    for region in runtime::regions() {
        let high = region.header().high.load(Ordering::Acquire);
        totals.arena += u64::from(high - crate::abi::FIRST_SLICE) * SLICE_SIZE;
        let mut slice = crate::abi::FIRST_SLICE;
        while slice < high {
            let slab = Slab::at(region, slice);
            let word = slab.word();
            match word.kind() {
                Some(Kind::Slab) => {
                    let live =
                        (1..=slab.descriptor.capacity.get()).filter(|i| slab.tag(*i).get().is_live()).count();
                    totals.slab_blocks += live as u64;
                    totals.in_slabs += live as u64 * u64::from(slab.descriptor.block_size.get());
                }
                Some(Kind::Large) => {
                    totals.large_blocks += 1;
                    totals.in_large += large::usable(region, slice);
                }
                Some(Kind::Unused | Kind::Guard) | None => {
                    slice += 1;
                    continue;
                }
                Some(Kind::Free | Kind::Taken | Kind::Tables) => {}
            }
            slice += word.slices().max(1);
        }
    }
    totals
}
