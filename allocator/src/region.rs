//! Contains `unsafe`: the one place where an address becomes a reference to a region's tables.
//!
//! A [`Region`] is an address that has been checked to hold one (or has been made to, just now). Its tables are all atomics in
//! memory that stays mapped as long as the region, so shared references to them are sound whoever else holds some.

use crate::abi::{
    ARENA_BASE, ARENA_SLOTS, CLASS_COUNT, DESCRIPTORS_OFFSET, Descriptor, FIRST_SLICE, FORK_PAGE_OFFSET,
    FRAMES_OFFSET, Frame, HEADS_OFFSET, HEAP_STRIDE, HEAPS_OFFSET, Header, MAGIC, MODULES_OFFSET, Module,
    PLACED_OFFSET, Placed, REGION_SIZE, SITE_INDEX_LOG_MIN, SITE_INDEX_OFFSET, SITES_OFFSET, SLICE_SIZE,
    SiteId, SiteRecord, Tag, VERSION, site_index_offset, slice_of,
};
use crate::heap::Heap;
use crate::sync::{AtomicU32, AtomicU64, Field, Ordering};
use crate::sys::{self, Errno};

const _: () = assert!(size_of::<Heap>() as u64 <= HEAP_STRIDE && CLASS_COUNT < 128);

/// Unit in which tables are committed.
pub(crate) const TABLE_STEP: u64 = 64 * 1024;

/// The base of a mapped region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region(u64);

impl Region {
    /// The region at `base`.
    ///
    /// # Safety
    /// A region made by [`Region::create`], here or in the process's previous library, lies there, and outlives every use.
    #[inline(always)]
    pub(crate) const unsafe fn at(base: u64) -> Self {
        Region(base)
    }

    /// Sets up a region at `wanted` or else at the first free place of the arena from `epoch` on.
    ///
    /// Its address space is not reserved: a reservation counts against a limit on address space (`ulimit -v`), also one that the
    /// program sets for itself later, as vsftpd does for each session. Nobody but this library maps anything in the arena,
    /// and what should be in the way is noticed, never replaced.
    pub(crate) fn create(wanted: Option<u64>, epoch: u32) -> Result<Self, Errno> {
        let first = u64::from(epoch) % ARENA_SLOTS;
        let places = (0..ARENA_SLOTS).map(|i| ARENA_BASE + (first + i) % ARENA_SLOTS * REGION_SIZE);
        let mut refusal = Errno(libc::ENOMEM);
        for base in wanted.into_iter().chain(places) {
            let region = Region(base);
            // Not `commit`: there is no header yet to ask.
            match sys::map_rw(base, TABLE_STEP) {
                Ok(()) => return region.set_up(epoch).map(|()| region),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    fn set_up(self, epoch: u32) -> Result<(), Errno> {
        let header = self.header();
        header.version.set(VERSION);
        header.epoch.set(epoch);
        header.base.set(self.0);
        header.size.set(REGION_SIZE);
        header.era.set(1);
        header.high.set(FIRST_SLICE);
        header.committed.set(FIRST_SLICE);
        header.orphan_cursor.set(FIRST_SLICE);
        header.orphan_end.set(FIRST_SLICE);
        header.sites.set(1);
        header.site_index_log.set(SITE_INDEX_LOG_MIN);
        header.modules.set(1);
        let tables = [
            FORK_PAGE_OFFSET,
            SITES_OFFSET,
            SITE_INDEX_OFFSET,
            FRAMES_OFFSET,
            MODULES_OFFSET,
            PLACED_OFFSET,
            HEAPS_OFFSET,
        ];
        for offset in tables {
            self.commit(offset, TABLE_STEP)?;
        }
        header.magic.store(MAGIC, Ordering::Release);
        Ok(())
    }

    /// Makes `[offset, offset + len)` of the region usable; both are multiples of the page size, and nothing of it was.
    pub(crate) fn commit(self, offset: u64, len: u64) -> Result<(), Errno> {
        match sys::map_rw(self.0 + offset, len) {
            Err(Errno(libc::EEXIST)) if self.header().inherited.get() == 1 => self.commit_rest(offset, len),
            other => other,
        }
    }

    /// Commits what is not committed of a range. A thread that a fork left behind may have been about to make use of some of it.
    #[cold]
    fn commit_rest(self, offset: u64, len: u64) -> Result<(), Errno> {
        for step in (0..len / TABLE_STEP).map(|step| step * TABLE_STEP) {
            match sys::map_rw(self.0 + offset + step, TABLE_STEP) {
                Ok(()) | Err(Errno(libc::EEXIST)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// As [`commit`](Self::commit), for a part of a table; if it is committed already it stays as it is.
    pub(crate) fn commit_table(self, offset: u64, len: u64) -> Result<(), Errno> {
        match self.commit(offset, len) {
            // An earlier growth got this far and no further, or one by a thread that a fork left behind.
            Err(Errno(libc::EEXIST)) => Ok(()),
            other => other,
        }
    }

    /// Commits the step of a table that entry `index` opens, if it opens one. Entries are taken in order.
    pub(crate) fn commit_entry(self, table: u64, entry_size: u64, index: u64) -> Result<(), Errno> {
        debug_assert!(TABLE_STEP.is_multiple_of(entry_size));
        let offset = index * entry_size;
        if offset == 0 || !offset.is_multiple_of(TABLE_STEP) {
            return Ok(());
        }
        self.commit_table(table + offset, TABLE_STEP)
    }

    /// Gives the pages of `[offset, offset + len)` back, with their charge.
    ///
    /// # Safety
    /// Nobody uses the range.
    pub(crate) unsafe fn decommit(self, offset: u64, len: u64) -> Result<(), Errno> {
        // SAFETY: the range is this region's and unused.
        unsafe { sys::unmap(self.0 + offset, len) }
    }

    /// Unmaps the whole region.
    ///
    /// # Safety
    /// Nobody uses any of it any more, this handle's copies included.
    pub(crate) unsafe fn destroy(self) {
        // SAFETY: the caller's word; the holes between the pieces are nobody's.
        let _ = unsafe { sys::unmap(self.0, REGION_SIZE) };
    }

    /// Where the region lies.
    #[inline(always)]
    pub(crate) const fn base(self) -> u64 {
        self.0
    }

    /// A table entry at `offset`.
    #[inline(always)]
    fn table<T>(self, offset: u64) -> &'static T {
        let address = usize::try_from(self.0 + offset).unwrap_or(0);
        // SAFETY: callers pass offsets of committed table entries of type T, which consist of atomics only, are zero or
        // initialised, aligned by the layout asserted in `abi`, and stay mapped as long as the region (see the module).
        unsafe { &*core::ptr::with_exposed_provenance::<T>(address) }
    }

    #[inline(always)]
    pub(crate) fn header(self) -> &'static Header {
        self.table(0)
    }

    /// 0 in a process that has been forked since the word was set.
    pub(crate) fn fork_word(self) -> &'static AtomicU32 {
        self.table(FORK_PAGE_OFFSET)
    }

    /// The entry of a slice in the table of heads.
    #[inline(always)]
    pub(crate) fn head(self, slice: u32) -> &'static AtomicU32 {
        self.table(HEADS_OFFSET + u64::from(slice) * 4)
    }

    /// The descriptor of a slice.
    #[inline(always)]
    pub(crate) fn descriptor(self, slice: u32) -> &'static Descriptor {
        self.table(DESCRIPTORS_OFFSET + u64::from(slice) * size_of::<Descriptor>() as u64)
    }

    pub(crate) fn heap(self, index: u32) -> &'static Heap {
        self.table(HEAPS_OFFSET + u64::from(index) * HEAP_STRIDE)
    }

    pub(crate) fn site(self, site: SiteId) -> &'static SiteRecord {
        self.table(SITES_OFFSET + u64::from(site.0) * size_of::<SiteRecord>() as u64)
    }

