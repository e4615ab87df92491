//! Contains `unsafe`: caller tables, by which a site is followed through the wrappers above it.
//!
//! `MCRX_CALLERS` names a directory; for a module with build-id `0123ab`, the file `0123ab.callers` in it, laid out as
//! [`CallerTableHeader`] says, is mapped when the first call from that module is seen. A file that is not what it should be
//! is reported once and not used.
//!
//! Modules come and go. The entry of one that has gone ([`look_again`]) holds for no address, but keeps its table for when it is
//! loaded again, wherever that is.

use crate::abi::{CALLER_TABLE_MAGIC, CallerRow, CallerTableHeader, HookTableHeader, VERSION};
use crate::lock;
use crate::module::{self, BuildId, Loaded};
use crate::report::Message;
use crate::runtime;
use crate::settings::SETTINGS;
use crate::sync::{AtomicU32, AtomicU64, Field, Ordering};
use crate::sys;

/// No function has a frame of so many bytes: a stack ends before.
const FRAME_MAX: u32 = 1 << 20;
/// Modules whose tables are remembered. Programs load tens of files.
const TABLES: usize = 256;

struct Table {
    /// Where the module lies; 0 for an entry that was never used.
    start: AtomicU64,
    /// 0 while the module is not loaded. Written last.
    end: AtomicU64,
    /// Address of the first row; 0 for no table.
    rows: AtomicU64,
    count: AtomicU32,
}

#[expect(clippy::declare_interior_mutable_const, reason = "only the initialiser of the array below")]
const NO_TABLE: Table = Table {
    start: AtomicU64::new(0),
    end: AtomicU64::new(0),
    rows: AtomicU64::new(0),
    count: AtomicU32::new(0),
};
static KNOWN: [Table; TABLES] = [NO_TABLE; TABLES];

/// If `address` is the return address of a call inside an allocation wrapper: how many bytes above the stack pointer, as it is after
/// that call, the wrapper's own return address lies.
pub(crate) fn wrapper_at(address: u64) -> Option<u32> {
    if SETTINGS.callers.get() == 0 {
        return None;
    }
    for table in &KNOWN {
        let start = table.start.load(Ordering::Acquire);
        if start == 0 {
            break;
        }
        let end = table.end.load(Ordering::Acquire);
        // The entry may have become another place's in between.
        if address >= start && address < end && table.start.get() == start {
            return look_up(table, address - start);
        }
    }
    let loaded = module::loaded_at(address)?;
    look_up(add(&loaded)?, address.checked_sub(loaded.start)?)
}

fn look_up(table: &Table, offset: u64) -> Option<u32> {
    let rows = usize::try_from(table.rows.get()).ok()?;
    if rows == 0 {
        return None;
    }
    let count = usize::try_from(table.count.get()).ok()?;
    // SAFETY: `add` checked that this many rows lie in the mapping, which stays.
    let rows =
        unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance::<CallerRow>(rows), count) };
    let offset = u32::try_from(offset).ok()?;
    rows.binary_search_by_key(&offset, |row| row.offset)
        .ok()
        .and_then(|at| rows.get(at))
        .map(|row| row.return_at)
}

fn add(loaded: &Loaded) -> Option<&'static Table> {
    let _held = hold()?;
    // Another thread may have been here meanwhile.
    if let Some(table) =
        KNOWN.iter().find(|table| table.start.get() == loaded.start && table.end.get() == loaded.end)
    {
        return Some(table);
    }
    let gone = || KNOWN.iter().filter(|table| table.end.get() == 0);
    let table = match gone().find(|table| table.rows.get() != 0 && is_of(table, &loaded.build_id)) {
        Some(table) => table,
        None => {
            let free = gone().find(|table| table.rows.get() == 0)?;
            if let Some((rows, count)) = map(&loaded.build_id) {
                free.rows.set(rows);
                free.count.set(count);
            }
            free
        }
    };
    table.start.store(loaded.start, Ordering::Release);
    table.end.store(loaded.end, Ordering::Release);
    Some(table)
}

/// The lock of the sites, which callers do not hold: one that a forked child finds free, whoever held it in the parent.
fn hold() -> Option<lock::Guard<'static>> {
    runtime::mend_after_fork();
    runtime::home().map(|region| lock::lock(&region.header().site_lock))
}

/// Whether an entry with a table is for the module with this build-id: the table says so itself.
fn is_of(table: &Table, build_id: &BuildId) -> bool {
    let head = table.rows.get().wrapping_sub(size_of::<CallerTableHeader>() as u64);
    let head = core::ptr::with_exposed_provenance::<CallerTableHeader>(usize::try_from(head).unwrap_or(0));
    // SAFETY: rows are addresses right behind the head of a mapped table, which stays.
    let head = unsafe { &*head };
    usize::try_from(head.build_id_len) == Ok(build_id.len) && head.build_id == build_id.bytes
}

/// Modules may have gone: the entries of those that have hold no more.
pub(crate) fn look_again() {
    let Some(_held) = hold() else { return };
    for table in KNOWN.iter().filter(|table| table.end.get() != 0) {
        let start = table.start.get();
        let stays = module::loaded_at(start).is_some_and(|loaded| {
            loaded.start == start
                && loaded.end == table.end.get()
                && (table.rows.get() == 0 || is_of(table, &loaded.build_id))
        });
        if !stays {
            table.end.store(0, Ordering::Release);
        }
    }
}

