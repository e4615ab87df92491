//! Contains `unsafe`: the list that a descriptor names.
//!
//! Slabs: slices cut into blocks of one size, and the lists of free ones.
//!
//! A slab belongs to one heap. Its owner takes blocks from the *bin* (see `heap`), which has the free list of one slab at a
//! time; what the owner frees goes to the slab's own list, what others free to `remote`. `countdown` tells `free` when to stop and look:
//!
//! | place   | in a bin's queue | `list` is in  | `countdown`              | `remote` target              |
//! |---------|------------------|---------------|--------------------------|------------------------------|
//! | CURRENT | no               | its bin       | means nothing            | none                         |
//! | QUEUED  | yes              | `local_free`  | blocks out               | none (all out, if ownerless) |
//! | FULL    | no               | `local_free`  | frees until it is queued | some: tell the owner         |
//! | SPARE   | no (the spares)  | `local_free`  | means nothing            | none                         |
//!
//! *Out* is every block of the first `capacity` that is neither in `local_free` nor has been collected from `remote`. What the owner
//! frees into its current slab is what it gets next: such blocks are in the cache.

use crate::abi::{Class, Descriptor, Kind, SlabShape, Tag, Word, flag};
use crate::region::{Region, TagRef};
use crate::remote::Remote;
use crate::sync::{AtomicU32, Field, Ordering};

/// Where a slab stands.
pub(crate) mod place {
    /// In no heap's hands yet.
    pub(crate) const NONE: u32 = 0;
    /// In its bin's queue: has free blocks.
    pub(crate) const QUEUED: u32 = 1;
    /// The one its bin takes blocks from.
    pub(crate) const CURRENT: u32 = 2;
    /// Every block is out.
    pub(crate) const FULL: u32 = 3;
    /// Empty, kept by its heap for any class of its length.
    pub(crate) const SPARE: u32 = 4;
}

/// Bytes of blocks that are made ready at a time: a page, so that a slab's pages are touched as they are needed.
const EXTEND_BYTES: u32 = 4096;
/// Fewest blocks made ready at a time.
const EXTEND_MIN: u32 = 4;
/// Of a full slab's blocks, one in this many must come back, from its owner or from others, before it is worth its owner's attention;
/// at most [`ADMISSION_MAX`]. A slab admitted for a single block would be full again at the next allocation.
const ADMISSION_FRACTION: u32 = 16;
const ADMISSION_MAX: u32 = 16;
/// Frees into a current slab that bring no attention.
const NO_ATTENTION: u32 = 1 << 31;
/// Spreads the generations that slabs start with over their 24 bits (the golden ratio's).
const GENERATION_STEP: u32 = 0x9E_3779;

/// A slab and where it is.
#[derive(Clone, Copy)]
pub(crate) struct Slab {
    pub(crate) region: Region,
    pub(crate) slice: u32,
    pub(crate) descriptor: &'static Descriptor,
}

impl Slab {
    pub(crate) fn at(region: Region, slice: u32) -> Self {
        Slab { region, slice, descriptor: region.descriptor(slice) }
    }

    /// Lays a slab of `class` out over a span that was dealt out or is spare, for the heap at address `owner`. No block of it is
    /// ready yet.
    pub(crate) fn set_up(self, class: Class, owner: u64, zero: bool) {
        let shape = class.slab_shape(self.slice);
        let d = self.descriptor;
        d.capacity.set(0);
        d.reciprocal.set(shape.reciprocal);
        d.first.set(shape.first);
        d.block_size.set(shape.block_size);
        d.tags.set(shape.tags);
        d.limit.set(shape.limit);
        d.local_free.set(0);
        d.countdown.set(0);
        d.place.set(place::NONE);
        self.detach_list();
        Remote(&d.remote).reset(0);
        let slices = class.slab_slices();
        let flags = flag::COMMITTED | if zero { 0 } else { flag::DIRTY };
        // The owner first: whoever finds a slab finds one that has an owner.
        d.owner.store(owner, Ordering::Release);
        d.word.store(Word::new(Kind::Slab, class.0, flags, slices).0, Ordering::Release);
    }

    pub(crate) fn word(self) -> Word {
        Word(self.descriptor.word.get())
    }

    pub(crate) fn class(self) -> usize {
        usize::from(self.word().class())
    }

    /// The layout that the slab was given.
    #[inline(always)]
    pub(crate) fn shape(self) -> SlabShape {
        let d = self.descriptor;
        SlabShape {
            tags: d.tags.get(),
            first: d.first.get(),
            limit: d.limit.get(),
            block_size: d.block_size.get(),
            reciprocal: d.reciprocal.get(),
        }
    }

    #[inline(always)]
    pub(crate) fn tag(self, index: u32) -> TagRef {
        self.region.tag(self.slice, self.descriptor.tags.get(), index)
    }

