//! The attributes that matter, of each sort of entry. Both passes over the units read them here.

use super::reader::{End, Entry, Number, Ranges, Reader};
use super::source::Reference;
use super::text::Text;
use crate::dwarf::{DieRef, Slice};
use gimli::Reader as _;
use gimli::constants as dw;

/// Of a type that is no array's dimension.
#[derive(Default)]
pub(super) struct TypeAttributes<'a> {
    pub(super) name: Text<'a>,
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
    #[inline]
    pub(super) fn read(reader: &mut Reader<'_, '_, 'a>, entry: Entry) -> TypeAttributes<'a> {
        let mut this = TypeAttributes::default();
        reader.attributes(entry, |reader, name, step| match name {
            dw::DW_AT_name => this.name = reader.text(step),
            dw::DW_AT_byte_size => this.byte_size = reader.unsigned(step),
            dw::DW_AT_encoding => {
                this.encoding =
                    reader.unsigned(step).and_then(|encoding| u8::try_from(encoding).ok()).unwrap_or(0)
            }
            dw::DW_AT_type => this.target = reader.reference(step),
            dw::DW_AT_specification | dw::DW_AT_abstract_origin => this.origin = reader.target(step),
            dw::DW_AT_signature => this.signature = reader.target(step),
            dw::DW_AT_declaration => this.declaration = reader.flag(step),
            dw::DW_AT_prototyped => this.prototyped = reader.flag(step),
            dw::DW_AT_GNU_vector => this.vector = reader.flag(step),
            dw::DW_AT_artificial => this.artificial = reader.flag(step),
            dw::DW_AT_decl_file => this.file = reader.unsigned(step).unwrap_or(0),
            dw::DW_AT_decl_line => this.line = line(reader.unsigned(step)),
            _ => reader.pass(step),
        });
        this
    }
}

/// Of a member or base class.
#[derive(Default)]
pub(super) struct MemberAttributes<'a> {
    pub(super) name: Text<'a>,
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
    #[inline]
    pub(super) fn read(reader: &mut Reader<'_, '_, 'a>, entry: Entry) -> MemberAttributes<'a> {
        let mut this = MemberAttributes::default();
        reader.attributes(entry, |reader, name, step| match name {
            dw::DW_AT_name => this.name = reader.text(step),
            dw::DW_AT_type => this.target = reader.reference(step),
            dw::DW_AT_data_member_location => {
                this.location = member_location(reader.block_or_number(step));
                this.varies = this.location.is_none();
            }
            dw::DW_AT_data_bit_offset => this.data_bit_offset = reader.unsigned(step),
            dw::DW_AT_bit_offset => this.bit_offset = reader.number(step).map(Number::signed),
            dw::DW_AT_bit_size => this.bit_size = reader.unsigned(step),
            dw::DW_AT_byte_size => this.byte_size = reader.unsigned(step),
            dw::DW_AT_external | dw::DW_AT_declaration => this.is_static |= reader.flag(step),
            _ => reader.pass(step),
        });
        this
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
fn member_location(value: Result<&[u8], Option<u64>>) -> Option<u64> {
    let mut block = match value {
        Ok(block) => Slice::new(block, gimli::LittleEndian),
        Err(number) => return number,
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
    pub(super) fn read(reader: &mut Reader<'_, '_, '_>, entry: Entry) -> SubrangeAttributes {
        let mut this = SubrangeAttributes::default();
        reader.attributes(entry, |reader, name, step| match name {
            dw::DW_AT_count => this.count = reader.unsigned(step),
            dw::DW_AT_upper_bound => this.upper = bound(reader.number(step)),
            dw::DW_AT_lower_bound => this.lower = bound(reader.number(step)).unwrap_or(0),
            _ => reader.pass(step),
        });
        this
    }

    /// How many elements; `None`: not a constant, or not said.
    pub(super) fn extent(&self) -> Option<u64> {
        let counted = || u64::try_from((self.upper? - self.lower + 1).max(0)).ok();
        self.count.or_else(counted)
    }
}

/// gcc writes the bound of `T a[0]` as -1, also in 8 bytes.
fn bound(number: Option<Number>) -> Option<i128> {
    Some(match number? {
        Number::Unsigned(u64::MAX) => -1,
        Number::Unsigned(bound) => i128::from(bound),
        Number::Signed(bound) => i128::from(bound),
    })
}

/// Of a constant of an enumeration.
#[derive(Default)]
pub(super) struct EnumeratorAttributes<'a> {
    pub(super) name: Text<'a>,
    pub(super) value: i64,
    pub(super) is_negative: bool,
}

impl<'a> EnumeratorAttributes<'a> {
    pub(super) fn read(reader: &mut Reader<'_, '_, 'a>, entry: Entry) -> EnumeratorAttributes<'a> {
        let mut this = EnumeratorAttributes::default();
        reader.attributes(entry, |reader, name, step| {
            match name {
                dw::DW_AT_name => this.name = reader.text(step),
                // Forms without sign are to be extended with 0, whatever the type says.
                dw::DW_AT_const_value => match reader.number(step) {
                    Some(Number::Unsigned(value)) => this.value = value.cast_signed(),
                    Some(Number::Signed(value)) => {
                        this.value = value;
                        this.is_negative = value < 0;
                    }
                    None => {}
                },
                _ => reader.pass(step),
            }
        });
        this
    }
}

/// Of a variable or a parameter.
#[derive(Default)]
pub(super) struct VariableAttributes<'a> {
    pub(super) name: Text<'a>,
    pub(super) linkage_name: Text<'a>,
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
    pub(super) fn read(reader: &mut Reader<'_, '_, 'a>, entry: Entry) -> VariableAttributes<'a> {
        let mut this = VariableAttributes::default();
        reader.attributes(entry, |reader, name, step| match name {
            dw::DW_AT_name => this.name = reader.text(step),
            dw::DW_AT_linkage_name | dw::DW_AT_MIPS_linkage_name => this.linkage_name = reader.text(step),
            dw::DW_AT_type => this.target = reader.target(step),
            dw::DW_AT_specification | dw::DW_AT_abstract_origin => this.origin = reader.target(step),
            dw::DW_AT_location => {
                if let Ok(block) = reader.block_or_number(step) {
                    this.location = block;
                }
            }
            dw::DW_AT_declaration => this.declaration = reader.flag(step),
            dw::DW_AT_external => this.external = reader.flag(step),
            dw::DW_AT_decl_file => this.file = reader.unsigned(step).unwrap_or(0),
            dw::DW_AT_decl_line => this.line = line(reader.unsigned(step)),
            _ => reader.pass(step),
        });
        this
    }
}

/// Only the type of an entry.
pub(super) fn type_of<'a>(reader: &mut Reader<'_, '_, 'a>, entry: Entry) -> Reference {
    let mut found = Reference::None;
    reader.attributes(entry, |reader, name, step| match name {
        dw::DW_AT_type => found = reader.reference(step),
        _ => reader.pass(step),
    });
    found
}

/// Only the name of an entry.
pub(super) fn name_of<'a>(reader: &mut Reader<'_, '_, 'a>, entry: Entry) -> Text<'a> {
    let mut found = Text::None;
    reader.attributes(entry, |reader, name, step| match name {
        dw::DW_AT_name => found = reader.text(step),
        _ => reader.pass(step),
    });
    found
}

