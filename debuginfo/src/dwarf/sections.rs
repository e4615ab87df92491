//! The sections of a file as gimli reads them.

use super::{DwarfError, Slice};
use crate::file::elf::{Elf, Section};
use gimli::{LittleEndian, SectionId};

/// Those that compilers compress and that are nearly always read.
const LARGE: [&str; 10] = [
    ".debug_info",
    ".debug_abbrev",
    ".debug_str",
    ".debug_line",
    ".debug_line_str",
    ".debug_loclists",
    ".debug_rnglists",
    ".debug_loc",
    ".debug_ranges",
    ".debug_types",
];

/// All of a program, a debug file or a supplementary file.
pub(super) fn of_whole(elf: &Elf) -> Result<gimli::Dwarf<Slice<'_>>, DwarfError> {
    elf.inflate(&LARGE);
    gimli::Dwarf::load(|id| named(elf, id.name()))
}

/// All of a `.dwo` file.
pub(super) fn of_split(elf: &Elf) -> Result<gimli::Dwarf<Slice<'_>>, DwarfError> {
    gimli::Dwarf::load(|id| id.dwo_name().map_or(Ok(Slice::default()), |name| named(elf, name)))
}

/// All sections of a name. Compilers put each type unit of a `.dwo` file into a section of its own, for linkers of whole object files to
/// leave doubles out by.
pub(super) fn all<'a>(elf: &'a Elf, name: &'static str) -> Result<Vec<Slice<'a>>, DwarfError> {
    elf.debug_sections(name).map(|section| read(elf, section, name)).collect()
}

/// A section; empty if the file has none of this name.
pub(super) fn named<'a>(elf: &'a Elf, name: &'static str) -> Result<Slice<'a>, DwarfError> {
    elf.debug_section(name).map_or(Ok(Slice::new(&[], LittleEndian)), |section| read(elf, section, name))
}

fn read<'a>(elf: &'a Elf, section: &'a Section, name: &'static str) -> Result<Slice<'a>, DwarfError> {
    let failed = |source| DwarfError::Section { path: elf.path().to_owned(), section: name, source };
    Ok(Slice::new(elf.data(section).map_err(failed)?, LittleEndian))
}

/// A section of a package; empty if it has none of this kind.
pub(super) fn of_package<'a>(elf: &'a Elf, id: SectionId) -> Result<Slice<'a>, DwarfError> {
    id.dwo_name().map_or(Ok(Slice::new(&[], LittleEndian)), |name| named(elf, name))
}