    /// A bucket of the site index with `2^log` of them.
    pub(crate) fn site_bucket(self, log: u32, bucket: u32) -> &'static AtomicU32 {
        self.table(site_index_offset(log) + u64::from(bucket) * 4)
    }

    pub(crate) fn frame(self, index: u32) -> &'static Frame {
        self.table(FRAMES_OFFSET + u64::from(index) * size_of::<Frame>() as u64)
    }

    pub(crate) fn module(self, index: u32) -> &'static Module {
        self.table(MODULES_OFFSET + u64::from(index) * size_of::<Module>() as u64)
    }

    pub(crate) fn placed(self, index: u32) -> &'static Placed {
        self.table(PLACED_OFFSET + u64::from(index) * size_of::<Placed>() as u64)
    }

    /// The tag of block `index`, from 1, of the slab at `slice`.
    #[inline(always)]
    pub(crate) fn tag(self, slice: u32, tags: u32, index: u32) -> TagRef {
        TagRef::at(self.slice_address(slice) + u64::from(tags) + 8 * (u64::from(index) - 1))
    }

    /// The first byte of a slice.
    #[inline(always)]
    pub(crate) const fn slice_address(self, slice: u32) -> u64 {
        self.0 + slice as u64 * SLICE_SIZE
    }

    /// The slice of an address in this region.
    #[inline(always)]
    pub(crate) const fn slice(self, address: u64) -> u32 {
        slice_of(address)
    }
}

/// A place for a tag inside a slab.
#[derive(Clone, Copy)]
pub(crate) struct TagRef(&'static AtomicU64);

impl TagRef {
    /// The tag at `address`, which lies in the tags of a slab.
    #[inline(always)]
    pub(crate) fn at(address: u64) -> Self {
        let address = usize::try_from(address).unwrap_or(0);
        // SAFETY: callers compute the address from the descriptor of a slab, whose tags are committed and 8-aligned.
        TagRef(unsafe { &*core::ptr::with_exposed_provenance::<AtomicU64>(address) })
    }

    #[inline(always)]
    pub(crate) fn get(self) -> Tag {
        Tag(self.0.get())
    }

    /// Release, so that whatever was written before is in memory when an outside reader sees the tag.
    #[inline(always)]
    pub(crate) fn set(self, tag: Tag) {
        self.0.store(tag.0, Ordering::Release);
    }

    /// Has a model check that the tag is used by one thread at a time.
    #[cfg(all(test, loom))]
    pub(crate) fn watch(self) {
        crate::sync::watched::own(self.0);
    }
}
