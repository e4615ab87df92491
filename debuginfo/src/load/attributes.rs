//! The attributes that matter, of each sort of entry. Both passes over the units read them here.

use super::error::Fault;
use super::limits::{Budget, Excess, MOST_ATTRIBUTES};
use crate::dwarf::{DieRef, Dwarf, Slice, Unit};
use gimli::constants as dw;
use gimli::{Abbreviation, AttributeValue, Reader, Section};
use std::cell::Cell;

pub(super) type Entries<'u, 'a> = gimli::EntriesRaw<'u, Slice<'a>>;
pub(super) type Value<'a> = AttributeValue<Slice<'a>>;

/// A unit, and what its attributes may refer to.
pub(super) struct Source<'u, 'a> {
    pub(super) dwarf: &'u Dwarf<'a>,
    pub(super) unit: &'u Unit<'a>,
    budget: &'u Budget,
    /// Bytes of names that the budget does not know of yet.
    names: Cell<u64>,
}

/// How many bytes of names are read before the budget is asked.
const INSTALMENT: u64 = 1 << 20;

/// Where an attribute leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Reference {
    /// Nowhere: there is none, or it is damaged.
    #[default]
    None,
    /// Into its own unit.
    Here(u32),
    /// Into another unit.
    There(DieRef),
}

impl<'u, 'a> Source<'u, 'a> {
    pub(super) fn new(dwarf: &'u Dwarf<'a>, unit: &'u Unit<'a>, budget: &'u Budget) -> Source<'u, 'a> {
        Source { dwarf, unit, budget, names: Cell::new(0) }
    }

    pub(super) fn budget(&self) -> &'u Budget {
        self.budget
    }

    /// Tells the budget what it does not know of yet.
    pub(super) fn settle(&self) -> Result<(), Fault> {
        Ok(self.budget.names(self.names.take())?)
    }

    pub(super) fn account(&self, bytes: usize) -> Result<(), Fault> {
        let names = self.names.get().saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.names.set(names);
        if names > INSTALMENT { self.settle() } else { Ok(()) }
    }

    /// Empty: it is no string.
    pub(super) fn text(&self, value: Value<'a>) -> Result<&'a [u8], Fault> {
        let text = match value {
            AttributeValue::String(text) => text.slice(),
            AttributeValue::DebugStrRef(offset) => {
                let mut rest = *self.unit.dwarf.debug_str.reader();
                rest.skip(offset.0)?;
                match memchr::memchr(0, rest.slice()) {
                    Some(end) => rest.slice().get(..end).unwrap_or(&[]),
                    None => rest.read_null_terminated_slice()?.slice(),
                }
            }
            AttributeValue::DebugLineStrRef(_)
            | AttributeValue::DebugStrRefSup(_)
            | AttributeValue::DebugStrOffsetsIndex(_) => {
                self.unit.dwarf.attr_string(&self.unit.unit, value)?.slice()
            }
            _ => &[],
        };
        self.account(text.len())?;
        Ok(text)
    }

    pub(super) fn reference(&self, value: Value<'a>) -> Reference {
        match value {
            AttributeValue::UnitRef(offset) => {
                u32::try_from(offset.0).map_or(Reference::None, Reference::Here)
            }
            _ => match self.dwarf.resolve(self.unit, value) {
                Some(die) if die.unit == self.unit.id => Reference::Here(die.offset),
                Some(die) => Reference::There(die),
                None => Reference::None,
            },
        }
    }

    pub(super) fn target(&self, value: Value<'a>) -> Option<DieRef> {
        match self.reference(value) {
            Reference::None => None,
            Reference::Here(offset) => Some(DieRef { unit: self.unit.id, offset }),
            Reference::There(die) => Some(die),
        }
    }

    /// An address, also one that is kept in a table beside the unit.
    pub(super) fn address(&self, value: Value<'a>) -> Result<Option<u64>, Fault> {
        Ok(self.unit.dwarf.attr_address(&self.unit.unit, value)?)
    }
}

pub(super) fn check(abbreviation: &Abbreviation) -> Result<(), Fault> {
    if abbreviation.attributes().len() > MOST_ATTRIBUTES { Err(Excess::Attributes.into()) } else { Ok(()) }
}

fn flag(value: Value<'_>) -> bool {
    matches!(value, AttributeValue::Flag(true))
}

/// A constant without sign; `None`: it is none.
fn number(value: Value<'_>) -> Option<u64> {
    match value {
        AttributeValue::SecOffset(offset) => u64::try_from(offset).ok(),
        _ => value.udata_value(),
    }
}

