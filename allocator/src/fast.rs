//! Contains `unsafe`. The two paths that matter: a small block from the calling thread's bin, and one back to its own slab.
//!
//! Each touches two cache lines beyond the program's own: `malloc` the bin and the tag, `free` the descriptor and the tag. The block
//! itself is not touched. Everything rarer is in `slow`.

use crate::abi::{Class, Descriptor, SLICE_SIZE, State, Tag};
use crate::heap::Bin;
use crate::region::TagRef;
use crate::slab::list_at;
use crate::sync::Field;
use crate::{bytes, runtime, slow, thread};

/// Who asked: the return address of the call, and the stack pointer as it is after the return.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// Return address of the call into the malloc family.
    pub address: u64,
    /// The caller's stack pointer once the call has returned.
    pub stack: u64,
}

/// Requests up to this size find their class in a table.
const TABLE_MAX: u64 = 1024;
const TABLE_LEN: usize = 65;

/// Where in a heap the bin for a request lies, by its size in units of 16 bytes.
#[expect(clippy::cast_possible_truncation, reason = "below the size of a heap's bins, 4 KiB")]
static BIN_OFFSETS: [u16; TABLE_LEN] = {
    let mut table = [0; TABLE_LEN];
    let mut step = 0;
    while step < TABLE_LEN {
        table[step] = (Class::of(step as u64 * 16).0 as usize * size_of::<Bin>()) as u16;
        step += 1;
    }
    table
};

/// A block from the calling thread's bin; `None` if that takes more than a moment: [`malloc`](crate::malloc) then.
#[inline(always)]
#[must_use]
pub fn malloc_fast(size: u64, caller: Caller) -> Option<u64> {
    take(size, caller, |_, _| {})
}

/// The same, reading as zeros; otherwise [`calloc`](crate::calloc).
#[inline(always)]
#[must_use]
pub fn calloc_fast(size: u64, caller: Caller) -> Option<u64> {
    take(size, caller, |block, tag| {
        if !tag.reads_zero() {
            bytes::fill_zero(block, size);
        }
    })
}

/// Takes a block. `make_ready` is given it and the tag that it had while it was free.
#[inline(always)]
fn take(size: u64, caller: Caller, make_ready: impl FnOnce(u64, Tag)) -> Option<u64> {
    if size <= TABLE_MAX
        && let Some(heap) = thread::current()
        && let Some(site_bits) = heap.sites.site(caller.address)
    {
        let step = usize::try_from((size + 15) >> 4).unwrap_or(0);
        let bin = heap.bin_at(BIN_OFFSETS[step % TABLE_LEN]);
        let index = bin.free.get();
        if index != 0 {
            let tag_ref = TagRef::at(bin.tags.get() + 8 * u64::from(index));
            let tag = tag_ref.get();
            bin.free.set(tag.next());
            let block = bin.blocks.get() + u64::from(index) * u64::from(bin.block_size.get());
            make_ready(block, tag);
            // Last: from here on the block is live to whoever looks.
            tag_ref.set(tag.taken(size, site_bits));
            return Some(block);
        }
    }
    None
}

/// A live block of a slab of one slice in the home region: what most addresses turn out to be.
struct Live {
    descriptor: &'static Descriptor,
    owner: u64,
    number: u32,
    tag: Tag,
    place: TagRef,
}

/// The live block that begins at `address`, if it is of the common kind.
#[inline(always)]
fn live_at(address: u64) -> Option<Live> {
    let descriptor = descriptor_at(runtime::descriptor_address(address)?);
    let owner = descriptor.owner.get();
    // Only the first slice of a slab has an owner.
    if owner == 0 {
        return None;
    }
    let in_slab = address & (SLICE_SIZE - 1);
    let from_first = in_slab.wrapping_sub(u64::from(descriptor.first.get()));
    // Both quotient and divisibility from one multiplication; see `abi::SlabShape`.
    let reciprocal = descriptor.reciprocal.get();
    let product = u128::from(from_first) * u128::from(reciprocal);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a product")]
    let (rest, index) = (product as u64, (product >> 64) as u64);
    if rest >= reciprocal || index >= u64::from(descriptor.capacity.get()) {
        return None;
    }
    let place = TagRef::at(address - in_slab + u64::from(descriptor.tags.get()) + 8 * index);
    let tag = place.get();
    #[expect(clippy::cast_possible_truncation, reason = "at most the capacity")]
    let number = index as u32 + 1;
    tag.is_live().then_some(Live { descriptor, owner, number, tag, place })
}

/// `free(3)`; `caller` is the return address, for messages.
#[inline(always)]
pub fn free(address: u64, caller: u64) {
    let Some(Live { descriptor: d, owner, number, tag, place }) = live_at(address) else {
        return slow::free(address, caller);
    };
    if owner != thread::heap_address() {
        return slow::free_remote(address, number, owner);
    }
    // First: from here on the block is free to whoever looks.
    let list = list_at(d.list.get());
    place.set(tag.freed(list.get()));
    list.set(number);
    let left = d.countdown.get() - 1;
    d.countdown.set(left);
    if left == 0 {
        slow::attend(address);
    }
}

/// `malloc_usable_size(3)`. From here on all of it counts as the program's.
#[inline(always)]
#[must_use]
pub fn usable_size(address: u64) -> u64 {
    let Some(live) = live_at(address) else { return slow::usable_size(address) };
    let whole = live.tag.whole();
    if whole != live.tag {
        live.place.set(whole);
    }
    u64::from(live.descriptor.block_size.get())
}

/// `realloc(3)` where the block can stay and the site is known: whether it did; otherwise [`realloc`](crate::realloc).
#[inline(always)]
#[must_use]
pub fn realloc_in_place(address: u64, size: u64, caller: Caller) -> bool {
    thread::current()
        .and_then(|heap| heap.sites.site(caller.address))
        .is_some_and(|site_bits| resize(address, size, site_bits) == Resized::Here)
}

/// What became of a wish for another size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resized {
    /// The block has it.
    Here,
    /// The block is too small, or far too large. So many of its bytes are the program's.
    Elsewhere {
        /// As asked for, or all if the program has looked how many there are.
        used: u64,
    },
    /// It is no block of the common kind.
    Uncommon,
}

/// Gives the block at `address` another size where it is, if it stays of its class or nearly. `site_bits` as in a tag.
#[inline(always)]
pub(crate) fn resize(address: u64, size: u64, site_bits: u64) -> Resized {
    let Some(live) = live_at(address) else { return Resized::Uncommon };
    let room = u64::from(live.descriptor.block_size.get());
    if size <= room && size >= room / 2 {
        live.place.set(live.tag.taken(size, site_bits));
        return Resized::Here;
    }
    Resized::Elsewhere { used: if live.tag.state() == State::LiveWhole { room } else { live.tag.size() } }
}

#[inline(always)]
fn descriptor_at(address: u64) -> &'static Descriptor {
    let address = usize::try_from(address).unwrap_or(0);
    // SAFETY: the descriptor of a committed slice of the home region: committed before the slice was.
    unsafe { &*core::ptr::with_exposed_provenance::<Descriptor>(address) }
}

const _: () = assert!(Tag::SIZE_LIMIT > crate::abi::MAX_SLAB_BLOCK);
