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
//!       void *elts;                80  Told: by a fact, and by a value that is looked at when an object is scanned
//!   };
//! ```
//!
//! Facts cost nothing where there are none: they are asked for when a type is compiled, and what they say is in the map then.
//!
//! What it does not do: read memory, or know blocks.

mod agree;
mod compile;
mod reach;
mod scan;
mod spot;
mod told;
mod variant;

pub use agree::Relation;
pub(crate) use agree::Within;
pub(crate) use reach::Here;
pub(crate) use scan::scan_conservatively;
pub use scan::{Pointer, Sort, is_address};
pub use spot::Spot;
pub(crate) use told::Compiled;
pub use told::{Dead, Told};

use crate::facts::{Facts, TypeName};
use mcrx_debuginfo::spell::{self, Anonymous};
use mcrx_debuginfo::table::{Encoding, Kind, Table, Type, TypeId};
use rustc_hash::FxHashMap;
use std::sync::OnceLock;
use variant::Variants;

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
    /// What items of [`What::Told`] are.
    pub told: Vec<Told>,
    /// Parts that hold nothing live.
    pub scratch: Vec<Dead>,
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
    /// A pointer to something that is kept alive by it, and that nobody reads by it.
    Retained,
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
    /// What a value elsewhere tells: its place in [`PointerMap::told`].
    Told(u32),
    /// The first item of a type with [`PointerMap::scratch`].
    Scratch,
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
    /// How many are in use.
    pub in_use: InUse,
}

/// How much of a flexible array is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InUse {
    /// As many elements as there is room for.
    All,
    /// As many as a value tells: its place in [`PointerMap::told`].
    Told(u32),
    /// What is there holds no pointers.
    Nothing,
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
    tables: Vec<Loaded<'t>>,
    /// The number of each table's first type, and one past the last's.
    bases: Vec<u32>,
    facts: &'t Facts,
    /// The names by which facts speak of types.
    names: FxHashMap<Ty, Vec<&'t str>>,
    variants: Variants,
    maps: Vec<OnceLock<PointerMap>>,
}

/// A table, and where its module is.
#[derive(Clone, Copy)]
struct Loaded<'t> {
    table: &'t Table,
    /// To be added to an address as linked, modulo 2^64.
    bias: u64,
}