/// Of a type that is no array's dimension.
#[derive(Default)]
pub(super) struct TypeAttributes<'a> {
    pub(super) name: &'a [u8],
    pub(super) byte_size: Option<u64>,
    pub(super) encoding: u8,
    pub(super) target: Reference,
    /// What it completes (`DW_AT_specification`).
    pub(super) origin: Option<DieRef>,
    /// The type unit that has its definition.
    pub(super) signature: Option<DieRef>,
    pub(super) declaration: bool,
    pub(super) prototyped: bool,
    pub(super) vector: bool,
    pub(super) artificial: bool,
    pub(super) file: u64,
    pub(super) line: u32,
}

impl<'a> TypeAttributes<'a> {
    pub(super) fn read(
        source: &Source<'_, 'a>,
        entries: &mut Entries<'_, 'a>,
        abbreviation: &Abbreviation,
    ) -> Result<TypeAttributes<'a>, Fault> {
        let mut this = TypeAttributes::default();
        for spec in abbreviation.attributes() {
            let value = entries.read_attribute(*spec)?.raw_value();
            match spec.name() {
                dw::DW_AT_name => this.name = source.text(value)?,
                dw::DW_AT_byte_size => this.byte_size = value.udata_value(),
                dw::DW_AT_encoding => this.encoding = value.u8_value().unwrap_or(0),
                dw::DW_AT_type => this.target = source.reference(value),
                dw::DW_AT_specification | dw::DW_AT_abstract_origin => this.origin = source.target(value),
                dw::DW_AT_signature => this.signature = source.target(value),
                dw::DW_AT_declaration => this.declaration = flag(value),
                dw::DW_AT_prototyped => this.prototyped = flag(value),
                dw::DW_AT_GNU_vector => this.vector = flag(value),
                dw::DW_AT_artificial => this.artificial = flag(value),
                dw::DW_AT_decl_file => this.file = number(value).unwrap_or(0),
                dw::DW_AT_decl_line => this.line = line(value),
                _ => {}
            }
        }
        Ok(this)
    }
}

/// Of a member or base class.
#[derive(Default)]
pub(super) struct MemberAttributes<'a> {
    pub(super) name: &'a [u8],
    pub(super) target: Reference,
    /// In bytes from the start; `None`: not said (then 0), or only known when the program runs.
    location: Option<u64>,
    /// It has a location, but not one that is the same for all objects: that of a virtual base class.
    varies: bool,
    data_bit_offset: Option<u64>,
    /// From the most significant bit of its storage unit: how it was written before DWARF 4.
    bit_offset: Option<i64>,
    pub(super) bit_size: Option<u64>,
    byte_size: Option<u64>,
    /// It has no place in the objects of its class.
    pub(super) is_static: bool,
}

/// Where a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// In bits from the start.
    Bit(u64),
    /// In bits from the end of a storage unit that is as large as the member's type: it ends so many bits after its beginning less.
    Storage { start: u64, before_end: i64 },
}

impl<'a> MemberAttributes<'a> {
    pub(super) fn read(
        source: &Source<'_, 'a>,
        entries: &mut Entries<'_, 'a>,
        abbreviation: &Abbreviation,
    ) -> Result<MemberAttributes<'a>, Fault> {
        let mut this = MemberAttributes::default();
        for spec in abbreviation.attributes() {
            let value = entries.read_attribute(*spec)?.raw_value();
            match spec.name() {
                dw::DW_AT_name => this.name = source.text(value)?,
                dw::DW_AT_type => this.target = source.reference(value),
                dw::DW_AT_data_member_location => {
                    this.location = member_location(value);
                    this.varies = this.location.is_none();
                }
                dw::DW_AT_data_bit_offset => this.data_bit_offset = value.udata_value(),
                dw::DW_AT_bit_offset => this.bit_offset = value.sdata_value(),
                dw::DW_AT_bit_size => this.bit_size = value.udata_value(),
                dw::DW_AT_byte_size => this.byte_size = value.udata_value(),
                dw::DW_AT_external | dw::DW_AT_declaration => this.is_static |= flag(value),
                _ => {}
            }
        }
        Ok(this)
    }

    /// `None`: it has no place, or none that is the same in all objects.
    pub(super) fn position(&self) -> Option<Position> {
        if self.varies || self.is_static {
            return None;
        }
        let start = self.location.unwrap_or(0).saturating_mul(8);
        match (self.data_bit_offset, self.bit_offset, self.bit_size) {
            (Some(bits), ..) => Some(Position::Bit(start.saturating_add(bits))),
            (None, Some(offset), Some(size)) => {
                let before_end = offset.saturating_add(i64::try_from(size).unwrap_or(i64::MAX));
                let storage = Position::Storage { start, before_end };
                Some(self.byte_size.map_or(storage, |bytes| Position::Bit(storage.bit(bytes))))
            }
            _ => Some(Position::Bit(start)),
        }
    }
}

