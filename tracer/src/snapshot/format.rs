//! The fixed records of a snapshot file; see the module above for where they lie.

use crate::image::GRAIN;
use twox_hash::XxHash3_64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, LE, U32, U64, Unaligned};

/// Of the format.
pub const VERSION: u32 = 2;

pub(super) const MAGIC: [u8; 8] = *b"mcrxsnap";
pub(super) const TAIL_MAGIC: [u8; 8] = *b"mcrxtail";

/// No content is longer: it is all the addresses that a process has (Documentation/arch/x86/x86_64/mm.rst of Linux).
pub(super) const CONTENT_MAX: u64 = 1 << 47;

/// No frame is longer: what zstd may make of bytes that do not compress (`ZSTD_COMPRESSBOUND` of zstd.h, for inputs over 128 KiB).
pub(super) const FRAME_MAX: usize = GRAIN + (GRAIN >> 8);

/// How a file begins, in this version and all later ones.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Head {
    pub(super) magic: [u8; 8],
    pub(super) version: U32<LE>,
    pub(super) zero: U32<LE>,
    pub(super) checksum: U64<LE>,
}

impl Head {
    pub(super) fn new() -> Head {
        let mut head = Head { magic: MAGIC, version: VERSION.into(), zero: 0.into(), checksum: 0.into() };
        head.checksum = head.sum().into();
        head
    }

    /// What its checksum is to be.
    pub(super) fn sum(&self) -> u64 {
        checksum(&self.as_bytes()[..16])
    }
}

/// A frame.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct ChunkRecord {
    pub(super) content: U32<LE>,
    pub(super) number: U32<LE>,
    pub(super) at: U64<LE>,
    pub(super) len: U32<LE>,
    pub(super) zero: U32<LE>,
    pub(super) checksum: U64<LE>,
}

/// How a file ends.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Tail {
    pub(super) file_len: U64<LE>,
    pub(super) table_at: U64<LE>,
    pub(super) frames: U64<LE>,
    pub(super) description_at: U64<LE>,
    pub(super) description_len: U64<LE>,
    pub(super) index_checksum: U64<LE>,
    pub(super) checksum: U64<LE>,
    pub(super) magic: [u8; 8],
}

impl Tail {
    /// What its checksum is to be.
    pub(super) fn sum(&self) -> u64 {
        checksum(&self.as_bytes()[..48])
    }
}

pub(super) fn checksum(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<Head>() == 24);
    assert!(offset_of!(Head, checksum) == 16);
    assert!(size_of::<ChunkRecord>() == 32);
    assert!(size_of::<Tail>() == 64);
    assert!(offset_of!(Tail, checksum) == 48);
};
