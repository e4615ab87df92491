//! Parts: what a program's own allocator (a pool, an arena) has handed out of a block of ours, one by one.
//!
//! A block that was handed out in parts has a [`PartsHead`] with a [`PartRecord`] for each, sorted by offset. It is found from the
//! descriptor of the block's span, in [`Descriptor::parts`](super::Descriptor::parts):
//!
//! ```text
//!   large block   descriptor.parts -> head, record, record, ...
//!   slab          descriptor.parts -> index: 8 bytes for each block that fits, 0 or -> head, record, record, ...
//! ```
//!
//! Index and heads lie in spans of kind [`Kind::Tables`](super::Kind::Tables) of the same region. Nothing that frees a block looks at
//! them: a head names the block and the generation that it is about, so that it is void from the instant at which the tag says that the block is
//! free. What it takes is given back with the slab or the large block, or serves the next block of the place.
//!
//! A head's `state` holds generation and number of records in one word. Records are written before they are counted; records that are
//! to be replaced are taken out of the count before that.

use crate::sync::{AtomicU32, AtomicU64};

/// What the records of a block begin with.
#[derive(Debug)]
#[repr(C, align(16))]
pub struct PartsHead {
    /// Generation of the block (upper 32 bits) and records that mean anything (lower 32 bits).
    pub state: AtomicU64,
    /// The block's first byte.
    pub block: AtomicU64,
    /// Records that there is room for, at most [`PARTS_MAX`].
    pub capacity: AtomicU32,
    /// 0.
    pub reserved: [AtomicU32; 3],
}

impl PartsHead {
    /// The state word for a generation and a number of records.
    #[must_use]
    pub const fn pack(generation: u32, count: u32) -> u64 {
        (generation as u64) << 32 | count as u64
    }

    /// Generation and number of records of a state word.
    #[must_use]
    pub const fn unpack(state: u64) -> (u32, u32) {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of a word")]
        ((state >> 32) as u32, state as u32)
    }
}

/// One part of a block. It may have no bytes.
#[derive(Debug)]
#[repr(C)]
pub struct PartRecord {
    /// Bytes from the block's first to the part's.
    pub offset: AtomicU32,
    /// Bytes that the program asked for.
    pub size: AtomicU32,
    /// Who asked, by [`SiteId`](super::SiteId).
    pub site: AtomicU32,
    /// 0.
    pub reserved: AtomicU32,
}

/// Most parts of a block.
pub const PARTS_MAX: u32 = 1 << 26;

const _: () = {
    assert!(size_of::<PartsHead>() == 32);
    assert!(size_of::<PartRecord>() == 16);
};