    /// Makes more blocks ready; returns the first of them, all linked in order, or 0 if the slab has no more.
    pub(crate) fn extend(self) -> u32 {
        let d = self.descriptor;
        let (capacity, limit) = (d.capacity.get(), d.limit.get());
        let more = (EXTEND_BYTES / d.block_size.get()).max(EXTEND_MIN).min(limit - capacity);
        if more == 0 {
            return 0;
        }
        let zero = self.word().flags() & flag::DIRTY == 0;
        let made = &self.region.header().slabs_made;
        let generation = if capacity == 0 {
            made.fetch_add(1, Ordering::Relaxed).wrapping_mul(GENERATION_STEP)
        } else {
            made.get().wrapping_mul(GENERATION_STEP)
        };
        let generation = u64::from(generation & 0xFF_FFFF);
        let last = capacity + more;
        for index in capacity + 1..last {
            self.tag(index).set(Tag::fresh(generation, index + 1, zero));
        }
        self.tag(last).set(Tag::fresh(generation, 0, zero));
        // The reader trusts tags up to the capacity, so they come first.
        d.capacity.store(last, Ordering::Release);
        capacity + 1
    }

    fn detach_list(self) {
        let d = self.descriptor;
        d.list.set(core::ptr::from_ref(&d.local_free).addr() as u64);
    }

    /// Owner: makes this the current slab of a bin whose free list is at `list` (and empty).
    pub(crate) fn attach(self, list: &AtomicU32) {
        let d = self.descriptor;
        d.place.set(place::CURRENT);
        d.countdown.set(NO_ATTENTION);
        d.list.set(core::ptr::from_ref(list).addr() as u64);
    }

    /// Owner: makes this no bin's current slab any more; `first` is what its list was.
    pub(crate) fn detach(self, first: u32) {
        let d = self.descriptor;
        self.detach_list();
        let free = self.append_local(first);
        d.place.set(place::NONE);
        d.countdown.set(d.capacity.get() - free);
    }

    /// Owner: gets a list of free blocks, if there are any without more memory, for the bin of which this is the current slab: its
    /// first, or 0.
    pub(crate) fn collect(self) -> u32 {
        let d = self.descriptor;
        let local = d.local_free.get();
        if local != 0 {
            d.local_free.set(0);
            local
        } else if Remote(&d.remote).is_empty() {
            self.extend()
        } else {
            Remote(&d.remote).take().first
        }
    }

    /// Owner: frees live block `index`, whose tag is `tag`; says whether the slab wants attention.
    pub(crate) fn push(self, index: u32, tag: Tag) -> bool {
        let d = self.descriptor;
        let list = list_at(d.list.get());
        self.tag(index).set(tag.freed(list.get()));
        list.set(index);
        d.countdown.set(d.countdown.get() - 1);
        d.countdown.get() == 0
    }

    /// Owner: the countdown of the current slab has run out, which means nothing.
    pub(crate) fn ignore_countdown(self) {
        self.descriptor.countdown.set(NO_ATTENTION);
    }

    /// Frees that a full slab waits for.
    fn admission(self) -> u32 {
        (self.descriptor.capacity.get() / ADMISSION_FRACTION).clamp(1, ADMISSION_MAX)
    }

    /// Owner: blocks out of a slab that is queued or full.
    pub(crate) fn out(self) -> u32 {
        let d = self.descriptor;
        match d.place.get() {
            place::FULL => d.capacity.get() - (self.admission() - d.countdown.get()),
            _ => d.countdown.get(),
        }
    }

    /// Owner: moves what others freed to `local_free`; returns the blocks still out. The slab is queued or full.
    pub(crate) fn gather(self) -> u32 {
        let d = self.descriptor;
        let out = self.out();
        let stack = Remote(&d.remote).take();
        if stack.count == 0 {
            return out;
        }
        self.append_local(stack.first);
        out - stack.count
    }

    /// Puts a list of free blocks in front of `local_free`; returns its length.
    pub(crate) fn append_local(self, first: u32) -> u32 {
        if first == 0 {
            return 0;
        }
        let mut count = 1;
        let mut last = first;
        loop {
            let next = self.tag(last).get().next();
            if next == 0 {
                break;
            }
            last = next;
            count += 1;
        }
        let tag = self.tag(last);
        tag.set(tag.get().linked(self.descriptor.local_free.get()));
        self.descriptor.local_free.set(first);
        count
    }

    /// Owner: declares the slab full; false if blocks have come back meanwhile.
    pub(crate) fn mark_full(self) -> bool {
        let d = self.descriptor;
        if !Remote(&d.remote).arm_if_empty(self.admission()) {
            return false;
        }
        self.detach_list();
        d.place.set(place::FULL);
        d.countdown.set(self.admission());
        true
    }

    /// Makes the lists anew from the tags, when the owner has vanished and no other thread can be in them; returns how many
    /// blocks live.
    pub(crate) fn rebuild(self) -> u32 {
        let d = self.descriptor;
        let mut first = 0;
        let mut live = 0;
        for index in (1..=d.capacity.get()).rev() {
            let tag = self.tag(index);
            if tag.get().is_live() {
                live += 1;
            } else {
                tag.set(tag.get().linked(first));
                first = index;
            }
        }
        d.local_free.set(first);
        self.detach_list();
        d.countdown.set(live);
        d.place.set(place::NONE);
        Remote(&d.remote).reset(live);
        live
    }
}

/// The free list whose place a descriptor names.
#[inline(always)]
pub(crate) fn list_at(address: u64) -> &'static AtomicU32 {
    let address = usize::try_from(address).unwrap_or(0);
    // SAFETY: `Descriptor::list` of a slab is the address of a bin's list in its owner's heap, or of the descriptor's own, both in
    // the tables of a mapped region.
    unsafe { &*core::ptr::with_exposed_provenance::<AtomicU32>(address) }
}
