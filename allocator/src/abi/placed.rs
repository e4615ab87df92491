//! Start-up blocks of a new version that are put where the old version has theirs.
//!
//! Opaque memory of both versions (an event library's, say) can hold the address of such a block, where nobody can
//! rewrite it. So the new version is asked to make the block at the old address from the outset.

use crate::sync::AtomicU64;

/// A block placed outside the region. All zero: none.
#[derive(Debug)]
#[repr(C)]
pub struct Placed {
    /// Where it is.
    pub address: AtomicU64,
    /// Bytes asked for.
    pub size: AtomicU64,
    /// As a large block's: live or not, site, generation. Written last.
    pub tag: AtomicU64,
    /// Bytes it may grow to without meeting another.
    pub room: AtomicU64,
}

/// `"mcrxplac"` as little-endian bytes: what a placement file begins with.
pub const PLACEMENT_MAGIC: u64 = u64::from_le_bytes(*b"mcrxplac");

/// The head of a placement file. Rows follow.
#[derive(Debug)]
#[repr(C)]
pub struct PlacementHeader {
    /// [`PLACEMENT_MAGIC`].
    pub magic: u64,
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Rows that follow, at most [`PLACED_MAX`](super::PLACED_MAX).
    pub rows: u32,
}

/// One wish: the `nth` block, from 0, of `size` bytes that the site makes goes to `address`.
///
/// A site is named by the FNV-1a hash (64 bits) over its frames, innermost first: of each the bytes of the module's build-id, then
/// the offset as 8 little-endian bytes. Generations and site numbers differ from run to run; this does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct PlacementRow {
    /// See above.
    pub site: u64,
    /// Bytes asked for.
    pub size: u64,
    /// A multiple of 16 outside the new version's own region.
    pub address: u64,
    /// Counted over all threads.
    pub nth: u32,
    /// 0.
    pub reserved: u32,
}

const _: () = {
    assert!(size_of::<Placed>() == 32);
    assert!(size_of::<PlacementHeader>() == 16);
    assert!(size_of::<PlacementRow>() == 32);
};
