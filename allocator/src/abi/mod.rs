//! The shape of a heap in memory: the contract between the allocator, the next release's copy of it, and every
//! outside reader.
//!
//! Everything the allocator knows lies in one *region* of address space per *epoch* (one version of the program),
//! at an address that is a multiple of [`REGION_SIZE`] inside the *arena*. Nothing in a region ever moves, nothing in
//! it points outside it (but for return addresses in the site table), and any word is classified by arithmetic:
//!
//! ```text
//!  arena     0x1000_0000_0000                                                    0x5000_0000_0000
//!            +----------+----------+----------+--- - - - ---+----------+
//!            | region 0 | region 1 | region 2 |             | region 63|      1 TiB each, mapped as it is used
//!            +----------+----------+----------+--- - - - ---+----------+
//!
//!  region    base                                                                          base + 1 TiB
//!            +--------+-------+-------------+-------+--------+---------+-------+------------------ - - -+
//!            | header | heads | descriptors | sites | frames | modules | heaps | slices of 64 KiB        |
//!            +--------+-------+-------------+-------+--------+---------+-------+------------------ - - -+
//!            0        1 GiB   2 GiB         4 GiB   5 GiB    6 GiB     6.5 GiB 8 GiB
//!
//!  slab      slice                                                              slice + 64 KiB or 512 KiB
//!            +-------+-----------------+-----+---------+---------+---------+- - - -+---------+------+
//!            | color | tag 1 tag 2 ... | pad | block 1 | block 2 | block 3 |       | block n | rest |
//!            +-------+-----------------+-----+---------+---------+---------+- - - -+---------+------+
//!                    8 bytes a block         first
//! ```
//!
//! # What may be relied on, at any instruction
//!
//! A process can be stopped between any two instructions and read:
//! - Slices from [`FIRST_SLICE`] up to [`Header::high`] are tiled by spans. The span that begins at slice `i` is described by
//!   [`Descriptor::word`] of `i` alone, which is published by one 8-byte store.
//! - A block of a slab is live exactly while its [`Tag`] says so; a large block while [`Descriptor::tag`] does. Tags are written last
//!   in `malloc` and cleared first in `free`, each by one 8-byte store. Only the first [`Descriptor::capacity`] tags of a
//!   slab mean anything.
//! - What a block was handed out in by the program's own pools is in [`PartsHead`] and what follows it, while their generation is the
//!   block's.
//! - Free lists, queues and counts are caches of the above. They can be rebuilt from it and need not be read.

mod class;
mod descriptor;
mod header;
mod hook;
mod parts;
mod placed;
mod site;
mod tag;

pub use class::{CLASS_COUNT, Class, MAX_SLAB_BLOCK, SlabShape};
pub use descriptor::{Descriptor, Kind, Word, flag};
pub use header::{Header, MAGIC, VERSION};
pub use hook::{
    HOOK_TABLE_MAGIC, HookRow, HookTableHeader, MOVED_FIXES_MAX, MOVED_MAX, MovedFix, PARAMETERS_MAX,
    REPLACED_MAX, STUBS_MAGIC, fix,
};
pub use parts::{PARTS_MAX, PartRecord, PartsHead};
pub use placed::{PLACEMENT_MAGIC, Placed, PlacementHeader, PlacementRow};
pub use site::{
    CALLER_TABLE_MAGIC, CallerRow, CallerTableHeader, FRAMES_MAX, Frame, MODULES_MAX, Module, SITES_MAX,
    SiteId, SiteRecord,
};
pub use tag::{State, Tag};

/// log2 of the size of a region.
pub const REGION_BITS: u32 = 40;
/// Bytes of address space per epoch.
pub const REGION_SIZE: u64 = 1 << REGION_BITS;
/// Where the first region may lie. Below are program images of non-PIE programs and what sanitizers claim; far above,
/// the kernel's own choices (PIE images from 0x5555_5555_4000, `mmap` from the top down).
pub const ARENA_BASE: u64 = 0x1000_0000_0000;
/// Places for regions in the arena.
pub const ARENA_SLOTS: u64 = 64;

/// log2 of the size of a slice.
pub const SLICE_BITS: u32 = 16;
/// Bytes of a slice, the unit in which a region is dealt out.
pub const SLICE_SIZE: u64 = 1 << SLICE_BITS;
/// Slices in a region, those under its own tables included.
pub const SLICES: u32 = 1 << (REGION_BITS - SLICE_BITS);

