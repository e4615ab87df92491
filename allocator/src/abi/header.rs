//! The first bytes of a region.

use crate::sync::{AtomicU32, AtomicU64};

/// What a region begins with: `"mcrxheap"` as little-endian bytes.
pub const MAGIC: u64 = u64::from_le_bytes(*b"mcrxheap");
/// The version of everything in [`abi`](super). A reader or a next release that knows another version refuses.
pub const VERSION: u32 = 1;

/// The header of a region. Fields before `lock` are written once, before the magic.
#[repr(C, align(128))]
pub struct Header {
    /// [`MAGIC`], written last.
    pub magic: AtomicU64,
    /// [`VERSION`].
    pub version: AtomicU32,
    /// Which version of the program this region belongs to, as `MCRX_EPOCH` said.
    pub epoch: AtomicU32,
    /// Where the region lies.
    pub base: AtomicU64,
    /// Bytes of address space that may be dealt out.
    pub size: AtomicU64,
    /// log2 of the buckets of the site index in use; see [`SITE_INDEX_OFFSET`](super::SITE_INDEX_OFFSET).
    pub site_index_log: AtomicU32,
    /// Moves on when threads vanish without a word (a fork of a threaded process, an update): lists made before are void.
    pub era: AtomicU32,
    /// Of a home region: the other regions of the process, bit `i` for the one at place `i` of the arena.
    pub adopted: AtomicU64,
    /// 1 once a next release took this region over: nothing new is made here.
    pub draining: AtomicU32,
    /// Slices below this index have been dealt out at some time.
    pub high: AtomicU32,
    /// Heaps made so far.
    pub heaps: AtomicU32,
    /// Site ids given so far, 0 (no site) included.
    pub sites: AtomicU32,
    /// Frames used by them.
    pub frames: AtomicU32,
    /// Modules used by those.
    pub modules: AtomicU32,
    /// Rows used of the table of placed blocks.
    pub placed: AtomicU32,
    /// Spans in use: slabs and large blocks. A draining region with none goes.
    pub spans: AtomicU32,
    /// Slabs made so far: the source of generations.
    pub slabs_made: AtomicU32,

    /// Lock over spans and heaps: `lock::Lock`.
    pub lock: AtomicU32,
    /// Lock over new sites.
    pub site_lock: AtomicU32,
    /// Under `lock`: slices below this index have committed descriptors and pages, guards excepted.
    pub committed: AtomicU32,
    /// 1 once threads have vanished: more may be mapped than the descriptors say.
    pub inherited: AtomicU32,
    /// Under `lock`: free spans without pages.
    pub holes: AtomicU32,
    /// Under `lock`: one bit per list of free spans that is not empty.
    pub span_lists: AtomicU64,
    /// Under `lock`: first free span of each list, by slice index.
    pub free_spans: [AtomicU32; 64],
    /// Under `lock`: first of the heaps that nobody has, by index; 0 for none.
    pub idle_heaps: AtomicU32,
    /// Under `lock`: slices below this index have been searched for slabs whose owners vanished.
    pub orphan_cursor: AtomicU32,
    /// Under `lock`: where that search ends: `high` when the owners vanished.
    pub orphan_end: AtomicU32,
    /// Under `lock`: when free spans were last given back, in milliseconds of the monotonic clock, modulo 2^32.
    pub purged_at_ms: AtomicU32,
    /// Under `lock`: first free piece of each size that tables are made of, by address; each holds the address of the next.
    pub free_pieces: [AtomicU64; 10],
    /// Under `lock`: the rest of the slice that pieces are cut from.
    pub piece_next: AtomicU64,
    /// See `piece_next`.
    pub piece_end: AtomicU64,
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<Header>() <= 4096);
    assert!(offset_of!(Header, magic) == 0);
    assert!(offset_of!(Header, version) == 8);
    assert!(offset_of!(Header, epoch) == 12);
    assert!(offset_of!(Header, base) == 16);
    assert!(offset_of!(Header, size) == 24);
    assert!(offset_of!(Header, era) == 36);
    assert!(offset_of!(Header, adopted) == 40);
    assert!(offset_of!(Header, draining) == 48);
    assert!(offset_of!(Header, high) == 52);
    assert!(offset_of!(Header, sites) == 60);
};
