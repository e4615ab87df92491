//! One descriptor per slice: what the slice is, and, for the first slice of a span, the state of that span.

use crate::sync::{AtomicU32, AtomicU64};

/// What the span that begins at a slice is. The numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Never dealt out.
    Unused = 0,
    /// First slice of a free span.
    Free = 1,
    /// First slice of a slab.
    Slab = 3,
    /// First slice of a large block.
    Large = 5,
    /// Inaccessible on purpose.
    Guard = 6,
    /// First slice of a span that is being dealt out: nothing lives in it yet.
    Taken = 7,
    /// First slice of a span of tables: see [`PartsHead`](super::PartsHead). No block of the program's lies there.
    Tables = 8,
}

impl Kind {
    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Kind::Unused,
            1 => Kind::Free,
            3 => Kind::Slab,
            5 => Kind::Large,
            6 => Kind::Guard,
            7 => Kind::Taken,
            8 => Kind::Tables,
            _ => return None,
        })
    }
}

/// Bits of [`Word::flags`].
pub mod flag {
    /// Some page of the span may hold old bytes: it does not read as zeros.
    pub const DIRTY: u8 = 1;
    /// The pages of the span are readable and writable.
    pub const COMMITTED: u8 = 2;
}

/// Kind, class, flags and length of a span, published by one store. Only meaningful at the first slice of a span.
///
/// ```text
///   63                       32 31     24 23     16 15      8 7       0
///  +---------------------------+---------+---------+---------+---------+
///  | slices                    | 0       | flags   | class   | kind    |
///  +---------------------------+---------+---------+---------+---------+
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Word(pub u64);

impl Word {
    /// A word of these parts.
    #[must_use]
    pub const fn new(kind: Kind, class: u8, flags: u8, slices: u32) -> Self {
        Word((slices as u64) << 32 | (flags as u64) << 16 | (class as u64) << 8 | kind as u64)
    }

    /// The kind; `None` where no allocator of this version wrote it.
    #[must_use]
    pub const fn kind(self) -> Option<Kind> {
        Kind::from_bits((self.0 & 0xFF) as u8)
    }

    /// The size class of a slab.
    #[must_use]
    pub const fn class(self) -> u8 {
        (self.0 >> 8 & 0xFF) as u8
    }

    /// See [`flag`].
    #[must_use]
    pub const fn flags(self) -> u8 {
        (self.0 >> 16 & 0xFF) as u8
    }

    /// Slices of the span.
    #[must_use]
    pub const fn slices(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl core::fmt::Debug for Word {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Word")
            .field("kind", &self.kind())
            .field("class", &self.class())
            .field("flags", &self.flags())
            .field("slices", &self.slices())
            .finish()
    }
}

/// The descriptor of a slice. All zero means [`Kind::Unused`].
///
/// The first cache line is the owner's: other threads read of it what does not change while the slab lives (`owner` to
/// `tags`), and nobody but the owner writes it. The second line is where other threads leave word.
#[repr(C, align(128))]
pub struct Descriptor {
    /// Address of the heap whose thread alone may use the lists of this slab; 0 for all that is no first slice of a slab, so that
    /// the fast path of `free` needs but this one comparison.
    pub owner: AtomicU64,
    /// See [`Word`].
    pub word: AtomicU64,
    /// As in [`SlabShape`](super::SlabShape).
    pub reciprocal: AtomicU64,
    /// As in [`SlabShape`](super::SlabShape).
    pub first: AtomicU32,
    /// As in [`SlabShape`](super::SlabShape).
    pub block_size: AtomicU32,
    /// As in [`SlabShape`](super::SlabShape).
    pub tags: AtomicU32,
    /// Blocks whose tags mean anything, 1 to this number.
    pub capacity: AtomicU32,
    /// Owner: where the number of the slab's first free block is kept: in its bin while it is the bin's current slab, else in
    /// `local_free`.
    pub list: AtomicU64,
    /// Owner: first of the blocks that the owner freed, linked through their tags; 0 for none.
    pub local_free: AtomicU32,
    /// Owner: frees by the owner until the slab wants attention; see `slab`.
    pub countdown: AtomicU32,
    /// Owner of the slab, or the region's lock for free spans: neighbours in a queue, by slice index; 0 for none.
    pub next: AtomicU32,
    /// See `next`.
    pub previous: AtomicU32,

    /// Any thread: blocks freed by other threads; `remote::Remote`.
    pub remote: AtomicU64,
    /// Tag of a large block; its size field is 0.
    pub tag: AtomicU64,
    /// Bytes asked for of a large block.
    pub size: AtomicU64,
    /// Whoever posts the slab: the slab posted before it, by slice index.
    pub mail_next: AtomicU32,
    /// Any thread: the region's stamp while the slab is in a mailbox; see `mailbox`.
    pub mailed: AtomicU32,
    /// Owner: as in [`SlabShape`](super::SlabShape).
    pub limit: AtomicU32,
    /// Owner: where the slab stands; `slab::place`.
    pub place: AtomicU32,
    /// Under the region's lock: which lists of heap 0 an ownerless slab was put into; `orphan` voids them at times.
    pub shelved_in: AtomicU32,
    /// When a free span became free, in milliseconds of the monotonic clock, modulo 2^32.
    pub freed_at_ms: AtomicU32,
    /// Address of what tells of the parts of blocks, 0 for none: see [`PartsHead`](super::PartsHead). Set under the region's lock.
    pub parts: AtomicU64,
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<Descriptor>() == 128);
    assert!(offset_of!(Descriptor, owner) == 0);
    assert!(offset_of!(Descriptor, word) == 8);
    assert!(offset_of!(Descriptor, reciprocal) == 16);
    assert!(offset_of!(Descriptor, first) == 24);
    assert!(offset_of!(Descriptor, block_size) == 28);
    assert!(offset_of!(Descriptor, tags) == 32);
    assert!(offset_of!(Descriptor, capacity) == 36);
    assert!(offset_of!(Descriptor, remote) == 64);
    assert!(offset_of!(Descriptor, tag) == 72);
    assert!(offset_of!(Descriptor, size) == 80);
    assert!(offset_of!(Descriptor, parts) == 112);
};