/// Offset of the page that the kernel wipes in a forked child (`MADV_WIPEONFORK`).
pub const FORK_PAGE_OFFSET: u64 = 0x1_0000;
/// Offset of the heads, 4 bytes per slice of the whole region: the first slice of the span that the slice is in. Written for every slice
/// of a span in use, and for the first and the last of a free one. What it says of other slices is old: it counts only if the
/// span that begins there does hold the slice.
pub const HEADS_OFFSET: u64 = 0x4000_0000;
/// Offset of the descriptors, one per slice of the whole region.
pub const DESCRIPTORS_OFFSET: u64 = 0x8000_0000;
/// Offset of the site records.
pub const SITES_OFFSET: u64 = 0x1_0000_0000;
/// Offset of the hash tables over the sites: one of 2^14 buckets, behind it one of twice as many, and so on; the header says which is
/// in use. A bucket is 4 bytes, 0 or a site id.
pub const SITE_INDEX_OFFSET: u64 = 0x1_2000_0000;
/// log2 of the buckets of the first site index.
pub const SITE_INDEX_LOG_MIN: u32 = 14;

/// Where the site index of `2^log` buckets lies.
#[must_use]
pub const fn site_index_offset(log: u32) -> u64 {
    SITE_INDEX_OFFSET + 4 * ((1 << log) - (1 << SITE_INDEX_LOG_MIN))
}

/// Offset of the frames that sites refer to.
pub const FRAMES_OFFSET: u64 = 0x1_4000_0000;
/// Offset of the modules that frames refer to.
pub const MODULES_OFFSET: u64 = 0x1_8000_0000;
/// Offset of the blocks placed outside the region, [`Placed`].
pub const PLACED_OFFSET: u64 = 0x1_9000_0000;
/// Most placed blocks.
pub const PLACED_MAX: u32 = 4096;
/// Offset of the threads' heaps.
pub const HEAPS_OFFSET: u64 = 0x1_A000_0000;
/// Bytes from one heap to the next.
pub const HEAP_STRIDE: u64 = 0x4000;
/// Most heaps of a region: as many threads at one time as have a heap of their own.
pub const HEAPS_MAX: u32 = 65_536;
/// Offset of the first slice that is dealt out.
pub const DATA_OFFSET: u64 = 0x2_0000_0000;
/// Index of the slice at [`DATA_OFFSET`].
#[expect(clippy::cast_possible_truncation, reason = "8 GiB / 64 KiB = 131072")]
pub const FIRST_SLICE: u32 = (DATA_OFFSET >> SLICE_BITS) as u32;

/// The base of the region that `address` would lie in.
#[must_use]
pub const fn region_of(address: u64) -> u64 {
    address & !(REGION_SIZE - 1)
}

/// Whether a region may lie at `base`.
#[must_use]
pub const fn is_region_base(base: u64) -> bool {
    base.is_multiple_of(REGION_SIZE) && base >= ARENA_BASE && base < ARENA_BASE + ARENA_SLOTS * REGION_SIZE
}

/// The index within its region of the slice that holds `address`.
#[must_use]
pub const fn slice_of(address: u64) -> u32 {
    ((address & (REGION_SIZE - 1)) >> SLICE_BITS) as u32
}

const _: () = {
    assert!(HEADS_OFFSET + (SLICES as u64) * 4 <= DESCRIPTORS_OFFSET);
    assert!(DESCRIPTORS_OFFSET + (SLICES as u64) * (size_of::<Descriptor>() as u64) <= SITES_OFFSET);
    assert!(SITES_OFFSET + (SITES_MAX as u64) * (size_of::<SiteRecord>() as u64) <= SITE_INDEX_OFFSET);
    // Never more than half full.
    assert!(site_index_offset(SITES_MAX.ilog2() + 2) <= FRAMES_OFFSET);
    assert!(FRAMES_OFFSET + (FRAMES_MAX as u64) * (size_of::<Frame>() as u64) <= MODULES_OFFSET);
    assert!(MODULES_OFFSET + (MODULES_MAX as u64) * (size_of::<Module>() as u64) <= PLACED_OFFSET);
    assert!(PLACED_OFFSET + (PLACED_MAX as u64) * (size_of::<Placed>() as u64) <= HEAPS_OFFSET);
    assert!(HEAPS_OFFSET + (HEAPS_MAX as u64) * HEAP_STRIDE <= DATA_OFFSET);
};
