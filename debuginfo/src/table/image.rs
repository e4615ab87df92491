//! The bytes of a table: an [`Image`] of these arrays.
//!
//! Who can forge a checksum can write wrong indices, and those read as unknown things.

use super::function::{Function, FunctionId};
use super::record::{
    EnumeratorRecord, FunctionRecord, MemberRecord, OffsetRecord, ParameterRecord, RangeRecord, TypeRecord,
    UnitRecord, VariableRecord,
};
use super::unit::{Unit, UnitId};
use super::variable::{Storage, Variable, VariableId};
use super::{Address, names};
use crate::image::strings::Pool;
use crate::image::{Format, Image, ImageError, Writer, number};
use memmap2::Mmap;
use zerocopy::{FromBytes, Immutable, KnownLayout};

pub(crate) const FORMAT: Format = Format { magic: *b"mcrxdbg\n", version: 2, sections: 13 };

/// The arrays, in the order of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Strings,
    Types,
    Members,
    Enumerators,
    Parameters,
    Variables,
    Functions,
    Ranges,
    Units,
    Offsets,
    TypeNames,
    VariableNames,
    FunctionNames,
}

/// The records before they become an image.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) types: Vec<TypeRecord>,
    pub(super) members: Vec<MemberRecord>,
    pub(super) enumerators: Vec<EnumeratorRecord>,
    pub(super) parameters: Vec<ParameterRecord>,
    pub(super) variables: Vec<VariableRecord>,
    pub(super) functions: Vec<FunctionRecord>,
    pub(super) ranges: Vec<RangeRecord>,
    pub(super) units: Vec<UnitRecord>,
    pub(super) offsets: Vec<OffsetRecord>,
    pub(super) type_names: Vec<u32>,
    pub(super) variable_names: Vec<u32>,
    pub(super) function_names: Vec<u32>,
}

impl Parts {
    /// How many bytes they will take.
    fn bytes(&self) -> usize {
        size_of_val(&*self.types)
            + size_of_val(&*self.members)
            + size_of_val(&*self.enumerators)
            + size_of_val(&*self.parameters)
            + size_of_val(&*self.variables)
            + size_of_val(&*self.functions)
            + size_of_val(&*self.ranges)
            + size_of_val(&*self.units)
            + size_of_val(&*self.offsets)
            + size_of_val(&*self.type_names)
            + size_of_val(&*self.variable_names)
            + size_of_val(&*self.function_names)
    }
}

/// What a binary's debug info says. See the module's documentation.
pub struct Table {
    image: Image,
}

impl Table {
    pub(super) fn from_parts(pool: Pool, parts: Parts, build_id: &[u8]) -> Table {
        let mut writer = Writer::new(&FORMAT, pool.bytes().len() + parts.bytes());
        // In the order of `Section`.
        writer.add(pool.bytes());
        drop(pool);
        writer.add_records(parts.types);
        writer.add_records(parts.members);
        writer.add_records(parts.enumerators);
        writer.add_records(parts.parameters);
        writer.add_records(parts.variables);
        writer.add_records(parts.functions);
        writer.add_records(parts.ranges);
        writer.add_records(parts.units);
        writer.add_records(parts.offsets);
        writer.add_records(parts.type_names);
        writer.add_records(parts.variable_names);
        writer.add_records(parts.function_names);
        Table { image: writer.finish(build_id) }
    }

    /// The bytes, to be written to a file.
    pub fn as_bytes(&self) -> &[u8] {
        self.image.as_bytes()
    }

    /// A table from a mapped file.
    pub fn from_map(map: Mmap) -> Result<Table, ImageError> {
        Ok(Table { image: Image::from_map(map, &FORMAT)? })
    }

    /// A table from bytes. They are copied.
    pub fn from_bytes(bytes: &[u8]) -> Result<Table, ImageError> {
        Ok(Table { image: Image::from_bytes(bytes, &FORMAT)? })
    }

    /// Of the binary that the table describes; empty where it has none.
    pub fn build_id(&self) -> &[u8] {
        self.image.build_id()
    }

    /// What tells this table from every other.
    pub(crate) fn checksum(&self) -> u64 {
        self.image.checksum()
    }

    fn records<T: FromBytes + Immutable + KnownLayout>(&self, section: Section) -> &[T] {
        self.image.records(section as usize)
    }

    pub(super) fn pool(&self) -> &[u8] {
        self.image.section(Section::Strings as usize)
    }

    pub(super) fn string(&self, offset: u32) -> &str {
        self.image.string(Section::Strings as usize, offset)
    }

    pub(super) fn type_records(&self) -> &[TypeRecord] {
        self.records(Section::Types)
    }

    pub(super) fn members(&self) -> &[MemberRecord] {
        self.records(Section::Members)
    }

    pub(super) fn enumerators(&self) -> &[EnumeratorRecord] {
        self.records(Section::Enumerators)
    }

