//! Types under other names, as facts introduce them: laid out like the type, with facts of their own.
//!
//! A variant is numbered behind all types, and so are the pointers to it, the pointers to those, and the arrays of either: what leads
//! from one object of a variant to the next.

use super::{Model, Ty};
use crate::facts::Variant;
use mcrx_debuginfo::table::{Kind, Type};
use rustc_hash::FxHashMap;

/// How many pointers and arrays deep: `dictEntry **table[2]` is three.
const DEEPEST: u32 = 4;

/// All variants of a model.
#[derive(Default)]
pub(super) struct Variants {
    /// By number, less that of the first: what it is a variant of, and which variant, by its place among the facts.
    all: Vec<(Ty, usize)>,
    numbers: FxHashMap<(Ty, usize), u32>,
}

impl Variants {
    /// Those that facts introduce.
    pub(super) fn find(model: &Model<'_>) -> Variants {
        let mut variants = Variants::default();
        for (place, variant) in model.facts().variants.iter().enumerate() {
            let structures: Vec<Ty> = model.all_named(&variant.of).collect();
            for (table, loaded) in model.tables.iter().enumerate() {
                for ty in loaded.table.types() {
                    let number = model.number(table, ty).filter(|_| ty.resolved() == Some(ty));
                    if let Some(number) = number
                        && leads_to(model, table, ty, &structures, DEEPEST)
                    {
                        variants.add(number, place);
                    }
                }
            }
        }
        variants
    }

    fn add(&mut self, ty: Ty, variant: usize) {
        if let Ok(number) = u32::try_from(self.all.len()) {
            self.numbers.entry((ty, variant)).or_insert(number);
            self.all.push((ty, variant));
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.all.len()).unwrap_or(0)
    }

    /// The structure of a variant's name.
    pub(super) fn named(&self, model: &Model<'_>, name: &str) -> Option<Ty> {
        let place = model.place_of_variant_named(name)?;
        let of = &model.facts().variants.get(place)?.of;
        model.all_named(of).find_map(|ty| model.in_variant(ty, Some(place)))
    }
}

/// Whether a type is one of some structures, or points to one, or is an array of either.
fn leads_to(model: &Model<'_>, table: usize, ty: Type<'_>, structures: &[Ty], deeper: u32) -> bool {
    let (Some(ty), Some(deeper)) = (ty.resolved(), deeper.checked_sub(1)) else { return false };
    match ty.kind() {
        Kind::Aggregate => model.number(table, ty).is_some_and(|number| structures.contains(&number)),
        Kind::Pointer(Some(below)) | Kind::Array { element: Some(below), .. } => {
            leads_to(model, table, below, structures, deeper)
        }
        _ => false,
    }
}

impl<'t> Model<'t> {
    /// The type, if this is a variant of one.
    #[inline]
    pub(super) fn plain(&self, ty: Ty) -> Ty {
        if ty.0 < self.types() { ty } else { self.home_of_variant(ty).map_or(ty, |(plain, _)| plain) }
    }

    /// Which variant it is, by its place among the facts.
    pub(super) fn place_of_variant(&self, ty: Ty) -> Option<usize> {
        self.home_of_variant(ty).map(|(_, place)| place)
    }

    /// The variant of a name, by its place among the facts.
    pub(crate) fn place_of_variant_named(&self, name: &str) -> Option<usize> {
        self.facts().variants.iter().position(|variant| variant.name == name)
    }

    /// Which variant a type is.
    pub fn variant(&self, ty: Ty) -> Option<&'t Variant> {
        self.facts().variants.get(self.place_of_variant(ty)?)
    }

    fn home_of_variant(&self, ty: Ty) -> Option<(Ty, usize)> {
        let number = usize::try_from(ty.0.checked_sub(self.types())?).ok()?;
        self.variants.all.get(number).copied()
    }

    /// A type's variant, if it has this one.
    pub(crate) fn in_variant(&self, ty: Ty, place: Option<usize>) -> Option<Ty> {
        let number = self.variants.numbers.get(&(ty, place?))?;
        self.types().checked_add(*number).map(Ty)
    }
}
