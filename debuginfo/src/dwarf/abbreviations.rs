//! Tables of abbreviations: each parsed once, when it is first needed, and shared by the units that name it.
//!
//! A table ends where the next one that some unit names begins, at the latest. So all of them together cost what the section has in
//! bytes, even if a hostile file has a unit for each byte of one long table.

use super::Slice;
use gimli::{Abbreviations, DebugAbbrev, DebugAbbrevOffset, Reader};
use std::sync::{Arc, OnceLock};

#[derive(Default)]
pub(super) struct Tables<'a> {
    /// Sorted by section and offset, after [`Tables::seal`].
    tables: Vec<Table<'a>>,
}

struct Table<'a> {
    key: usize,
    offset: usize,
    /// The section from the offset on; after sealing, to the next table.
    bytes: Slice<'a>,
    parsed: OnceLock<gimli::Result<Arc<Abbreviations>>>,
}

impl<'a> Tables<'a> {
    /// Says that a unit has its abbreviations at an offset of a section, which `key` stands for.
    pub(super) fn want(&mut self, key: usize, section: &Slice<'a>, offset: usize) {
        // Units that share a table mostly follow each other.
        if self.tables.last().is_some_and(|last| last.key == key && last.offset == offset) {
            return;
        }
        let mut bytes = *section;
        if bytes.skip(offset).is_err() {
            bytes.empty();
        }
        self.tables.push(Table { key, offset, bytes, parsed: OnceLock::new() });
    }

    /// After the last unit of some parts.
    pub(super) fn seal(&mut self) {
        self.tables.sort_by_key(|table| (table.key, table.offset));
        self.tables.dedup_by_key(|table| (table.key, table.offset));
        for index in 1..self.tables.len() {
            let (before, after) = self.tables.split_at_mut(index);
            let (Some(table), Some(next)) = (before.last_mut(), after.first()) else { continue };
            if table.key == next.key {
                // Shorter already, if its offset is past the end.
                let _ = table.bytes.truncate((next.offset - table.offset).min(table.bytes.len()));
            }
        }
    }

    pub(super) fn get(&self, key: usize, offset: usize) -> gimli::Result<Arc<Abbreviations>> {
        let found = self.tables.binary_search_by_key(&(key, offset), |table| (table.key, table.offset));
        let table = found.ok().and_then(|index| self.tables.get(index));
        let table = table.ok_or(gimli::Error::OffsetOutOfBounds(offset.try_into().unwrap_or(u64::MAX)))?;
        let parse = || DebugAbbrev::from(table.bytes).abbreviations(DebugAbbrevOffset(0)).map(Arc::new);
        table.parsed.get_or_init(parse).clone()
    }
}
