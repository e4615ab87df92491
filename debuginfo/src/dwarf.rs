//! The units of a program's debug info, wherever they are: in its own file, in a supplementary one (dwz), in type units, in split
//! files (`.dwo`, `.dwp`), with one number for each and one way to follow a reference from any to any other.
//!
//! | section | of | units are |
//! |---|---|---|
//! | `.debug_info` | the program, or its debug file | compile, partial and type units, skeletons |
//! | `.debug_types` | the same | type units of DWARF 4 |
//! | `.debug_info` | the supplementary file | partial units |
//! | `.debug_info.dwo`, `.debug_types.dwo` | split files, in the order of their skeletons | what skeletons stand for, type units |
//!
//! [`UnitId`]s count them in this order, which depends on nothing but the files. Only headers are parsed by [`Binary::dwarf`]. A table of
//! abbreviations is parsed when its first unit is asked for, and then shared; all of it can be used from many threads at once.
//!
//! What it does not do: look into units (`load/` and `frames/` do), keep parsed units, follow chains of references: those may be
//! cyclic in a hostile file.

mod abbreviations;
mod error;
mod sections;
pub(crate) mod split;
pub(crate) mod supplementary;
mod unit;

pub use crate::table::UnitId;
pub use error::DwarfError;
pub use split::MissingSplit;
pub use unit::{Ranges, Unit};

use crate::file::Binary;
use abbreviations::Tables;
use gimli::{AttributeValue, DebugInfoOffset, Section, UnitHeader, UnitType};
use rustc_hash::FxHashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use supplementary::Supplementary;

/// Bytes of a section, as gimli takes them.
pub type Slice<'a> = gimli::EndianSlice<'a, gimli::LittleEndian>;

impl UnitId {
    fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    fn at(index: usize) -> Option<UnitId> {
        u32::try_from(index).ok().map(UnitId)
    }
}

/// An entry of the debug info: the unit that it is in, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DieRef {
    /// The unit.
    pub unit: UnitId,
    /// From the first byte of the unit's header, in bytes: `gimli::UnitOffset`.
    pub offset: u32,
}

/// What a unit is to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Complete in itself; by its first entry's tag it is a compile unit or a partial one, which others import.
    Whole,
    /// Holds one type, which others know by its signature.
    Type,
    /// Stands for a split unit, which is also among the units: a walk over all units leaves this one out.
    Skeleton {
        /// What it stands for.
        split: UnitId,
    },
    /// Stands for a split unit that was not found (see [`Dwarf::missing_splits`]).
    LoneSkeleton,
    /// What a skeleton stands for.
    Split {
        /// It has the addresses and the line table.
        skeleton: UnitId,
    },
}

/// All units of a program.
pub struct Dwarf<'a> {
    parts: Vec<Part<'a>>,
    units: Vec<Entry<'a>>,
    tables: Tables<'a>,
    /// Type units by signature.
    types: FxHashMap<u64, UnitId>,
    missing: Vec<MissingSplit>,
}

/// One set of sections that refer to each other by offsets.
struct Part<'a> {
    path: &'a Path,
    dwarf: Arc<gimli::Dwarf<Slice<'a>>>,
    /// Its units of `.debug_info`, by increasing offset.
    info: Range<usize>,
    /// Where its abbreviations are: the first part that has them in the same section, and that section.
    abbreviations: (usize, Slice<'a>),
}

struct Entry<'a> {
    header: UnitHeader<Slice<'a>, usize>,
    part: usize,
    role: Role,
}

impl<'a> Part<'a> {
    /// The key and offset of a unit's table of abbreviations.
    fn table_of(&self, header: &UnitHeader<Slice<'a>>) -> (usize, usize) {
        let (key, section) = &self.abbreviations;
        // In a package, a unit's offsets count from its own piece of the section.
        let base = self.dwarf.debug_abbrev.reader().offset_from(*section);
        (*key, base.saturating_add(header.debug_abbrev_offset().0))
    }
}

