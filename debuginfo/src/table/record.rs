//! The records of an image: their bytes are the format of the cache's files, so a change here is a new version of [`super::image::FORMAT`].
//!
//! Strings are offsets into the pool (0: none), everything else an index into its array ([`NONE`]: none). All is little-endian.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// No index: `void`, no function, no unit.
pub(super) const NONE: u32 = u32::MAX;

/// No number: a size or a count that the debug info does not give.
pub(super) const UNKNOWN: u64 = u64::MAX;

/// A type. What `target`, `first`, `count` and `extent` mean goes by `tag`.
///
/// | tag | target | first, count | extent |
/// |---|---|---|---|
/// | structure, union, class | | members | |
/// | enumeration | the integer below it | enumerators | |
/// | array | its element | | elements |
/// | function | what it returns | parameters | |
/// | pointer, references, typedef, qualifiers | the type below | | |
/// | pointer to member | the member's type | | |
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct TypeRecord {
    /// Bytes, or [`UNKNOWN`].
    pub(super) size: u64,
    pub(super) extent: u64,
    pub(super) name: u32,
    pub(super) target: u32,
    pub(super) first: u32,
    pub(super) count: u32,
    /// The first of the units that define it.
    pub(super) unit: u32,
    /// A string.
    pub(super) file: u32,
    pub(super) line: u32,
    /// A [`super::Tag`] by number.
    pub(super) tag: u8,
    /// Of a base type: an [`Encoding`] by number.
    pub(super) encoding: u8,
    /// [`TypeFlags`].
    pub(super) flags: u8,
    pub(super) reserved: u8,
}

/// A member of a structure or union, or a base class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct MemberRecord {
    /// From the start of the structure.
    pub(super) bit_offset: u64,
    /// Of a bit-field; 0: none.
    pub(super) bit_size: u32,
    pub(super) name: u32,
    pub(super) target: u32,
    /// 0, or which variant of a Rust enumeration it belongs to, from 1.
    pub(super) variant: u16,
    /// 1: a base class.
    pub(super) flags: u16,
}

/// A constant of an enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct EnumeratorRecord {
    /// Two's complement.
    pub(super) value: i64,
    pub(super) name: u32,
    pub(super) reserved: u32,
}

/// A parameter of a function or function type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct ParameterRecord {
    pub(super) name: u32,
    pub(super) target: u32,
}

/// A variable with a place of its own. Sorted by `storage`, then `address`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct VariableRecord {
    /// As linked; of a thread-local one: its offset in the module's block.
    pub(super) address: u64,
    pub(super) name: u32,
    pub(super) linkage_name: u32,
    pub(super) target: u32,
    pub(super) unit: u32,
    /// The function that a static local belongs to.
    pub(super) function: u32,
    pub(super) file: u32,
    pub(super) line: u32,
    /// A [`super::Storage`] by number.
    pub(super) storage: u8,
    /// 1: visible outside its unit.
    pub(super) external: u8,
    pub(super) reserved: u16,
}

/// A function. Sorted by `low`; those without code come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct FunctionRecord {
    /// Its entry, as linked. 0 with `high` 0: no code of its own.
    pub(super) low: u64,
    /// The end of the run that begins at its entry.
    pub(super) high: u64,
    pub(super) name: u32,
    pub(super) linkage_name: u32,
    pub(super) returns: u32,
    pub(super) first: u32,
    pub(super) count: u32,
    pub(super) unit: u32,
    /// Its DIE, from the start of its unit.
    pub(super) die: u32,
    pub(super) file: u32,
    pub(super) line: u32,
    /// [`super::function`] says which.
    pub(super) flags: u32,
}

/// A run of a function's code; a function may have several (`.cold` parts). Sorted by `low`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct RangeRecord {
    pub(super) low: u64,
    pub(super) high: u64,
    pub(super) function: u32,
    pub(super) reserved: u32,
}

/// A compilation unit, in the order of `dwarf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct UnitRecord {
    pub(super) name: u32,
    pub(super) folder: u32,
    pub(super) producer: u32,
    /// `DW_LANG_*`.
    pub(super) language: u16,
    /// Of DWARF.
    pub(super) version: u16,
    /// Its part of the offsets.
    pub(super) first: u32,
    pub(super) count: u32,
}

/// Which type a DIE became. Sorted by `die` within a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct OffsetRecord {
    /// From the start of its unit.
    pub(super) die: u32,
    pub(super) target: u32,
}

/// What a base type's bits mean (`DW_ATE_*`, as far as it matters).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Encoding {
    /// Something else, or not said.
    Other = 0,
    /// True or false.
    Boolean,
    /// Two's complement.
    Signed,
    /// No sign.
    Unsigned,
    /// A character, signed.
    SignedChar,
    /// A character without sign; also UTF-8, -16 and -32.
    UnsignedChar,
    /// IEEE 754, or x87.
    Float,
    /// Two floats.
    ComplexFloat,
}

impl Encoding {
    pub(super) fn of(number: u8) -> Encoding {
        use Encoding::*;
        [Other, Boolean, Signed, Unsigned, SignedChar, UnsignedChar, Float, ComplexFloat]
            .into_iter()
            .find(|encoding| *encoding as u8 == number)
            .unwrap_or(Other)
    }
}

/// What else is to be said of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TypeFlags {
    /// Only declared: no definition was found, or several that differ.
    pub declaration: bool,
    /// A function type with `...`.
    pub variadic: bool,
    /// A function type that names its parameters' types.
    pub prototyped: bool,
    /// A vector for SIMD, though its tag is array.
    pub vector: bool,
    /// An enumeration whose constants are to be read without sign.
    pub unsigned: bool,
    /// Made by the compiler, not written (`DW_AT_artificial`).
    pub artificial: bool,
}

impl TypeFlags {
    pub(super) fn bits(self) -> u8 {
        let TypeFlags { declaration, variadic, prototyped, vector, unsigned, artificial } = self;
        [declaration, variadic, prototyped, vector, unsigned, artificial]
            .into_iter()
            .enumerate()
            .fold(0, |bits, (place, is)| bits | u8::from(is) << place)
    }

    pub(super) fn of(bits: u8) -> TypeFlags {
        let is = |place: u8| bits >> place & 1 == 1;
        TypeFlags {
            declaration: is(0),
            variadic: is(1),
            prototyped: is(2),
            vector: is(3),
            unsigned: is(4),
            artificial: is(5),
        }
    }
}