    pub(super) fn parameters(&self) -> &[ParameterRecord] {
        self.records(Section::Parameters)
    }

    pub(super) fn offsets(&self) -> &[OffsetRecord] {
        self.records(Section::Offsets)
    }

    pub(super) fn type_names(&self) -> &[u32] {
        self.records(Section::TypeNames)
    }

    /// The unit with this number.
    pub fn unit(&self, id: UnitId) -> Option<Unit<'_>> {
        let record = self.records::<UnitRecord>(Section::Units).get(usize::try_from(id.0).ok()?)?;
        Some(Unit::new(self, id, *record))
    }

    /// All units.
    pub fn units(&self) -> impl ExactSizeIterator<Item = Unit<'_>> {
        let records = self.records::<UnitRecord>(Section::Units).iter();
        records.enumerate().map(|(index, record)| Unit::new(self, UnitId(number(index)), *record))
    }

    /// The variable with this number.
    pub fn variable(&self, id: VariableId) -> Option<Variable<'_>> {
        let record = self.records::<VariableRecord>(Section::Variables).get(usize::try_from(id.0).ok()?)?;
        Some(Variable::new(self, id, *record))
    }

    /// All variables: by storage, then address.
    pub fn variables(&self) -> impl ExactSizeIterator<Item = Variable<'_>> {
        let records = self.records::<VariableRecord>(Section::Variables).iter();
        records.enumerate().map(|(index, record)| Variable::new(self, VariableId(number(index)), *record))
    }

    /// The variables with this name, of all units.
    pub fn variables_named(&self, name: &str) -> impl Iterator<Item = Variable<'_>> {
        let records = self.records::<VariableRecord>(Section::Variables);
        let sorted = self.records::<u32>(Section::VariableNames);
        let name_of =
            |index| usize::try_from(index).ok().and_then(|index| records.get(index)).map_or(0, |r| r.name);
        let found = names::find(self.pool(), sorted, name, name_of);
        sorted.get(found).unwrap_or(&[]).iter().filter_map(|index| self.variable(VariableId(*index)))
    }

    /// The static variable that holds an address. Of several that share a place, the first one that reaches so far.
    pub fn variable_at(&self, address: Address) -> Option<Variable<'_>> {
        let records = self.records::<VariableRecord>(Section::Variables);
        let statics = records.partition_point(|record| record.storage == Storage::Static as u8);
        let before = records.get(..statics)?.partition_point(|record| record.address <= address.0);
        let start = records.get(before.checked_sub(1)?)?.address;
        let first = records.get(..before)?.partition_point(|record| record.address < start);
        (first..before).filter_map(|index| self.variable(VariableId(number(index)))).find(|variable| {
            let size = variable.ty().and_then(super::Type::size).unwrap_or(1).max(1);
            address.0 - start < size
        })
    }

    /// The function with this number.
    pub fn function(&self, id: FunctionId) -> Option<Function<'_>> {
        let record = self.records::<FunctionRecord>(Section::Functions).get(usize::try_from(id.0).ok()?)?;
        Some(Function::new(self, id, *record))
    }

    /// All functions, by address; those without code come first.
    pub fn functions(&self) -> impl ExactSizeIterator<Item = Function<'_>> {
        let records = self.records::<FunctionRecord>(Section::Functions).iter();
        records.enumerate().map(|(index, record)| Function::new(self, FunctionId(number(index)), *record))
    }

    /// The functions with this name, of all units.
    pub fn functions_named(&self, name: &str) -> impl Iterator<Item = Function<'_>> {
        let records = self.records::<FunctionRecord>(Section::Functions);
        let sorted = self.records::<u32>(Section::FunctionNames);
        let name_of =
            |index| usize::try_from(index).ok().and_then(|index| records.get(index)).map_or(0, |r| r.name);
        let found = names::find(self.pool(), sorted, name, name_of);
        sorted.get(found).unwrap_or(&[]).iter().filter_map(|index| self.function(FunctionId(*index)))
    }

    /// The function whose code holds an address, also in a part away from its entry. What was inlined there is not looked at.
    pub fn function_at(&self, address: Address) -> Option<Function<'_>> {
        let ranges = self.records::<RangeRecord>(Section::Ranges);
        let before = ranges.partition_point(|range| range.low <= address.0);
        let range = ranges.get(before.checked_sub(1)?)?;
        (address.0 < range.high).then(|| self.function(FunctionId(range.function)))?
    }

    /// The runs of code of all functions, by address.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = (Address, Address, FunctionId)> {
        let ranges = self.records::<RangeRecord>(Section::Ranges).iter();
        ranges.map(|range| (Address(range.low), Address(range.high), FunctionId(range.function)))
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Table").field("bytes", &self.as_bytes().len()).finish_non_exhaustive()
    }
}
