//! Types.

use super::function::{Parameter, parameters};
use super::image::Table;
use super::record::{Encoding, EnumeratorRecord, MemberRecord, TypeFlags, TypeRecord, UNKNOWN};
use super::unit::{Unit, UnitId};
use super::{Declared, names};
use crate::image::part;

/// A type, by its place in the table. Equal ids: the same type, in all units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

/// What sort of type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Tag {
    /// Something without a known form: `DW_TAG_unspecified_type`, or damaged.
    Unknown = 0,
    /// An integer, a float, a character.
    Base,
    /// `struct`.
    Structure,
    /// `union`.
    Union,
    /// `class`.
    Class,
    /// `enum`.
    Enumeration,
    /// `typedef`; of C++ also aliases.
    Typedef,
    /// `T *`.
    Pointer,
    /// `T &`.
    Reference,
    /// `T &&`.
    RvalueReference,
    /// `T C::*`.
    PointerToMember,
    /// `T[n]`: one dimension; several are nested.
    Array,
    /// The type of a function.
    Function,
    /// `const T`.
    Const,
    /// `volatile T`.
    Volatile,
    /// `T *restrict`.
    Restrict,
    /// `_Atomic T`.
    Atomic,
}

impl Tag {
    const ALL: [Tag; 17] = [
        Tag::Unknown,
        Tag::Base,
        Tag::Structure,
        Tag::Union,
        Tag::Class,
        Tag::Enumeration,
        Tag::Typedef,
        Tag::Pointer,
        Tag::Reference,
        Tag::RvalueReference,
        Tag::PointerToMember,
        Tag::Array,
        Tag::Function,
        Tag::Const,
        Tag::Volatile,
        Tag::Restrict,
        Tag::Atomic,
    ];

    pub(super) fn of(number: u8) -> Tag {
        Tag::ALL.get(usize::from(number)).copied().unwrap_or(Tag::Unknown)
    }

    /// Whether it has members: a structure, a union or a class.
    pub fn is_aggregate(self) -> bool {
        matches!(self, Tag::Structure | Tag::Union | Tag::Class)
    }

    /// Whether it only says something more of the type below: a typedef or a qualifier.
    pub fn is_transparent(self) -> bool {
        matches!(self, Tag::Typedef | Tag::Const | Tag::Volatile | Tag::Restrict | Tag::Atomic)
    }
}

/// How many elements an array has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Count {
    /// As declared; 0 is the old way to write a flexible one.
    Exactly(u64),
    /// A flexible array member, an array whose length is only known when the program runs, or `extern T a[]`.
    Open,
}