impl Position {
    /// From the start of the structure, if its storage unit has so many bytes.
    pub(super) fn bit(self, storage: u64) -> u64 {
        match self {
            Position::Bit(bit) => bit,
            Position::Storage { start, before_end } => start
                .saturating_add(storage.saturating_mul(8))
                .saturating_add_signed(before_end.saturating_neg()),
        }
    }
}

/// A constant, or the expression that adds one to the start of the structure (DWARF 2).
fn member_location(value: Value<'_>) -> Option<u64> {
    let (AttributeValue::Block(mut block) | AttributeValue::Exprloc(gimli::Expression(mut block))) = value
    else {
        return number(value);
    };
    let operation = dw::DwOp(block.read_u8().ok()?);
    let offset = block.read_uleb128().ok()?;
    let ends = match operation {
        dw::DW_OP_plus_uconst => block.is_empty(),
        dw::DW_OP_constu => *block.slice() == [dw::DW_OP_plus.0],
        _ => false,
    };
    ends.then_some(offset)
}

/// Of one dimension of an array.
#[derive(Default)]
pub(super) struct SubrangeAttributes {
    count: Option<u64>,
    upper: Option<i128>,
    lower: i128,
}

impl SubrangeAttributes {
    pub(super) fn read(
        entries: &mut Entries<'_, '_>,
        abbreviation: &Abbreviation,
    ) -> Result<SubrangeAttributes, Fault> {
        let mut this = SubrangeAttributes::default();
        for spec in abbreviation.attributes() {
            let value = entries.read_attribute(*spec)?.raw_value();
            match spec.name() {
                dw::DW_AT_count => this.count = value.udata_value(),
                dw::DW_AT_upper_bound => this.upper = bound(value),
                dw::DW_AT_lower_bound => this.lower = bound(value).unwrap_or(0),
                _ => {}
            }
        }
        Ok(this)
    }

    /// How many elements; `None`: not a constant, or not said.
    pub(super) fn extent(&self) -> Option<u64> {
        let counted = || u64::try_from((self.upper? - self.lower + 1).max(0)).ok();
        self.count.or_else(counted)
    }
}

/// gcc writes the bound of `T a[0]` as -1, also in 8 bytes.
fn bound(value: Value<'_>) -> Option<i128> {
    match value {
        AttributeValue::Data8(u64::MAX) => Some(-1),
        AttributeValue::Sdata(bound) => Some(i128::from(bound)),
        _ => value.udata_value().map(i128::from),
    }
}

/// Of a constant of an enumeration.
#[derive(Default)]
pub(super) struct EnumeratorAttributes<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: i64,
    pub(super) is_negative: bool,
}

impl<'a> EnumeratorAttributes<'a> {
    pub(super) fn read(
        source: &Source<'_, 'a>,
        entries: &mut Entries<'_, 'a>,
        abbreviation: &Abbreviation,
    ) -> Result<EnumeratorAttributes<'a>, Fault> {
        let mut this = EnumeratorAttributes::default();
        for spec in abbreviation.attributes() {
            let value = entries.read_attribute(*spec)?.raw_value();
            match spec.name() {
                dw::DW_AT_name => this.name = source.text(value)?,
                dw::DW_AT_const_value => {
                    // Forms without sign are to be extended with 0, whatever the type says.
                    let unsigned = value.udata_value().map(u64::cast_signed);
                    this.is_negative = unsigned.is_none();
                    this.value = unsigned.or_else(|| value.sdata_value()).unwrap_or(0);
                }
                _ => {}
            }
        }
        Ok(this)
    }
}

/// Of a variable or a parameter.
#[derive(Default)]
pub(super) struct VariableAttributes<'a> {
    pub(super) name: &'a [u8],
    pub(super) linkage_name: &'a [u8],
    pub(super) target: Option<DieRef>,
    pub(super) origin: Option<DieRef>,
    /// The expression; of lists of locations nothing is kept.
    pub(super) location: &'a [u8],
    pub(super) declaration: bool,
    pub(super) external: bool,
    pub(super) file: u64,
    pub(super) line: u32,
}