/// The parts that all programs have have these places among the parts.
const MAIN: usize = 0;
const SUPPLEMENTARY: usize = 1;

impl<'a> Dwarf<'a> {
    /// Finds all units of a program.
    pub(crate) fn load(binary: &'a Binary) -> Result<Dwarf<'a>, DwarfError> {
        let file = binary.with_debug_info();
        let mut main = sections::of_whole(file)?;
        let other = match binary.supplementary() {
            Supplementary::NotNeeded => None,
            Supplementary::Found(other) => Some((other.path(), Arc::new(sections::of_whole(other)?))),
            Supplementary::Missing(wanted) => {
                let (path, wanted) = (file.path().to_owned(), wanted.clone());
                return Err(DwarfError::SupplementaryMissing { path, wanted });
            }
        };
        main.sup = other.as_ref().map(|(_, other)| Arc::clone(other));
        let mut dwarf = Dwarf {
            parts: Vec::new(),
            units: Vec::new(),
            tables: Tables::default(),
            types: FxHashMap::default(),
            missing: Vec::new(),
        };
        let main = Arc::new(main);
        dwarf.add(file.path(), Arc::clone(&main))?;
        if let Some((path, other)) = other {
            dwarf.add(path, other)?;
        }
        dwarf.tables.seal();
        dwarf.add_split(binary, &main)?;
        Ok(dwarf)
    }

    /// Adds all units of a file that is not split.
    fn add(&mut self, path: &'a Path, dwarf: Arc<gimli::Dwarf<Slice<'a>>>) -> Result<(), DwarfError> {
        let part = self.add_part(path, dwarf);
        let dwarf = Arc::clone(&self.parts[part].dwarf);
        let start = self.units.len();
        let mut headers = unit::headers(path, ".debug_info", dwarf.units());
        while let Some(header) = headers.next()? {
            self.push(header, part)?;
        }
        self.parts[part].info = start..self.units.len();
        let mut headers = unit::headers(path, ".debug_types", dwarf.type_units());
        while let Some(header) = headers.next()? {
            self.push(header, part)?;
        }
        Ok(())
    }

    fn add_part(&mut self, path: &'a Path, dwarf: Arc<gimli::Dwarf<Slice<'a>>>) -> usize {
        let index = self.parts.len();
        let abbreviations = (index, *dwarf.debug_abbrev.reader());
        self.parts.push(Part { path, dwarf, info: 0..0, abbreviations });
        index
    }

    fn push(&mut self, header: UnitHeader<Slice<'a>>, part: usize) -> Result<UnitId, DwarfError> {
        let Some(id) = UnitId::at(self.units.len()) else {
            return Err(unit::too_large(self.parts[part].path, &header));
        };
        let role = match header.type_() {
            UnitType::Type { type_signature, .. } | UnitType::SplitType { type_signature, .. } => {
                self.types.entry(type_signature.0).or_insert(id);
                Role::Type
            }
            UnitType::Skeleton(_) => Role::LoneSkeleton,
            UnitType::Compilation | UnitType::Partial | UnitType::SplitCompilation(_) => Role::Whole,
        };
        let (key, offset) = self.parts[part].table_of(&header);
        self.tables.want(key, &self.parts[part].abbreviations.1, offset);
        self.units.push(Entry { header, part, role });
        Ok(id)
    }

    /// The sections of the program itself, or of its debug file: what its units, skeletons among them, are read with.
    pub fn main(&self) -> &Arc<gimli::Dwarf<Slice<'a>>> {
        &self.parts[MAIN].dwarf
    }

    /// How many there are; their ids are all below.
    pub fn unit_count(&self) -> usize {
        self.units.len()
    }

    /// All of them, in order.
    pub fn unit_ids(&self) -> impl DoubleEndedIterator<Item = UnitId> + ExactSizeIterator + use<> {
        // `push` sees to it that all have one.
        (0..u32::try_from(self.units.len()).unwrap_or(u32::MAX)).map(UnitId)
    }