const PATH_MAX: usize = 4096;

/// Maps the table of a build-id; returns where its rows are and how many.
fn map(build_id: &BuildId) -> Option<(u64, u32)> {
    tables_file(SETTINGS.directory_of_callers(), build_id, b".callers\0", check)
}

/// Maps the file of a build-id with an ending in a directory, and has it checked: `None` is reported, unless there is no such file.
pub(crate) fn tables_file<T>(
    directory: &[u8],
    build_id: &BuildId,
    ending_with_nul: &[u8],
    check: impl FnOnce(&'static [u8], &BuildId) -> Option<T>,
) -> Option<T> {
    let mut path = [0u8; PATH_MAX];
    let mut len = 0;
    let hex = build_id.as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let hex = hex.map(|digit| b"0123456789abcdef"[usize::from(digit)]);
    for byte in directory.iter().copied().chain(*b"/").chain(hex).chain(ending_with_nul.iter().copied()) {
        *path.get_mut(len)? = byte;
        len += 1;
    }
    let path = path.get(..len)?;
    let checked = match sys::map_file(path) {
        Ok(file) => check(file, build_id),
        // Most modules have none. And a program that has given up its rights loads libraries, too.
        Err(sys::Errno(libc::ENOENT | libc::EACCES)) => return None,
        Err(_) => None,
    };
    if checked.is_none() {
        Message::new()
            .text("ignored: ")
            .bytes(path.strip_suffix(b"\0").unwrap_or(path))
            .text(" is no table of this module")
            .send();
    }
    checked
}

fn check(file: &[u8], build_id: &BuildId) -> Option<(u64, u32)> {
    let (rows, count) = rows_in::<CallerRow>(file, build_id, CALLER_TABLE_MAGIC)?;
    make_sense(rows).then(|| (rows.as_ptr().addr() as u64, count))
}

/// The rows of a table and how many they are, if the file is one of this sort and version, for the module, and whole.
pub(crate) fn rows_in<'f, Row>(file: &'f [u8], build_id: &BuildId, magic: u64) -> Option<(&'f [u8], u32)> {
    // What tables of all sorts begin with.
    const _: () = assert!(size_of::<CallerTableHeader>() == size_of::<HookTableHeader>());
    let word = |at: usize| file.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    let sort = file.get(..8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes)?;
    let rows = file.get(size_of::<CallerTableHeader>()..)?;
    let count = word(12)?;
    let whole = rows.len() == usize::try_from(count).ok()?.checked_mul(size_of::<Row>())?;
    let same = usize::try_from(word(16)?).ok()? == build_id.len && file.get(24..56)? == build_id.bytes;
    let aligned = rows.as_ptr().addr().is_multiple_of(align_of::<Row>());
    (sort == magic && word(8)? == VERSION && whole && same && aligned).then_some((rows, count))
}

/// Whether rows are in order, and none leads far past any frame: what they say is followed blindly.
fn make_sense(rows: &[u8]) -> bool {
    let mut next = 0;
    rows.chunks_exact(size_of::<CallerRow>()).all(|row| {
        let word =
            |at: usize| row.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
        let (offset, return_at) = (word(0), word(4));
        let in_order = u64::from(offset) >= next;
        next = u64::from(offset) + 1;
        in_order && return_at < FRAME_MAX && return_at.is_multiple_of(8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: u32, id: &BuildId) -> Vec<u8> {
        let mut file = CALLER_TABLE_MAGIC.to_le_bytes().to_vec();
        for word in [VERSION, rows, u32::try_from(id.len).unwrap(), 0] {
            file.extend(word.to_le_bytes());
        }
        file.extend(id.bytes);
        for row in 1..=rows {
            file.extend((row * 16).to_le_bytes());
            file.extend(24u32.to_le_bytes());
        }
        file
    }

    fn id() -> BuildId {
        let mut bytes = [0; BuildId::MAX];
        bytes[..4].copy_from_slice(&[1, 2, 3, 4]);
        BuildId { bytes, len: 4 }
    }

    #[test]
    fn a_table_is_taken_only_whole_and_only_for_its_module() {
        let good = table(3, &id());
        assert_eq!(check(&good, &id()).map(|(_, rows)| rows), Some(3));
        assert_eq!(check(&good[..good.len() - 1], &id()), None, "cut");
        assert_eq!(check(&[], &id()), None, "empty");
        let other = BuildId { bytes: [9; BuildId::MAX], len: 4 };
        assert_eq!(check(&good, &other), None, "another module's");
        let mut newer = good.clone();
        newer[8] += 1;
        assert_eq!(check(&newer, &id()), None, "another version");
        let last = good.len() - 8;
        for (at, byte, what) in
            [(last, 1, "out of order"), (last + 4, 25, "unaligned"), (last + 7, 1, "a frame of 16 MiB")]
        {
            let mut wrong = good.clone();
            wrong[at] = byte;
            assert_eq!(check(&wrong, &id()), None, "{what}");
        }
        let mut huge = good;
        huge[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(check(&huge, &id()), None, "more rows than bytes");
    }
}
