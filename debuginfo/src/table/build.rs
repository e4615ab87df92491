//! Making a table: records are added in any order, and [`Builder::finish`] sorts and indexes them.

use super::function::{FunctionFlags, FunctionId};
use super::image::{Parts, Table};
use super::record::{
    Encoding, EnumeratorRecord, FunctionRecord, MemberRecord, NONE, OffsetRecord, ParameterRecord,
    RangeRecord, TypeFlags, TypeRecord, UNKNOWN, UnitRecord, VariableRecord,
};
use super::types::{Tag, TypeId};
use super::unit::UnitId;
use super::variable::Storage;
use super::{Address, names};
use crate::image::strings::{Pool, StringId};

/// Where an entry is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Placement {
    /// The file's path.
    pub file: StringId,
    /// 0: not said.
    pub line: u32,
}

/// A type to add. `None` in a number means unknown, in a reference `void`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeEntry {
    /// What sort of type.
    pub tag: Tag,
    /// As written; with its namespaces.
    pub name: StringId,
    /// Bytes.
    pub size: Option<u64>,
    /// Of an array: how many elements; `None`: as many as there is room for.
    pub extent: Option<u64>,
    /// The type below.
    pub target: Option<TypeId>,
    /// Where it was first seen.
    pub unit: UnitId,
    /// Where it is declared.
    pub declared: Placement,
    /// Of a base type.
    pub encoding: Encoding,
    /// What else.
    pub flags: TypeFlags,
}

/// A member, or a base class, of the type added last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberEntry {
    /// None: anonymous.
    pub name: StringId,
    /// Its type; `None` only where the debug info is damaged.
    pub target: Option<TypeId>,
    /// From the start of the structure.
    pub bit_offset: u64,
    /// Of a bit-field; 0: none.
    pub bit_size: u32,
    /// 0, or the variant it belongs to, from 1.
    pub variant: u16,
    /// A base class.
    pub is_base: bool,
}

/// A variable with a place of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariableEntry {
    /// As written.
    pub name: StringId,
    /// The symbol, where it differs.
    pub linkage_name: StringId,
    /// Its type.
    pub target: Option<TypeId>,
    /// Where it is defined.
    pub unit: UnitId,
    /// Of a static local: its function.
    pub function: Option<FunctionId>,
    /// Where it is declared.
    pub declared: Placement,
    /// What `address` counts from.
    pub storage: Storage,
    /// As linked; of a thread-local one: the offset in the module's block.
    pub address: Address,
    /// Visible outside its unit.
    pub external: bool,
}

/// A function. Its code goes to [`Builder::add_range`], its parameters to [`Builder::add_function_parameter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionEntry {
    /// As written; with its namespaces.
    pub name: StringId,
    /// The symbol, where it differs.
    pub linkage_name: StringId,
    /// `None`: void.
    pub returns: Option<TypeId>,
    /// Where it is defined.
    pub unit: UnitId,
    /// Its DIE, from the start of its unit.
    pub die: u32,
    /// Where it is declared.
    pub declared: Placement,
    /// First address and end of the run that it begins at; `None`: no code of its own.
    pub code: Option<(Address, Address)>,
    /// Visible outside its unit.
    pub external: bool,
    /// Only declared here, defined elsewhere.
    pub declaration: bool,
    /// Does not return.
    pub noreturn: bool,
}

/// A compilation unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnitEntry {
    /// The main source file.
    pub name: StringId,
    /// The folder the compiler ran in.
    pub folder: StringId,
    /// The compiler and its options.
    pub producer: StringId,
    /// `DW_LANG_*`.
    pub language: u16,
    /// Of DWARF.
    pub version: u16,
}

/// A table in the making.
#[derive(Debug)]
pub struct Builder {
    pool: Pool,
    parts: Parts,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// An empty one.
    pub fn new() -> Builder {
        Builder { pool: Pool::new(), parts: Parts::default() }
    }

    /// The string's id; equal strings have equal ids. Bytes that are no UTF-8 are replaced.
    pub fn string(&mut self, text: &[u8]) -> StringId {
        match std::str::from_utf8(text) {
            Ok(_) => self.pool.intern(text),
            Err(_) => self.pool.intern(String::from_utf8_lossy(text).as_bytes()),
        }
    }

    /// Adds a unit; they are numbered as they come.
    pub fn add_unit(&mut self, entry: UnitEntry) -> UnitId {
        let id = UnitId(index(self.parts.units.len()));
        self.parts.units.push(UnitRecord {
            name: entry.name.0,
            folder: entry.folder.0,
            producer: entry.producer.0,
            language: entry.language,
            version: entry.version,
            first: index(self.parts.offsets.len()),
            count: 0,
        });
        id
    }

    /// Says which type a DIE of the unit added last became. DIEs come in ascending order.
    pub fn add_offset(&mut self, die: u32, target: TypeId) {
        let Some(unit) = self.parts.units.last_mut() else { return };
        unit.count += 1;
        self.parts.offsets.push(OffsetRecord { die, target: target.0 });
    }

    /// The id that the next type will get.
    pub fn next_type(&self) -> TypeId {
        TypeId(index(self.parts.types.len()))
    }

