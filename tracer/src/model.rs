//! Types of all modules of a process, as marking needs them: where in each there are pointers, and whether two of them can be one.
//!
//! Types of several tables get one numbering, [`Ty`], always of what is below typedefs and qualifiers. Each type is compiled, when it is
//! first met, into a [`PointerMap`]:
//!
//! ```text
//!   struct conn {              offset  what
//!       struct conn *next;          0  Precise(struct conn)
//!       void *data;                 8  Opaque
//!       int fd;                         -
//!       union { ... } u;           24  Likely, 16 bytes
//!       void (*read)(..);          40  Function
//!       struct buf bufs[500];      48  Repeat(struct buf), 500 times every 24 bytes
//!       struct item tail[];      tail  struct item, as many as the block has room for
//!   };
//! ```
//!
//! What it does not do: read memory, or know blocks.

mod agree;
mod compile;
mod scan;

pub use agree::Relation;
pub(crate) use scan::scan_conservatively;
pub use scan::{Pointer, Sort};

use crate::facts::Facts;
use mcrx_debuginfo::spell::{self, Anonymous};
use mcrx_debuginfo::table::{Table, Type, TypeId};
use std::sync::OnceLock;

/// A type of a [`Model`]; never a typedef or a qualified one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ty(pub u32);

/// Where pointers are in a type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PointerMap {
    /// Bytes of one.
    pub size: u64,
    /// By offset.
    pub items: Vec<Item>,
    /// A flexible array at its end.
    pub tail: Option<Tail>,
}

/// Something in a type that holds pointers, or may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// In bytes, from the start of the type.
    pub offset: u64,
    /// What is there.
    pub what: What,
}

/// What holds pointers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A pointer to an object of this type; `mask` has the bits that count.
    Precise {
        /// The type pointed to.
        to: Ty,
        /// All ones where no fact says otherwise.
        mask: u64,
    },
    /// A pointer to something whose type is not said: `void *`, `char *`, a type that is only declared.
    Opaque {
        /// All ones where no fact says otherwise.
        mask: u64,
    },
    /// A pointer to code.
    Function,
    /// Bytes any aligned word of which may be a pointer.
    Likely {
        /// How many.
        len: u64,
    },
    /// Elements that are not listed one by one.
    Repeat {
        /// Of one.
        ty: Ty,
        /// How many.
        count: u64,
        /// Bytes from one to the next.
        stride: u64,
    },
}

/// A flexible array member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Of one element.
    pub ty: Ty,
    /// Bytes of one.
    pub stride: u64,
}

/// How much of a block a type takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// All of it: so many side by side.
    Exactly(u64),
    /// All of it: one, and a flexible array.
    WithTail,
    /// One at the start; then there is something else.
    Part,
    /// It does not fit, or has no size.
    No,
}

/// The types of several tables in one numbering.
pub struct Model<'t> {
    tables: Vec<&'t Table>,
    /// The number of each table's first type, and one past the last's.
    bases: Vec<u32>,
    facts: &'t Facts,
    maps: Vec<OnceLock<PointerMap>>,
}

impl<'t> Model<'t> {
    /// Of these tables, in this order. Types past 2^32 in all are left out: they have no number.
    pub fn new(tables: impl IntoIterator<Item = &'t Table>, facts: &'t Facts) -> Model<'t> {
        let tables: Vec<&Table> = tables.into_iter().collect();
        let mut bases = vec![0u32];
        for table in &tables {
            let count = u32::try_from(table.types().len()).unwrap_or(u32::MAX);
            bases.push(bases.last().map_or(0, |base| base.saturating_add(count)));
        }
        let count = bases.last().map_or(0, |count| usize::try_from(*count).unwrap_or(0));
        let maps = std::iter::repeat_with(OnceLock::new).take(count).collect();
        Model { tables, bases, facts, maps }
    }

    /// The number of a type, or of what is below it. `table`: its table's place in the list that the model was made of. `None`: `void`.
    pub fn number(&self, table: usize, ty: Type<'_>) -> Option<Ty> {
        let id = ty.resolved()?.id();
        let number = self.bases.get(table)?.checked_add(id.0)?;
        (number < *self.bases.get(table + 1)?).then_some(Ty(number))
    }

    /// The number of a type by its id.
    pub fn number_of(&self, table: usize, id: TypeId) -> Option<Ty> {
        self.number(table, self.tables.get(table)?.ty(id)?)
    }

    /// The number of a type of this very table.
    pub fn number_in(&self, table: &Table, ty: Type<'_>) -> Option<Ty> {
        let place = self.tables.iter().position(|known| std::ptr::eq(*known, table))?;
        self.number(place, ty)
    }

    /// The type with a number.
    pub fn ty(&self, ty: Ty) -> Option<Type<'t>> {
        let (table, base) = self.home(ty)?;
        self.tables.get(table)?.ty(TypeId(ty.0 - base))
    }

    /// Where a type's table is in the list, and the number of its first type.
    fn home(&self, ty: Ty) -> Option<(usize, u32)> {
        let table = self.bases.partition_point(|base| *base <= ty.0).checked_sub(1)?;
        Some((table, *self.bases.get(table)?))
    }

    /// Where the pointers of a type are. Empty for a number that no type has.
    pub fn map(&self, ty: Ty) -> &PointerMap {
        static NONE: PointerMap = PointerMap { size: 0, items: Vec::new(), tail: None };
        let place = usize::try_from(ty.0).ok().and_then(|number| self.maps.get(number));
        place.map_or(&NONE, |map| map.get_or_init(|| compile::compile(self, ty)))
    }

    /// How a block of `len` bytes holds objects of a type.
    pub fn fit(&self, ty: Ty, len: u64) -> Fit {
        let map = self.map(ty);
        match map.size {
            0 => Fit::No,
            size if size > len => Fit::No,
            size if len == size => Fit::Exactly(1),
            _ if map.tail.is_some() => Fit::WithTail,
            size if len.is_multiple_of(size) => Fit::Exactly(len / size),
            _ => Fit::Part,
        }
    }

    /// As C writes it; of an anonymous type, what it is.
    pub fn name(&self, ty: Ty) -> String {
        self.ty(ty).map_or_else(|| "?".to_owned(), |ty| spell::type_name(Some(ty), Anonymous::LeftOut))
    }

    /// A member path such as `.pool` or `[3].next`, of what lies at an offset; empty for the object itself, or if it is not known.
    pub fn path(&self, ty: Ty, offset: u64) -> String {
        let Some(place) = self.ty(ty).and_then(|ty| ty.place(offset)) else { return String::new() };
        if place.rest == 0 { place.path } else { format!("{}+{}", place.path, place.rest) }
    }

    /// The first complete structure, union, typedef or other type of a name.
    pub fn named(&self, name: &str) -> Option<Ty> {
        let found = |(table, types): (usize, &&'t Table)| {
            let complete = |ty: &Type<'_>| ty.resolved().is_some_and(|ty| ty.size().is_some());
            types.types_named(name).find(complete).and_then(|ty| self.number(table, ty))
        };
        self.tables.iter().enumerate().find_map(found)
    }
}