impl<'t> Model<'t> {
    /// Of these tables, in this order. Types past 2^32 in all are left out: they have no number. Modules are where they were linked to be.
    pub fn new(tables: impl IntoIterator<Item = &'t Table>, facts: &'t Facts) -> Model<'t> {
        Model::loaded(tables.into_iter().map(|table| (table, 0)), facts)
    }

    /// The same for modules of a process: each table with its [`bias`](crate::image::Module::bias), for facts that name functions and
    /// variables.
    pub fn loaded(tables: impl IntoIterator<Item = (&'t Table, u64)>, facts: &'t Facts) -> Model<'t> {
        let tables: Vec<Loaded<'t>> =
            tables.into_iter().map(|(table, bias)| Loaded { table, bias }).collect();
        let mut bases = vec![0u32];
        for loaded in &tables {
            let count = u32::try_from(loaded.table.types().len()).unwrap_or(u32::MAX);
            bases.push(bases.last().map_or(0, |base| base.saturating_add(count)));
        }
        let (names, variants) = (FxHashMap::default(), Variants::default());
        let mut model = Model { tables, bases, facts, names, variants, maps: Vec::new() };
        model.variants = Variants::find(&model);
        model.names = model.named_by_facts();
        let count = model.types().saturating_add(model.variants.len());
        let count = usize::try_from(count).unwrap_or(0);
        model.maps = std::iter::repeat_with(OnceLock::new).take(count).collect();
        model
    }

    /// How many types there are, without variants.
    fn types(&self) -> u32 {
        self.bases.last().copied().unwrap_or(0)
    }

    /// What it was told.
    pub fn facts(&self) -> &'t Facts {
        self.facts
    }

    /// Its tables, in their order, each with the bias of its module.
    pub fn tables(&self) -> impl ExactSizeIterator<Item = (&'t Table, u64)> {
        self.tables.iter().map(|loaded| (loaded.table, loaded.bias))
    }

    /// The number of a type, or of what is below it. `table`: its table's place in the list that the model was made of. `None`: `void`.
    pub fn number(&self, table: usize, ty: Type<'_>) -> Option<Ty> {
        let id = ty.resolved()?.id();
        let number = self.bases.get(table)?.checked_add(id.0)?;
        (number < *self.bases.get(table + 1)?).then_some(Ty(number))
    }

    /// The number of a type by its id.
    pub fn number_of(&self, table: usize, id: TypeId) -> Option<Ty> {
        self.number(table, self.tables.get(table)?.table.ty(id)?)
    }

    /// The number of a type of this very table.
    pub fn number_in(&self, table: &Table, ty: Type<'_>) -> Option<Ty> {
        let place = self.tables.iter().position(|known| std::ptr::eq(known.table, table))?;
        self.number(place, ty)
    }

    /// The type with a number; of a variant, the type that it is a variant of.
    pub fn ty(&self, ty: Ty) -> Option<Type<'t>> {
        let ty = self.plain(ty);
        let (table, base) = self.home(ty)?;
        self.tables.get(table)?.table.ty(TypeId(ty.0 - base))
    }

    /// Where a type's table is in the list, and the number of its first type.
    fn home(&self, ty: Ty) -> Option<(usize, u32)> {
        let table = self.bases.partition_point(|base| *base <= ty.0).checked_sub(1)?;
        Some((table, *self.bases.get(table)?))
    }

    /// Where the pointers of a type are. Empty for a number that no type has.
    #[inline]
    pub fn map(&self, ty: Ty) -> &PointerMap {
        static NONE: PointerMap =
            PointerMap { size: 0, items: Vec::new(), tail: None, told: Vec::new(), scratch: Vec::new() };
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

    /// As C writes it; of an anonymous type, what it is. Of a variant, with the variant's name.
    pub fn name(&self, ty: Ty) -> String {
        let name =
            self.ty(ty).map_or_else(|| "?".to_owned(), |ty| spell::type_name(Some(ty), Anonymous::LeftOut));
        match self.variant(ty) {
            Some(variant) => format!("{name} ({})", variant.name),
            None => name,
        }
    }

    /// A member path such as `.pool` or `[3].next`, of what lies at an offset; empty for the object itself, or if it is not known.
    pub fn path(&self, ty: Ty, offset: u64) -> String {
        let Some(place) = self.ty(ty).and_then(|ty| ty.place(offset)) else { return String::new() };
        if place.rest == 0 { place.path } else { format!("{}+{}", place.path, place.rest) }
    }

    /// The first complete structure, union, typedef or other type of a name; or the variant of that name.
    pub fn named(&self, name: &str) -> Option<Ty> {
        self.all_named(name).next().or_else(|| self.variants.named(self, name))
    }

    /// All complete types of a name, typedefs resolved.
    fn all_named(&self, name: &str) -> impl Iterator<Item = Ty> {
        let name = TypeName::of(name);
        self.tables.iter().enumerate().flat_map(move |(table, loaded)| {
            let complete = |ty: &Type<'_>| ty.resolved().is_some_and(|ty| ty.size().is_some());
            let named =
                loaded.table.types_named(name.bare).filter(move |ty| complete(ty) && name.is_of_file(*ty));
            let found: Vec<Ty> = match name.pointers {
                0 => named.filter_map(|ty| self.number(table, ty)).collect(),
                _ => {
                    let below: Vec<Type<'_>> = named.filter_map(Type::resolved).collect();
                    let is_it = |ty: &Type<'_>| name.pointee(*ty).is_some_and(|ty| below.contains(&ty));
                    loaded.table.types().filter(is_it).filter_map(|ty| self.number(table, ty)).collect()
                }
            };
            found
        })
    }

    /// A type of one byte without pointers in it: what blocks are of that hold none.
    pub fn byte(&self) -> Option<Ty> {
        let is_byte = |ty: &Type<'_>| {
            let is_character = |encoding| matches!(encoding, Encoding::SignedChar | Encoding::UnsignedChar);
            matches!(ty.kind(), Kind::Base(encoding) if is_character(encoding)) && ty.size() == Some(1)
        };
        let mut tables = self.tables.iter().enumerate();
        tables.find_map(|(table, loaded)| self.number(table, loaded.table.types().find(is_byte)?))
    }

    /// The types of which facts speak, with the names by which they do.
    fn named_by_facts(&self) -> FxHashMap<Ty, Vec<&'t str>> {
        let facts = self.facts;
        let fields = facts.fields.iter().map(|fact| &fact.owner);
        let scratch = facts.scratch.iter().map(|fact| &fact.owner);
        let pointers = facts.pointers.iter().map(|fact| &fact.to);
        let mut speak_of: Vec<&'t str> = fields.chain(scratch).chain(pointers).map(String::as_str).collect();
        speak_of.sort_unstable();
        speak_of.dedup();
        let mut names: FxHashMap<Ty, Vec<&'t str>> = FxHashMap::default();
        for name in speak_of {
            for (table, loaded) in self.tables.iter().enumerate() {
                let spelt = TypeName::of(name);
                let named = loaded.table.types_named(spelt.bare).filter(|ty| spelt.is_of_file(*ty));
                for ty in named.filter_map(|ty| self.number(table, ty)) {
                    let of_type = names.entry(ty).or_default();
                    if of_type.last() != Some(&name) {
                        of_type.push(name);
                    }
                }
            }
        }
        names
    }

    /// The names by which facts speak of a type.
    fn names(&self, ty: Ty) -> impl Iterator<Item = &'t str> {
        self.names.get(&self.plain(ty)).into_iter().flatten().copied()
    }
}
