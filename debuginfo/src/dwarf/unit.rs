//! One unit, ready to be read, and the headers of many.

use super::{DwarfError, Slice, UnitId};
use gimli::{DebuggingInformationEntry, UnitHeader, UnitRef};
use std::path::Path;
use std::sync::Arc;

/// A unit with its abbreviations, and the sections that it refers to.
///
/// A split unit has the addresses of its skeleton already (`addr_base`, `low_pc`); its lines and its ranges of code are the skeleton's:
/// [`Unit::lines`], [`Unit::code`].
pub struct Unit<'a> {
    /// Its number.
    pub id: UnitId,
    /// The sections to use with it.
    pub dwarf: Arc<gimli::Dwarf<Slice<'a>>>,
    /// What its first entry says of the whole. (The type of offsets is spelt out for the borrow checker: by default it would make the
    /// lifetime invariant.)
    pub unit: gimli::Unit<Slice<'a>, usize>,
    pub(super) skeleton: Option<Box<Skeleton<'a>>>,
}

/// The sections of the program, and the unit in them that stands for a split one.
pub(super) type Skeleton<'a> = (Arc<gimli::Dwarf<Slice<'a>>>, gimli::Unit<Slice<'a>, usize>);

impl<'a> Unit<'a> {
    pub(super) fn of_split(
        id: UnitId,
        dwarf: Arc<gimli::Dwarf<Slice<'a>>>,
        mut unit: gimli::Unit<Slice<'a>>,
        skeleton: Skeleton<'a>,
    ) -> Unit<'a> {
        unit.copy_relocated_attributes(&skeleton.1);
        unit.comp_dir = unit.comp_dir.or(skeleton.1.comp_dir);
        unit.name = unit.name.or(skeleton.1.name);
        // gcc writes a table of file names into the split file; clang leaves all to the skeleton's.
        if unit.line_program.is_none() {
            unit.line_program.clone_from(&skeleton.1.line_program);
        }
        Unit { id, dwarf, unit, skeleton: Some(Box::new(skeleton)) }
    }

    /// The unit with the sections to use with it, as most of gimli's functions want them.
    pub fn unit_ref(&self) -> UnitRef<'_, Slice<'a>> {
        self.unit.unit_ref(&self.dwarf)
    }

    /// The ranges of code of one of its entries. For files that cannot be trusted: gimli's `die_ranges` overflows on some.
    pub fn ranges(&self, entry: &DebuggingInformationEntry<Slice<'a>>) -> gimli::Result<Ranges<'a>> {
        ranges(self.unit_ref(), entry)
    }

    /// The ranges of all its code; of a split unit its skeleton's.
    pub fn code(&self) -> gimli::Result<Ranges<'a>> {
        let unit = self.lines();
        let root = unit.entry(unit.header.root_offset())?;
        ranges(unit, &root)
    }

    /// The unit that has the ranges of code and the line table, with the sections of those: the skeleton of a split unit, of others the
    /// unit itself.
    pub fn lines(&self) -> UnitRef<'_, Slice<'a>> {
        self.skeleton.as_ref().map_or_else(|| self.unit_ref(), |skeleton| skeleton.1.unit_ref(&skeleton.0))
    }
}

/// The ranges of code of an entry.
pub enum Ranges<'a> {
    /// At most one, from `DW_AT_low_pc` and `DW_AT_high_pc`.
    One(Option<gimli::Range>),
    /// As many as `DW_AT_ranges` lists.
    List(gimli::RngListIter<Slice<'a>>),
}

impl Iterator for Ranges<'_> {
    type Item = gimli::Result<gimli::Range>;

    fn next(&mut self) -> Option<gimli::Result<gimli::Range>> {
        match self {
            Ranges::One(range) => range.take().map(Ok),
            Ranges::List(list) => list.next().transpose(),
        }
    }
}

