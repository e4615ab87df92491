//! Contains `unsafe`: blocks at addresses that somebody else chose (see `abi::placed` for why).
//!
//! While a new version starts up in a process of its own, nothing of the old version is mapped there. A placed block gets pages of
//! its own at the address wanted, is looked up by address in a short table, and is otherwise a block like any other. Once the
//! versions are united the table is dropped: the old version's region knows the block.

use crate::abi::{
    Frame, PLACED_MAX, PLACEMENT_MAGIC, Placed, PlacementHeader, PlacementRow, REGION_SIZE, SiteId, Tag,
    VERSION,
};
use crate::lock::{self, Guard};
use crate::region::Region;
use crate::report::Message;
use crate::settings::SETTINGS;
use crate::sync::{AtomicU32, AtomicU64, Field, Ordering};
use crate::{runtime, sys};

const PAGE: u64 = 4096;
const MIN_ALIGN: u64 = 16;
const ROWS_MAX: usize = PLACED_MAX as usize;

/// Values of [`WISHES`]' state.
mod state {
    pub(super) const UNREAD: u32 = 0;
    pub(super) const READY: u32 = 1;
    pub(super) const OVER: u32 = 2;
}

/// The placement file, once read.
struct Wishes {
    state: AtomicU32,
    rows: AtomicU64,
    count: AtomicU32,
    /// For each row that is the first of its site and size: blocks of these made so far.
    made: [AtomicU32; ROWS_MAX],
}

static WISHES: Wishes = Wishes {
    state: AtomicU32::new(state::UNREAD),
    rows: AtomicU64::new(0),
    count: AtomicU32::new(0),
    made: [const { AtomicU32::new(0) }; ROWS_MAX],
};

fn rows() -> &'static [PlacementRow] {
    if WISHES.state.load(Ordering::Acquire) == state::UNREAD {
        read_wishes();
    }
    if WISHES.state.load(Ordering::Acquire) != state::READY {
        return &[];
    }
    let start = usize::try_from(WISHES.rows.get()).unwrap_or(0);
    let count = usize::try_from(WISHES.count.get()).unwrap_or(0);
    // SAFETY: `read_wishes` checked that this many rows lie, aligned, in a mapping that stays.
    unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(start), count) }
}

/// Reads the file that `MCRX_PLACEMENT` names. Two threads that do so at once find the same.
fn read_wishes() {
    let path = SETTINGS.placement_file();
    let mut with_nul = [0u8; 4097];
    let read = match with_nul.get_mut(..path.len()) {
        Some(start) if !path.is_empty() => {
            start.copy_from_slice(path);
            sys::map_file(&with_nul[..=path.len()]).ok().and_then(check)
        }
        _ => None,
    };
    if let Some((rows, count)) = read {
        WISHES.rows.set(rows);
        WISHES.count.set(count);
    } else if !path.is_empty() {
        Message::new().text("ignored: ").bytes(path).text(" is no placement file").send();
    }
    let next = if read.is_some() { state::READY } else { state::OVER };
    let _ = WISHES.state.compare_exchange(state::UNREAD, next, Ordering::AcqRel, Ordering::Acquire);
}

fn check(file: &[u8]) -> Option<(u64, u32)> {
    let head = size_of::<PlacementHeader>();
    let word = |at: usize| file.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    let magic = file.get(..8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes)?;
    let count = word(12)?;
    let len = usize::try_from(count).ok()?.checked_mul(size_of::<PlacementRow>())?.checked_add(head)?;
    let aligned = file.as_ptr().addr().is_multiple_of(align_of::<PlacementRow>());
    (magic == PLACEMENT_MAGIC && word(8)? == VERSION && count <= PLACED_MAX && file.len() == len && aligned)
        .then(|| ((file.as_ptr().addr() + head) as u64, count))
}

/// Whether any row is about the site with these frames.
pub(crate) fn wants(region: Region, first_frame: u32, depth: u32) -> bool {
    if SETTINGS.placement.get() == 0 {
        return false;
    }
    let name = name_of(region, first_frame, depth);
    rows().iter().any(|row| row.site == name)
}

/// The name of a site, as in [`PlacementRow`].
fn name_of(region: Region, first_frame: u32, depth: u32) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3);
        }
    };
    for index in first_frame..first_frame + depth {
        let (module, offset) = Frame::unpack(region.frame(index).0.get());
        let module = region.module(u32::from(module));
        let mut left = usize::try_from(module.build_id_len.get()).unwrap_or(0);
        for word in &module.build_id {
            let bytes = word.get().to_le_bytes();
            add(&bytes[..left.min(8)]);
            left = left.saturating_sub(8);
        }
        add(&offset.to_le_bytes());
    }
    hash
}