/// What a type is made of.
#[derive(Debug, Clone, Copy)]
pub enum Kind<'t> {
    /// No known form.
    Unknown,
    /// A number or a character.
    Base(Encoding),
    /// Structure, union or class: see [`Type::members`].
    Aggregate,
    /// See [`Type::enumerators`]. The integer below it, where said.
    Enumeration(Option<Type<'t>>),
    /// Another name of the type below; `None`: of `void`.
    Typedef(Option<Type<'t>>),
    /// Qualified, by the tag; `None`: `void`.
    Qualified(Option<Type<'t>>),
    /// A pointer, or one of C++'s references; `None`: to `void`.
    Pointer(Option<Type<'t>>),
    /// A pointer to a member. It holds an offset, not an address.
    PointerToMember(Option<Type<'t>>),
    /// An array of one dimension.
    Array {
        /// The type of one.
        element: Option<Type<'t>>,
        /// How many.
        count: Count,
    },
    /// A function's type: what it returns (`None`: void); see [`Type::parameters`].
    Function(Option<Type<'t>>),
}

/// How many typedefs and qualifiers are looked through. Real ones are a few deep; damaged debug info has circles.
const DEEPEST: usize = 64;

/// A type of the program. Equality is identity: structures of one name that differ, also of other units, are different types.
#[derive(Clone, Copy)]
pub struct Type<'t> {
    table: &'t Table,
    id: TypeId,
    record: &'t TypeRecord,
}

impl PartialEq for Type<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && std::ptr::eq(self.table, other.table)
    }
}

impl Eq for Type<'_> {}

impl<'t> Type<'t> {
    pub(super) fn new(table: &'t Table, id: TypeId, record: &'t TypeRecord) -> Type<'t> {
        Type { table, id, record }
    }

    /// Its number.
    pub fn id(self) -> TypeId {
        self.id
    }

    /// The table that it is of.
    pub fn table(self) -> &'t Table {
        self.table
    }

    /// What sort of type.
    pub fn tag(self) -> Tag {
        Tag::of(self.record.tag)
    }

    /// As written, without `struct` and its like; `None`: anonymous. Types of C++ and Rust carry their namespaces.
    pub fn name(self) -> Option<&'t str> {
        Some(self.table.string(self.record.name)).filter(|name| !name.is_empty())
    }

    /// Bytes, as the debug info says or as follows from the types below; `None`: not known (declarations, functions, `void`, open
    /// arrays).
    pub fn size(self) -> Option<u64> {
        let mut elements: u64 = 1;
        let mut current = self;
        for _ in 0..DEEPEST {
            if current.record.size != UNKNOWN {
                return elements.checked_mul(current.record.size);
            }
            let below = match current.kind() {
                Kind::Typedef(below) | Kind::Qualified(below) | Kind::Enumeration(below) => below,
                // clang leaves it unsaid: it is that of an address.
                Kind::Pointer(_) => return elements.checked_mul(8),
                Kind::Array { element, count: Count::Exactly(count) } => {
                    elements = elements.checked_mul(count)?;
                    element
                }
                _ => None,
            };
            current = below?;
        }
        None
    }

    /// What it is made of.
    pub fn kind(self) -> Kind<'t> {
        let target = self.target();
        match self.tag() {
            Tag::Unknown => Kind::Unknown,
            Tag::Base => Kind::Base(Encoding::of(self.record.encoding)),
            Tag::Structure | Tag::Union | Tag::Class => Kind::Aggregate,
            Tag::Enumeration => Kind::Enumeration(target),
            Tag::Typedef => Kind::Typedef(target),
            Tag::Const | Tag::Volatile | Tag::Restrict | Tag::Atomic => Kind::Qualified(target),
            Tag::Pointer | Tag::Reference | Tag::RvalueReference => Kind::Pointer(target),
            Tag::PointerToMember => Kind::PointerToMember(target),
            Tag::Array => Kind::Array { element: target, count: self.count() },
            Tag::Function => Kind::Function(target),
        }
    }

    /// The type below: pointee, element, what a typedef names, what a function returns.
    pub fn target(self) -> Option<Type<'t>> {
        self.table.ty(TypeId(self.record.target))
    }

    fn count(self) -> Count {
        if self.record.extent == UNKNOWN { Count::Open } else { Count::Exactly(self.record.extent) }
    }

    /// The type below all typedefs and qualifiers; `None`: `void`.
    pub fn resolved(self) -> Option<Type<'t>> {
        let mut current = self;
        for _ in 0..DEEPEST {
            match current.kind() {
                Kind::Typedef(below) | Kind::Qualified(below) => current = below?,
                _ => return Some(current),
            }
        }
        None
    }

    /// What else is to be said of it.
    pub fn flags(self) -> TypeFlags {
        TypeFlags::of(self.record.flags)
    }

    /// Whether only a declaration of it is known.
    pub fn is_declaration(self) -> bool {
        self.flags().declaration
    }

    /// The first of the units that define it.
    pub fn unit(self) -> Option<Unit<'t>> {
        self.table.unit(UnitId(self.record.unit))
    }

    /// Where it is declared.
    pub fn declared(self) -> Declared<'t> {
        Declared { file: self.table.string(self.record.file), line: self.record.line }
    }

    /// Of a structure, union or class, in the order of the debug info, which is that of the source; else none.
    pub fn members(self) -> impl ExactSizeIterator<Item = Member<'t>> + use<'t> {
        let count = if self.tag().is_aggregate() { self.record.count } else { 0 };
        let records = part::<MemberRecord>(self.table.members(), self.record.first, count);
        let table = self.table;
        records.iter().map(move |record| Member { table, record })
    }

    /// The constants of an enumeration; else none.
    pub fn enumerators(self) -> impl ExactSizeIterator<Item = Enumerator<'t>> + use<'t> {
        let count = if self.tag() == Tag::Enumeration { self.record.count } else { 0 };
        let records = part::<EnumeratorRecord>(self.table.enumerators(), self.record.first, count);
        let table = self.table;
        records.iter().map(move |record| Enumerator { name: table.string(record.name), value: record.value })
    }

    /// What a function type takes; else none.
    pub fn parameters(self) -> impl ExactSizeIterator<Item = Parameter<'t>> + use<'t> {
        let count = if self.tag() == Tag::Function { self.record.count } else { 0 };
        parameters(self.table, self.record.first, count)
    }
}