fn ranges<'a>(
    unit: UnitRef<'_, Slice<'a>>,
    entry: &DebuggingInformationEntry<Slice<'a>>,
) -> gimli::Result<Ranges<'a>> {
    if let Some(list) =
        entry.attr_value(gimli::DW_AT_ranges).map(|list| unit.attr_ranges(list)).transpose()?.flatten()
    {
        return Ok(Ranges::List(list));
    }
    let address = |name| match entry.attr_value(name) {
        Some(value) => unit.attr_address(value),
        None => Ok(None),
    };
    let Some(begin) = address(gimli::DW_AT_low_pc)? else { return Ok(Ranges::One(None)) };
    // A constant is a size; one that leads out of the address space is none.
    let size = entry.attr_value(gimli::DW_AT_high_pc).and_then(|value| value.udata_value());
    let end = match size {
        Some(size) => begin.checked_add(size),
        None => address(gimli::DW_AT_high_pc)?,
    };
    let range = end.filter(|end| begin < *end).map(|end| gimli::Range { begin, end });
    Ok(Ranges::One(range))
}

/// Headers of units one after the other, and where the first damaged one is.
pub(super) struct Headers<'p, I> {
    path: &'p Path,
    section: &'static str,
    next: usize,
    headers: I,
}

pub(super) fn headers<'p, I>(path: &'p Path, section: &'static str, headers: I) -> Headers<'p, I> {
    Headers { path, section, next: 0, headers }
}

impl<'a, I: Iterator<Item = gimli::Result<UnitHeader<Slice<'a>>>>> Headers<'_, I> {
    pub(super) fn next(&mut self) -> Result<Option<UnitHeader<Slice<'a>>>, DwarfError> {
        let header = match self.headers.next() {
            None => return Ok(None),
            Some(Ok(header)) => header,
            Some(Err(source)) => {
                let (path, section) = (self.path.to_owned(), self.section);
                let offset = u64::try_from(self.next).unwrap_or(u64::MAX);
                return Err(DwarfError::Damaged { path, section, offset, source });
            }
        };
        check_length(self.path, &header)?;
        self.next = self.next.saturating_add(header.length_including_self());
        Ok(Some(header))
    }
}

/// Offsets in units are kept in 4 bytes.
pub(super) fn check_length(path: &Path, header: &UnitHeader<Slice<'_>>) -> Result<(), DwarfError> {
    match u32::try_from(header.length_including_self()) {
        Ok(_) => Ok(()),
        Err(_) => Err(too_large(path, header)),
    }
}

pub(super) fn damaged(path: &Path, header: &UnitHeader<Slice<'_>>, source: gimli::Error) -> DwarfError {
    DwarfError::Damaged {
        path: path.to_owned(),
        section: header.section().name(),
        offset: start(header),
        source,
    }
}

pub(super) fn too_large(path: &Path, header: &UnitHeader<Slice<'_>>) -> DwarfError {
    let length = u64::try_from(header.length_including_self()).unwrap_or(u64::MAX);
    let (path, section) = (path.to_owned(), header.section().name());
    DwarfError::TooLarge { path, section, offset: start(header), length }
}

fn start(header: &UnitHeader<Slice<'_>>) -> u64 {
    let offset = header.debug_info_offset().map(|offset| offset.0);
    let offset = offset.or_else(|| header.debug_types_offset().map(|offset| offset.0));
    offset.and_then(|offset| u64::try_from(offset).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_can_be_taken_for_one_of_a_shorter_life() {
        // This only needs to compile.
        fn _shorter<'a: 'b, 'b>(unit: &'b Unit<'a>) -> &'b Unit<'b> {
            unit
        }
    }

    #[test]
    fn many_threads_can_read_one_program() {
        fn is_shared<T: Send + Sync>() {}
        is_shared::<crate::file::Binary>();
        is_shared::<super::super::Dwarf<'_>>();
        is_shared::<Unit<'_>>();
    }
}
