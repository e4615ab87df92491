//! The bytes of a table: a header, then arrays of records, each at a multiple of 16.
//!
//! ```text
//!    0  magic "mcrxdbg\n"
//!    8  version, length of the build-id
//!   16  checksum of all that follows (XXH3, 64 bits)
//!   24  length of the whole
//!   32  build-id, padded with 0 to 64 bytes
//!   96  for each array: where it begins, its length in bytes
//!  ...  the arrays
//! ```
//!
//! A file is checked whole when it is opened. That finds every accident; who can forge a checksum can write wrong indices, and those
//! read as unknown things.

use super::function::{Function, FunctionId};
use super::record::{
    EnumeratorRecord, FunctionRecord, MemberRecord, OffsetRecord, ParameterRecord, RangeRecord, TypeRecord,
    UnitRecord, VariableRecord,
};
use super::strings::{self, Pool};
use super::unit::{Unit, UnitId};
use super::variable::{Storage, Variable, VariableId};
use super::{Address, names};
use memmap2::Mmap;
use twox_hash::XxHash3_64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Of the format. A table of another version is made anew, never converted.
pub const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"mcrxdbg\n";

/// The longest build-id that fits. Linkers write 8 to 32 bytes.
const LONGEST_BUILD_ID: usize = 64;

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

const SECTIONS: usize = 13;

#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Extent {
    offset: u64,
    len: u64,
}

#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    magic: [u8; 8],
    version: u32,
    build_id_len: u32,
    checksum: u64,
    len: u64,
    build_id: [u8; LONGEST_BUILD_ID],
    sections: [Extent; SECTIONS],
}

/// What the checksum covers begins behind it.
const CHECKED_FROM: usize = 24;

/// Why bytes are no table.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ImageError {
    /// Shorter than it says, or than a header.
    #[error("it ends early")]
    Truncated,
    /// Another sort of file.
    #[error("it is no table of debug info")]
    Foreign,
    /// Made by another release of mcrx.
    #[error("it has version {found} of the format; this mcrx reads version {VERSION}")]
    Version {
        /// The file's.
        found: u32,
    },
    /// Some byte has changed since it was written.
    #[error("its checksum is wrong")]
    Corrupt,
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

#[derive(Debug)]
enum Bytes {
    Made(Vec<u64>),
    Mapped(Mmap),
}

impl Bytes {
    fn get(&self) -> &[u8] {
        match self {
            Bytes::Made(words) => words.as_bytes(),
            Bytes::Mapped(map) => map,
        }
    }
}

/// What a binary's debug info says. See the module's documentation.
pub struct Table {
    bytes: Bytes,
}

impl Table {
    pub(super) fn from_parts(pool: Pool, parts: Parts, build_id: &[u8]) -> Table {
        let mut writer = Writer::new(pool.bytes().len() + parts.bytes());
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
        Table { bytes: Bytes::Made(writer.finish(build_id)) }
    }