/// Of a function.
#[derive(Default)]
pub(super) struct FunctionAttributes<'a> {
    pub(super) name: Text<'a>,
    pub(super) linkage_name: Text<'a>,
    pub(super) returns: Option<DieRef>,
    /// It is an instance of this one (`DW_AT_abstract_origin`).
    pub(super) instance_of: Option<DieRef>,
    /// It defines what this one declares (`DW_AT_specification`).
    pub(super) specifies: Option<DieRef>,
    pub(super) low: Option<u64>,
    pub(super) entry: Option<u64>,
    pub(super) high: Option<End>,
    pub(super) ranges: Option<Ranges>,
    pub(super) declaration: bool,
    pub(super) external: bool,
    pub(super) noreturn: bool,
    pub(super) file: u64,
    pub(super) line: u32,
}

impl<'a> FunctionAttributes<'a> {
    pub(super) fn read(reader: &mut Reader<'_, '_, 'a>, entry: Entry) -> FunctionAttributes<'a> {
        let mut this = FunctionAttributes::default();
        reader.attributes(entry, |reader, name, step| match name {
            dw::DW_AT_name => this.name = reader.text(step),
            dw::DW_AT_linkage_name | dw::DW_AT_MIPS_linkage_name => this.linkage_name = reader.text(step),
            dw::DW_AT_type => this.returns = reader.target(step),
            dw::DW_AT_abstract_origin => this.instance_of = reader.target(step),
            dw::DW_AT_specification => this.specifies = reader.target(step),
            dw::DW_AT_low_pc => this.low = reader.address(step),
            dw::DW_AT_entry_pc => this.entry = reader.address(step),
            dw::DW_AT_high_pc => this.high = reader.end(step),
            dw::DW_AT_ranges => this.ranges = reader.ranges(step),
            dw::DW_AT_declaration => this.declaration = reader.flag(step),
            dw::DW_AT_external => this.external = reader.flag(step),
            dw::DW_AT_noreturn => this.noreturn = reader.flag(step),
            dw::DW_AT_decl_file => this.file = reader.unsigned(step).unwrap_or(0),
            dw::DW_AT_decl_line => this.line = line(reader.unsigned(step)),
            _ => reader.pass(step),
        });
        this
    }

    pub(super) fn origin(&self) -> Option<DieRef> {
        self.instance_of.or(self.specifies)
    }
}

fn line(line: Option<u64>) -> u32 {
    line.and_then(|line| u32::try_from(line).ok()).unwrap_or(0)
}

/// Of a unit.
#[derive(Default)]
pub(super) struct RootAttributes<'a> {
    pub(super) producer: Text<'a>,
    /// `DW_LANG_*`; 0: not said.
    pub(super) language: u16,
}

impl<'a> RootAttributes<'a> {
    pub(super) fn read(reader: &mut Reader<'_, '_, 'a>, entry: Entry) -> RootAttributes<'a> {
        let mut this = RootAttributes::default();
        reader.attributes(entry, |reader, name, step| match name {
            dw::DW_AT_producer => this.producer = reader.text(step),
            dw::DW_AT_language => {
                this.language =
                    reader.unsigned(step).and_then(|language| u16::try_from(language).ok()).unwrap_or(0);
            }
            _ => reader.pass(step),
        });
        this
    }
}