    /// The header of one of these units. Panics on the id of another program's.
    pub fn header(&self, id: UnitId) -> &UnitHeader<Slice<'a>> {
        &self.units[id.index()].header
    }

    /// What one of these units is to the others. Panics on the id of another program's.
    pub fn role(&self, id: UnitId) -> Role {
        self.units[id.index()].role
    }

    /// Whether some of it is in files of its own (`.dwo`, `.dwp`), or should be.
    pub(crate) fn is_split(&self) -> bool {
        self.unit_ids().any(|id| matches!(self.role(id), Role::Skeleton { .. } | Role::LoneSkeleton))
    }

    /// The file that one of these units is in. Panics on the id of another program's.
    pub fn file(&self, id: UnitId) -> &'a Path {
        self.part_of(id).path
    }

    /// Split units that are not there: what they describe is not known.
    pub fn missing_splits(&self) -> &[MissingSplit] {
        &self.missing
    }

    /// A unit ready to be read: its abbreviations and what its first entry says of the unit. Panics on the id of another program's.
    pub fn unit(&self, id: UnitId) -> Result<Unit<'a>, DwarfError> {
        let unit = self.parsed(id)?;
        let dwarf = Arc::clone(&self.part_of(id).dwarf);
        let Role::Split { skeleton } = self.role(id) else {
            return Ok(Unit { id, dwarf, unit, skeleton: None });
        };
        let skeleton = (Arc::clone(&self.part_of(skeleton).dwarf), self.parsed(skeleton)?);
        Ok(Unit::of_split(id, dwarf, unit, skeleton))
    }

    fn parsed(&self, id: UnitId) -> Result<gimli::Unit<Slice<'a>>, DwarfError> {
        let (entry, part) = (&self.units[id.index()], self.part_of(id));
        let (key, offset) = part.table_of(&entry.header);
        let abbreviations = self.tables.get(key, offset);
        let unit = abbreviations
            .and_then(|parsed| gimli::Unit::new_with_abbreviations(&part.dwarf, entry.header, parsed));
        unit.map_err(|source| unit::damaged(part.path, &entry.header, source))
    }

    fn part_of(&self, id: UnitId) -> &Part<'a> {
        &self.parts[self.units[id.index()].part]
    }

    /// The entry that an attribute of a unit's entry refers to. None: the attribute is no reference, or leads nowhere.
    pub fn resolve(&self, from: &Unit<'a>, value: AttributeValue<Slice<'a>>) -> Option<DieRef> {
        match value {
            AttributeValue::UnitRef(offset) => {
                let offset = offset.is_in_bounds(&from.unit.header).then_some(offset.0)?;
                Some(DieRef { unit: from.id, offset: u32::try_from(offset).ok()? })
            }
            AttributeValue::DebugInfoRef(offset) => {
                self.locate(self.units.get(from.id.index())?.part, offset)
            }
            AttributeValue::DebugInfoRefSup(offset) => self.locate(SUPPLEMENTARY, offset),
            AttributeValue::DebugTypesRef(signature) => {
                let unit = *self.types.get(&signature.0)?;
                match self.header(unit).type_() {
                    UnitType::Type { type_offset, .. } | UnitType::SplitType { type_offset, .. } => {
                        Some(DieRef { unit, offset: u32::try_from(type_offset.0).ok()? })
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What lies at an offset of a part's `.debug_info`.
    fn locate(&self, part: usize, offset: DebugInfoOffset) -> Option<DieRef> {
        let part = self.parts.get(part)?;
        let units = self.units.get(part.info.clone())?;
        let after = units
            .partition_point(|unit| unit.header.debug_info_offset().is_some_and(|start| start.0 <= offset.0));
        let index = after.checked_sub(1)?;
        let offset = offset.to_unit_offset(&units.get(index)?.header)?;
        Some(DieRef { unit: UnitId::at(part.info.start + index)?, offset: u32::try_from(offset.0).ok()? })
    }
}