    /// The bytes, to be written to a file.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get()
    }

    /// A table from a mapped file.
    pub fn from_map(map: Mmap) -> Result<Table, ImageError> {
        let table = Table { bytes: Bytes::Mapped(map) };
        table.check()?;
        Ok(table)
    }

    /// A table from bytes. They are copied.
    pub fn from_bytes(bytes: &[u8]) -> Result<Table, ImageError> {
        if !bytes.len().is_multiple_of(8) {
            return Err(ImageError::Truncated);
        }
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        words.as_mut_bytes().iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        let table = Table { bytes: Bytes::Made(words) };
        table.check()?;
        Ok(table)
    }

    fn check(&self) -> Result<(), ImageError> {
        let bytes = self.bytes.get();
        let magic = bytes.get(..MAGIC.len()).ok_or(ImageError::Truncated)?;
        if magic != MAGIC {
            return Err(ImageError::Foreign);
        }
        let (header, _) = Header::read_from_prefix(bytes).map_err(|_| ImageError::Truncated)?;
        if header.version != VERSION {
            return Err(ImageError::Version { found: header.version });
        }
        if usize::try_from(header.len) != Ok(bytes.len()) {
            return Err(ImageError::Truncated);
        }
        let checked = bytes.get(CHECKED_FROM..).unwrap_or(&[]);
        if XxHash3_64::oneshot(checked) != header.checksum {
            return Err(ImageError::Corrupt);
        }
        Ok(())
    }

    fn header(&self) -> Option<&Header> {
        Some(Header::ref_from_prefix(self.bytes.get()).ok()?.0)
    }

    /// Of the binary that the table describes; empty where it has none.
    pub fn build_id(&self) -> &[u8] {
        let Some(header) = self.header() else { return &[] };
        usize::try_from(header.build_id_len).ok().and_then(|len| header.build_id.get(..len)).unwrap_or(&[])
    }

    fn section(&self, section: Section) -> &[u8] {
        let find = || {
            let extent = self.header()?.sections.get(section as usize)?;
            let start = usize::try_from(extent.offset).ok()?;
            let end = start.checked_add(usize::try_from(extent.len).ok()?)?;
            self.bytes.get().get(start..end)
        };
        find().unwrap_or(&[])
    }

    fn records<T: FromBytes + Immutable + KnownLayout>(&self, section: Section) -> &[T] {
        <[T]>::ref_from_bytes(self.section(section)).unwrap_or(&[])
    }

    pub(super) fn pool(&self) -> &[u8] {
        self.section(Section::Strings)
    }

    pub(super) fn string(&self, offset: u32) -> &str {
        std::str::from_utf8(strings::at(self.pool(), offset)).unwrap_or("")
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
        out.debug_struct("Table").field("bytes", &self.bytes.get().len()).finish_non_exhaustive()
    }
}

/// A part of an array of records; empty where the array does not hold all of it.
pub(super) fn part<T>(records: &[T], first: u32, count: u32) -> &[T] {
    let find = || {
        let first = usize::try_from(first).ok()?;
        records.get(first..first.checked_add(usize::try_from(count).ok()?)?)
    };
    find().unwrap_or(&[])
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Puts arrays behind a header.
struct Writer {
    words: Vec<u64>,
    sections: [Extent; SECTIONS],
    next: usize,
}

impl Writer {
    /// `bytes`: of all arrays, so that room is made once.
    fn new(bytes: usize) -> Writer {
        let header = size_of::<Header>().div_ceil(16) * 2;
        let mut words = Vec::with_capacity(header + bytes / 8 + SECTIONS * 2);
        words.resize(header, 0);
        Writer { words, sections: [Extent { offset: 0, len: 0 }; SECTIONS], next: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        let start = self.words.len();
        self.words.resize(start + bytes.len().div_ceil(16) * 2, 0);
        if let Some((to, _)) =
            self.words.get_mut(start..).and_then(|rest| rest.as_mut_bytes().split_at_mut_checked(bytes.len()))
        {
            to.copy_from_slice(bytes);
        }
        if let Some(section) = self.sections.get_mut(self.next) {
            *section = Extent { offset: wide(start * 8), len: wide(bytes.len()) };
        }
        self.next += 1;
    }

    /// By value, so that the records are freed as soon as they are copied.
    fn add_records<T: IntoBytes + Immutable>(&mut self, records: Vec<T>) {
        self.add(records.as_bytes());
    }

    fn finish(mut self, build_id: &[u8]) -> Vec<u64> {
        let mut header = Header {
            magic: MAGIC,
            version: VERSION,
            build_id_len: number(build_id.len().min(LONGEST_BUILD_ID)),
            checksum: 0,
            len: wide(self.words.len() * 8),
            build_id: [0; LONGEST_BUILD_ID],
            sections: self.sections,
        };
        header.build_id.iter_mut().zip(build_id).for_each(|(to, from)| *to = *from);
        self.put(&header);
        header.checksum = XxHash3_64::oneshot(self.words.as_bytes().get(CHECKED_FROM..).unwrap_or(&[]));
        self.put(&header);
        self.words
    }

    fn put(&mut self, header: &Header) {
        if let Some(place) = self.words.as_mut_bytes().get_mut(..size_of::<Header>()) {
            place.copy_from_slice(header.as_bytes());
        }
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