impl std::fmt::Debug for Type<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Type({} {:?} {:?})", self.id.0, self.tag(), self.name().unwrap_or(""))
    }
}

/// A member of a structure, union or class; or a base class.
#[derive(Clone, Copy)]
pub struct Member<'t> {
    table: &'t Table,
    record: &'t MemberRecord,
}

impl<'t> Member<'t> {
    /// `None`: an anonymous structure or union, whose members are named as if they were the outer one's; an unnamed bit-field; or a
    /// base class.
    pub fn name(self) -> Option<&'t str> {
        Some(self.table.string(self.record.name)).filter(|name| !name.is_empty())
    }

    /// Its type. `None`: the debug info does not say.
    pub fn ty(self) -> Option<Type<'t>> {
        self.table.ty(TypeId(self.record.target))
    }

    /// Bytes from the start of the structure to the first byte that holds some of it.
    pub fn offset(self) -> u64 {
        self.record.bit_offset / 8
    }

    /// Bits from the start of the structure; on x86-64 a bit's place is counted from the least significant one.
    pub fn bit_offset(self) -> u64 {
        self.record.bit_offset
    }

    /// Of a bit-field: how many.
    pub fn bit_size(self) -> Option<u32> {
        (self.record.bit_size != 0).then_some(self.record.bit_size)
    }

    /// Whether it is a base class.
    pub fn is_base(self) -> bool {
        self.record.flags & 1 == 1
    }

    /// Of a Rust enumeration: which variant it belongs to, from 0. `None`: it is there in all.
    pub fn variant(self) -> Option<u16> {
        self.record.variant.checked_sub(1)
    }
}

impl std::fmt::Debug for Member<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Member({:?} at {} {:?})", self.name().unwrap_or(""), self.offset(), self.ty())
    }
}

/// A constant of an enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enumerator<'t> {
    /// As written.
    pub name: &'t str,
    /// Two's complement; [`TypeFlags::unsigned`] says how to read it.
    pub value: i64,
}

impl Table {
    /// The type with this number.
    pub fn ty(&self, id: TypeId) -> Option<Type<'_>> {
        let record = usize::try_from(id.0).ok().and_then(|index| self.type_records().get(index))?;
        Some(Type::new(self, id, record))
    }

    /// All types, in the order of their numbers.
    pub fn types(&self) -> impl ExactSizeIterator<Item = Type<'_>> {
        let records = self.type_records().iter();
        records
            .enumerate()
            .map(|(index, record)| Type::new(self, TypeId(u32::try_from(index).unwrap_or(u32::MAX)), record))
    }

    /// The types with this name, whatever their tags: several where units differ, or where a typedef has its structure's name.
    pub fn types_named(&self, name: &str) -> impl Iterator<Item = Type<'_>> {
        let records = self.type_records();
        let sorted = self.type_names();
        let name_of =
            |index| usize::try_from(index).ok().and_then(|index| records.get(index)).map_or(0, |r| r.name);
        let found = names::find(self.pool(), sorted, name, name_of);
        sorted.get(found).unwrap_or(&[]).iter().filter_map(|index| self.ty(TypeId(*index)))
    }
}
