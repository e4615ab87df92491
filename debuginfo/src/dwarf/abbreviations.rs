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
        // To gimli, a table that is not there is one without entries.
        let table = table.filter(|table| !table.bytes.is_empty());
        let table = table.ok_or(gimli::Error::OffsetOutOfBounds(offset.try_into().unwrap_or(u64::MAX)))?;
        let parse = || DebugAbbrev::from(table.bytes).abbreviations(DebugAbbrevOffset(0)).map(Arc::new);
        table.parsed.get_or_init(parse).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimli::LittleEndian;

    /// Two tables that end: code 1, compile unit, no children, no attributes; and the same as a partial unit.
    const SECTION: [u8; 12] = [1, 0x11, 0, 0, 0, 0, 1, 0x3C, 0, 0, 0, 0];

    fn tables<'a>(section: &'a [u8], offsets: &[usize]) -> Tables<'a> {
        let (mut tables, section) = (Tables::default(), Slice::new(section, LittleEndian));
        offsets.iter().for_each(|offset| tables.want(0, &section, *offset));
        tables.seal();
        tables
    }

    #[test]
    fn units_of_one_offset_share_a_table() {
        let tables = tables(&SECTION, &[6, 0, 6, 0]);
        let (first, again) = (tables.get(0, 6).expect("parsed"), tables.get(0, 6).expect("parsed"));
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(first.get(1).map(|abbreviation| abbreviation.tag()), Some(gimli::DW_TAG_partial_unit));
        assert_eq!(tables.tables.len(), 2);
    }

    #[test]
    fn a_table_ends_where_the_next_begins() {
        // One table with an entry for every 5 bytes, and a unit for each of its entries.
        let mut section: Vec<u8> = (1..100).flat_map(|code| [code, 0x11, 0, 0, 0]).collect();
        section.push(0);
        let offsets: Vec<usize> = (0..99).map(|entry| entry * 5).collect();
        let tables = tables(&section, &offsets);
        let held: usize = tables.tables.iter().map(|table| table.bytes.len()).sum();
        assert_eq!(held, section.len());
        let first = tables.get(0, 0).expect("parsed");
        assert!(first.get(1).is_some() && first.get(2).is_none(), "it runs into the next one");
    }

    #[test]
    fn an_offset_past_the_end_is_an_error() {
        let tables = tables(&SECTION, &[100, usize::MAX]);
        assert!(tables.get(0, 100).is_err() && tables.get(0, usize::MAX).is_err());
        assert!(tables.get(0, 7).is_err(), "no unit has said so");
    }
}
