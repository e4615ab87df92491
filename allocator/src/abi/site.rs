//! Sites: the call stacks that made blocks, as build-id and offset, so that they outlive the process and its modules.

use crate::sync::{AtomicU32, AtomicU64};

/// Sites of a region; later ones are counted under site 0.
pub const SITES_MAX: u32 = 1 << 20;
/// Frames of all sites of a region.
pub const FRAMES_MAX: u32 = 1 << 24;
/// Modules that frames may lie in.
pub const MODULES_MAX: u32 = 4096;

/// The number of a site within its region. 0: not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct SiteId(pub u32);

/// One return address: the module (upper 16 bits, an index into the module table; 0: no module known) and the offset from the
/// module's lowest address (lower 48 bits; the address itself if no module is known).
#[derive(Debug)]
#[repr(transparent)]
pub struct Frame(pub AtomicU64);

impl Frame {
    /// The bits of a frame.
    #[must_use]
    pub const fn pack(module: u16, offset: u64) -> u64 {
        (module as u64) << 48 | offset & ((1 << 48) - 1)
    }

    /// Module index and offset of the bits of a frame.
    #[must_use]
    pub const fn unpack(bits: u64) -> (u16, u64) {
        ((bits >> 48) as u16, bits & ((1 << 48) - 1))
    }
}

/// A site: its frames, innermost first. Written whole before the site's id is given out.
#[derive(Debug)]
#[repr(C)]
pub struct SiteRecord {
    /// Hash of the return addresses, for the index.
    pub hash: AtomicU64,
    /// Index of the innermost frame in the frame table.
    pub frames: AtomicU32,
    /// Number of frames.
    pub depth: AtomicU32,
    /// The innermost return address as the process saw it.
    pub address: AtomicU64,
    /// Bit 0: blocks of this site are looked up in the placement table.
    pub flags: AtomicU32,
    /// 0.
    pub reserved: AtomicU32,
}

/// A module that frames lie in.
#[derive(Debug)]
#[repr(C)]
pub struct Module {
    /// Lowest mapped address, as it was loaded last.
    pub start: AtomicU64,
    /// First address past it.
    pub end: AtomicU64,
    /// Bytes of build-id that follow, 0 if the module has none.
    pub build_id_len: AtomicU32,
    /// 0.
    pub reserved: AtomicU32,
    /// The build-id, padded with zeros; longer ones are cut.
    pub build_id: [AtomicU64; 4],
    /// 0.
    pub reserved_2: AtomicU64,
}

/// `"mcrxcall"` as little-endian bytes: what a caller table begins with.
pub const CALLER_TABLE_MAGIC: u64 = u64::from_le_bytes(*b"mcrxcall");

/// The head of a caller table, a file named `BUILDID.callers` that `debuginfo` writes and the allocator maps: for every call in a
/// module that reaches an allocation through a wrapper, where the wrapper's own caller is found. Rows follow, sorted by offset.
#[derive(Debug)]
#[repr(C)]
pub struct CallerTableHeader {
    /// [`CALLER_TABLE_MAGIC`].
    pub magic: u64,
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Rows that follow.
    pub rows: u32,
    /// Bytes of build-id.
    pub build_id_len: u32,
    /// 0.
    pub reserved: u32,
    /// The build-id, padded with zeros.
    pub build_id: [u8; 32],
}

/// One row of a caller table: at the return address `offset`, the function is an allocation wrapper, and its own return address lies
/// `return_at` bytes above the stack pointer as it is right after the call returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct CallerRow {
    /// Return address of the call, from the module's lowest address.
    pub offset: u32,
    /// Bytes from the stack pointer to the function's own return address.
    pub return_at: u32,
}

const _: () = {
    assert!(size_of::<SiteRecord>() == 32);
    assert!(size_of::<Module>() == 64);
    assert!(size_of::<CallerTableHeader>() == 56);
};