/// A block of `size` bytes made by `site`: at the place that was wished for it, if one was.
pub(crate) fn at_start_up(site: SiteId, size: u64) -> Option<u64> {
    if WISHES.state.load(Ordering::Acquire) != state::READY {
        return None;
    }
    let region = runtime::home()?;
    let record = region.site(site);
    let name = name_of(region, record.frames.get(), record.depth.get());
    let of_kind = |row: &&PlacementRow| row.site == name && row.size == size;
    let first = rows().iter().position(|row| of_kind(&row))?;
    let nth = WISHES.made.get(first)?.fetch_add(1, Ordering::Relaxed);
    let row = rows().iter().filter(of_kind).find(|row| row.nth == nth)?;
    make_at(row.address, size, Tag::site_bits(site))
}

/// Start-up is over: from here on blocks go where they always do.
pub(crate) fn end_of_start_up() {
    WISHES.state.store(state::OVER, Ordering::Release);
}

/// The versions are united: the home region knows the blocks that were placed.
pub(crate) fn forget_all(region: Region) {
    end_of_start_up();
    for index in 0..region.header().placed.get() {
        region.placed(index).tag.set(0);
    }
    region.header().placed.set(0);
}

/// Makes a live block of `size` bytes at `address`, a multiple of 16 outside every region of this process. `None`: the place
/// is taken, or the table full.
pub(crate) fn make_at(address: u64, size: u64, site_bits: u64) -> Option<u64> {
    runtime::mend_after_fork();
    // It may be asked for before any block was.
    let region = runtime::home().or_else(runtime::start)?;
    let room = size.max(1).checked_next_multiple_of(MIN_ALIGN)?;
    let end = address.checked_add(room)?;
    if !address.is_multiple_of(MIN_ALIGN)
        || address == 0
        || size > REGION_SIZE
        || runtime::region_holding(address).is_some()
    {
        return None;
    }
    let held = lock::lock(&region.header().lock);
    let count = region.header().placed.get();
    let overlaps = |index: &u32| {
        let placed = region.placed(*index);
        Tag(placed.tag.get()).is_live()
            && address < placed.address.get() + placed.room.get()
            && placed.address.get() < end
    };
    if (0..count).any(|index| overlaps(&index)) {
        return None;
    }
    let free = (0..count).find(|index| !Tag(region.placed(*index).tag.get()).is_live());
    let index = free.unwrap_or(count);
    if index >= PLACED_MAX {
        return None;
    }
    region.commit_entry(crate::abi::PLACED_OFFSET, size_of::<Placed>() as u64, u64::from(index)).ok()?;
    map_pages(region, address, end, &held)?;
    let placed = region.placed(index);
    placed.address.set(address);
    placed.size.set(size);
    placed.room.set(room);
    region.header().placed.set(count.max(index + 1));
    placed.tag.store(Tag(placed.tag.get()).freed(0).taken(0, site_bits).0, Ordering::Release);
    Some(address)
}

/// Maps the pages of `[start, end)` that no placed block, live or gone, lies on yet.
fn map_pages(region: Region, start: u64, end: u64, _held: &Guard<'_>) -> Option<()> {
    let mut page = start & !(PAGE - 1);
    while page < end {
        let ours = (0..region.header().placed.get()).any(|index| {
            let placed = region.placed(index);
            let last = placed.address.get() + placed.room.get();
            placed.room.get() > 0 && placed.address.get() & !(PAGE - 1) <= page && page < last
        });
        if !ours {
            sys::map_rw(page, PAGE).ok()?;
        }
        page += PAGE;
    }
    Some(())
}

fn find(address: u64) -> Option<&'static Placed> {
    let region = runtime::home()?;
    let count = region.header().placed.load(Ordering::Acquire);
    (0..count)
        .map(|index| region.placed(index))
        .find(|placed| placed.address.get() == address && Tag(placed.tag.get()).is_live())
}

/// Frees the placed block at `address`, if there is one. Its pages stay until the process ends or is transplanted.
pub(crate) fn free(address: u64) -> bool {
    let Some(placed) = find(address) else { return false };
    placed.tag.store(Tag(placed.tag.get()).freed(0).0, Ordering::Release);
    true
}

/// Bytes asked for of the placed block at `address`.
pub(crate) fn size(address: u64) -> Option<u64> {
    find(address).map(|placed| placed.size.get())
}

/// Whether the placed block at `address` could be resized where it is.
pub(crate) fn resize(address: u64, size: u64) -> bool {
    let Some(placed) = find(address).filter(|placed| size <= placed.room.get()) else { return false };
    placed.size.set(size);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C, align(8))]
    struct Aligned<const N: usize>([u8; N]);

    #[test]
    fn a_placement_file_is_taken_only_whole_and_of_this_version() {
        let mut file = Aligned([0u8; 48]);
        file.0[..8].copy_from_slice(&PLACEMENT_MAGIC.to_le_bytes());
        file.0[8..12].copy_from_slice(&VERSION.to_le_bytes());
        file.0[12..16].copy_from_slice(&1u32.to_le_bytes());
        assert_eq!(check(&file.0).map(|(_, rows)| rows), Some(1));
        assert_eq!(check(&file.0[..47]), None);
        assert_eq!(check(&[]), None);
        file.0[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(check(&file.0), None);
        file.0[12..16].copy_from_slice(&1u32.to_le_bytes());
        file.0[8] += 1;
        assert_eq!(check(&file.0), None);
    }
}