impl<'a> VariableAttributes<'a> {
    pub(super) fn read(
        source: &Source<'_, 'a>,
        entries: &mut Entries<'_, 'a>,
        abbreviation: &Abbreviation,
    ) -> Result<VariableAttributes<'a>, Fault> {
        let mut this = VariableAttributes::default();
        for spec in abbreviation.attributes() {
            let value = entries.read_attribute(*spec)?.raw_value();
            match spec.name() {
                dw::DW_AT_name => this.name = source.text(value)?,
                dw::DW_AT_linkage_name | dw::DW_AT_MIPS_linkage_name => {
                    this.linkage_name = source.text(value)?
                }
                dw::DW_AT_type => this.target = source.target(value),
                dw::DW_AT_specification | dw::DW_AT_abstract_origin => this.origin = source.target(value),
                dw::DW_AT_location => {
                    if let AttributeValue::Exprloc(gimli::Expression(block)) | AttributeValue::Block(block) =
                        value
                    {
                        this.location = block.slice();
                    }
                }
                dw::DW_AT_declaration => this.declaration = flag(value),
                dw::DW_AT_external => this.external = flag(value),
                dw::DW_AT_decl_file => this.file = number(value).unwrap_or(0),
                dw::DW_AT_decl_line => this.line = line(value),
                _ => {}
            }
        }
        Ok(this)
    }
}

/// Only the type of an entry.
pub(super) fn type_of<'a>(
    source: &Source<'_, 'a>,
    entries: &mut Entries<'_, 'a>,
    abbreviation: &Abbreviation,
) -> Result<Reference, Fault> {
    let mut found = Reference::None;
    for spec in abbreviation.attributes() {
        let value = entries.read_attribute(*spec)?.raw_value();
        if spec.name() == dw::DW_AT_type {
            found = source.reference(value);
        }
    }
    Ok(found)
}

/// Only the name of an entry.
pub(super) fn name_of<'a>(
    source: &Source<'_, 'a>,
    entries: &mut Entries<'_, 'a>,
    abbreviation: &Abbreviation,
) -> Result<&'a [u8], Fault> {
    let mut found: &[u8] = b"";
    for spec in abbreviation.attributes() {
        let value = entries.read_attribute(*spec)?.raw_value();
        if spec.name() == dw::DW_AT_name {
            found = source.text(value)?;
        }
    }
    Ok(found)
}

/// Of a function.
#[derive(Default)]
pub(super) struct FunctionAttributes<'a> {
    pub(super) name: &'a [u8],
    pub(super) linkage_name: &'a [u8],
    pub(super) returns: Option<DieRef>,
    /// It is an instance of this one (`DW_AT_abstract_origin`).
    pub(super) instance_of: Option<DieRef>,
    /// It defines what this one declares (`DW_AT_specification`).
    pub(super) specifies: Option<DieRef>,
    pub(super) low: Option<u64>,
    pub(super) entry: Option<u64>,
    pub(super) high: Option<Value<'a>>,
    pub(super) ranges: Option<Value<'a>>,
    pub(super) declaration: bool,
    pub(super) external: bool,
    pub(super) noreturn: bool,
    pub(super) file: u64,
    pub(super) line: u32,
}

impl<'a> FunctionAttributes<'a> {
    pub(super) fn read(
        source: &Source<'_, 'a>,
        entries: &mut Entries<'_, 'a>,
        abbreviation: &Abbreviation,
    ) -> Result<FunctionAttributes<'a>, Fault> {
        let mut this = FunctionAttributes::default();
        for spec in abbreviation.attributes() {
            let value = entries.read_attribute(*spec)?.raw_value();
            match spec.name() {
                dw::DW_AT_name => this.name = source.text(value)?,
                dw::DW_AT_linkage_name | dw::DW_AT_MIPS_linkage_name => {
                    this.linkage_name = source.text(value)?
                }
                dw::DW_AT_type => this.returns = source.target(value),
                dw::DW_AT_abstract_origin => this.instance_of = source.target(value),
                dw::DW_AT_specification => this.specifies = source.target(value),
                dw::DW_AT_low_pc => this.low = source.address(value)?,
                dw::DW_AT_entry_pc => this.entry = source.address(value)?,
                dw::DW_AT_high_pc => this.high = Some(value),
                dw::DW_AT_ranges => this.ranges = Some(value),
                dw::DW_AT_declaration => this.declaration = flag(value),
                dw::DW_AT_external => this.external = flag(value),
                dw::DW_AT_noreturn => this.noreturn = flag(value),
                dw::DW_AT_decl_file => this.file = number(value).unwrap_or(0),
                dw::DW_AT_decl_line => this.line = line(value),
                _ => {}
            }
        }
        Ok(this)
    }

    pub(super) fn origin(&self) -> Option<DieRef> {
        self.instance_of.or(self.specifies)
    }
}

fn line(value: Value<'_>) -> u32 {
    value.udata_value().and_then(|line| u32::try_from(line).ok()).unwrap_or(0)
}