    /// Adds a type; they are numbered as they come, and may refer to types that are added later.
    pub fn add_type(&mut self, entry: TypeEntry) -> TypeId {
        let id = self.next_type();
        let first = match entry.tag {
            Tag::Enumeration => self.parts.enumerators.len(),
            Tag::Function => self.parts.parameters.len(),
            _ => self.parts.members.len(),
        };
        self.parts.types.push(TypeRecord {
            size: entry.size.unwrap_or(UNKNOWN),
            extent: entry.extent.unwrap_or(UNKNOWN),
            name: entry.name.0,
            target: target(entry.target),
            first: index(first),
            count: 0,
            unit: entry.unit.0,
            file: entry.declared.file.0,
            line: entry.declared.line,
            tag: entry.tag as u8,
            encoding: entry.encoding as u8,
            flags: entry.flags.bits(),
            reserved: 0,
        });
        id
    }

    fn part_of_last_type(&mut self) {
        if let Some(last) = self.parts.types.last_mut() {
            last.count += 1;
        }
    }

    /// Adds a member to the type added last, a structure, union or class.
    pub fn add_member(&mut self, entry: MemberEntry) {
        self.part_of_last_type();
        self.parts.members.push(MemberRecord {
            bit_offset: entry.bit_offset,
            bit_size: entry.bit_size,
            name: entry.name.0,
            target: target(entry.target),
            variant: entry.variant,
            flags: u16::from(entry.is_base),
        });
    }

    /// Adds a constant to the type added last, an enumeration.
    pub fn add_enumerator(&mut self, name: StringId, value: i64) {
        self.part_of_last_type();
        self.parts.enumerators.push(EnumeratorRecord { value, name: name.0, reserved: 0 });
    }

    /// Adds a parameter to the type added last, a function type.
    pub fn add_type_parameter(&mut self, name: StringId, of: Option<TypeId>) {
        self.part_of_last_type();
        self.parts.parameters.push(ParameterRecord { name: name.0, target: target(of) });
    }

    /// Adds a variable.
    pub fn add_variable(&mut self, entry: VariableEntry) {
        self.parts.variables.push(VariableRecord {
            address: entry.address.0,
            name: entry.name.0,
            linkage_name: entry.linkage_name.0,
            target: target(entry.target),
            unit: entry.unit.0,
            function: entry.function.map_or(NONE, |function| function.0),
            file: entry.declared.file.0,
            line: entry.declared.line,
            storage: entry.storage as u8,
            external: u8::from(entry.external),
            reserved: 0,
        });
    }

    /// Adds a function. The id holds until [`Builder::finish`], which sorts them.
    pub fn add_function(&mut self, entry: FunctionEntry) -> FunctionId {
        let id = FunctionId(index(self.parts.functions.len()));
        let (low, high) = entry.code.map_or((0, 0), |(low, high)| (low.0, high.0));
        let flags = FunctionFlags {
            external: entry.external,
            declaration: entry.declaration,
            noreturn: entry.noreturn,
        };
        self.parts.functions.push(FunctionRecord {
            low,
            high,
            name: entry.name.0,
            linkage_name: entry.linkage_name.0,
            returns: target(entry.returns),
            first: index(self.parts.parameters.len()),
            count: 0,
            unit: entry.unit.0,
            die: entry.die,
            file: entry.declared.file.0,
            line: entry.declared.line,
            flags: flags.bits(),
        });
        id
    }

    /// Adds a parameter to the function added last.
    pub fn add_function_parameter(&mut self, name: StringId, of: Option<TypeId>) {
        if let Some(last) = self.parts.functions.last_mut() {
            last.count += 1;
            self.parts.parameters.push(ParameterRecord { name: name.0, target: target(of) });
        }
    }

    /// Adds a run of code of a function: every run, also the one at its entry.
    pub fn add_range(&mut self, function: FunctionId, low: Address, high: Address) {
        self.parts.ranges.push(RangeRecord { low: low.0, high: high.0, function: function.0, reserved: 0 });
    }

    /// The table. `build_id`: of the binary that it describes, empty where it has none.
    pub fn finish(self, build_id: &[u8]) -> Table {
        let Builder { pool, mut parts } = self;
        sort_functions(&mut parts);
        parts.variables.sort_by_key(|variable| (variable.storage, variable.address));
        parts.type_names = names::index_types(&pool, &parts.types);
        parts.variable_names = names::index_by(&pool, parts.variables.iter().map(|variable| variable.name));
        parts.function_names = names::index_by(&pool, parts.functions.iter().map(|function| function.name));
        Table::from_parts(pool, parts, build_id)
    }
}

/// Sorts functions and ranges by address, and mends what refers to functions.
fn sort_functions(parts: &mut Parts) {
    let mut order: Vec<u32> = (0..index(parts.functions.len())).collect();
    order.sort_by_key(|old| parts.functions.get(at(*old)).map_or(0, |function| function.low));
    let mut renumbered = vec![NONE; order.len()];
    for (new, old) in order.iter().enumerate() {
        if let Some(slot) = renumbered.get_mut(at(*old)) {
            *slot = index(new);
        }
    }
    parts.functions = order.iter().filter_map(|old| parts.functions.get(at(*old)).copied()).collect();
    let new = |function: u32| renumbered.get(at(function)).copied().unwrap_or(NONE);
    for variable in &mut parts.variables {
        variable.function = new(variable.function);
    }
    for range in &mut parts.ranges {
        range.function = new(range.function);
    }
    parts.ranges.sort_by_key(|range| range.low);
}

fn target(of: Option<TypeId>) -> u32 {
    of.map_or(NONE, |id| id.0)
}

/// A count as an index. Debug info of 4 Gi entries does not fit its own 32-bit form: saturating loses nothing real.
fn index(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(NONE)
}

fn at(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}
