//! Compilation units.

use super::image::Table;
use super::record::UnitRecord;
use super::types::{Type, TypeId};
use crate::image::part;

/// A unit, by its place among all units of a program: see [`crate::dwarf`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId(pub u32);

/// A compilation unit: one run of the compiler over one main source file.
#[derive(Clone, Copy)]
pub struct Unit<'t> {
    table: &'t Table,
    id: UnitId,
    record: UnitRecord,
}

impl<'t> Unit<'t> {
    pub(super) fn new(table: &'t Table, id: UnitId, record: UnitRecord) -> Unit<'t> {
        Unit { table, id, record }
    }

    /// Its number.
    pub fn id(&self) -> UnitId {
        self.id
    }

    /// The main source file, as it was given to the compiler.
    pub fn name(&self) -> &'t str {
        self.table.string(self.record.name)
    }

    /// The folder that the compiler ran in.
    pub fn folder(&self) -> &'t str {
        self.table.string(self.record.folder)
    }

    /// The compiler, its version and options, as it writes them.
    pub fn producer(&self) -> &'t str {
        self.table.string(self.record.producer)
    }

    /// `DW_LANG_*`.
    pub fn language(&self) -> u16 {
        self.record.language
    }

    /// Of DWARF.
    pub fn dwarf_version(&self) -> u16 {
        self.record.version
    }

    /// The type that a DIE of this unit became. `die` counts from the start of the unit.
    pub fn type_at(&self, die: u32) -> Option<Type<'t>> {
        let offsets = self.offsets();
        let found = offsets.binary_search_by_key(&die, |offset| offset.die).ok()?;
        self.table.ty(TypeId(offsets.get(found)?.target))
    }

    /// Every type that the unit knows, some of them more than once.
    pub fn types(&self) -> impl Iterator<Item = Type<'t>> + use<'t> {
        let table = self.table;
        self.offsets().iter().filter_map(move |offset| table.ty(TypeId(offset.target)))
    }

    fn offsets(&self) -> &'t [super::record::OffsetRecord] {
        part(self.table.offsets(), self.record.first, self.record.count)
    }
}

impl std::fmt::Debug for Unit<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Unit({} {:?})", self.id.0, self.name())
    }
}
