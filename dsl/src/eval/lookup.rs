//! Types, variables, functions and constants of a release by the names that rules give them, where one is wanted and not several.

use crate::names::{self, Constant, Constants};
use crate::rules::{Symbol, TypeName};
use mcrx_debuginfo::table::{Count, Function, Kind, Storage, Table, Type, Variable};

/// Why a name stands for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotFound {
    /// Nothing is called so.
    Missing,
    /// Several things are, which differ.
    Several,
}

impl NotFound {
    /// For people, after the name.
    pub fn describe(self) -> &'static str {
        match self {
            NotFound::Missing => "is not in the debug info",
            NotFound::Several => {
                "is the name of several that differ; `@\"file.c\"` behind it says which is meant"
            }
        }
    }
}

/// A table, with what is looked for more than once.
#[derive(Debug)]
pub struct Lookup<'t> {
    table: &'t Table,
    constants: Constants<'t>,
}

impl<'t> Lookup<'t> {
    /// Of one release.
    pub fn new(table: &'t Table) -> Lookup<'t> {
        Lookup { table, constants: Constants::of(table) }
    }

    /// All of it.
    pub fn table(&self) -> &'t Table {
        self.table
    }

    /// The constant that is called so; of several enumerations, if it has the same value in all.
    pub(super) fn constant(&self, name: &str) -> Result<Constant<'t>, NotFound> {
        let all = self.constants.named(name);
        let first = all.first().ok_or(NotFound::Missing)?;
        if all.iter().all(|other| other.value == first.value) { Ok(*first) } else { Err(NotFound::Several) }
    }

    /// The type that a name stands for, with stars and brackets.
    pub fn ty(&self, name: &TypeName) -> Result<Type<'t>, NotFound> {
        let mut ty = self.named(name)?;
        for _ in 0..name.pointers {
            ty = self
                .built(|kind| matches!(kind, Kind::Pointer(Some(below)) if below.resolved() == Some(ty)))?;
        }
        for length in name.arrays.iter().rev() {
            let is_it = |kind: Kind<'_>| match kind {
                Kind::Array { element: Some(element), count } => {
                    element.resolved() == Some(ty) && count == Count::Exactly(*length)
                }
                _ => false,
            };
            ty = self.built(is_it)?;
        }
        Ok(ty)
    }

    /// The bytes of a type, also where the program has no array or pointer of it.
    pub(super) fn size_of(&self, name: &TypeName) -> Result<Option<u64>, NotFound> {
        let one = if name.pointers > 0 { Some(8) } else { self.named(name)?.size() };
        Ok(name.arrays.iter().try_fold(one, |size, length| Some(size?.checked_mul(*length))).flatten())
    }

    /// Without stars and brackets.
    fn named(&self, name: &TypeName) -> Result<Type<'t>, NotFound> {
        only(&names::types(self.table, name.keyword, &name.symbol))
    }

    /// The first type that is built so.
    fn built(&self, is_it: impl Fn(Kind<'t>) -> bool) -> Result<Type<'t>, NotFound> {
        self.table.types().find(|ty| is_it(ty.kind())).ok_or(NotFound::Missing)
    }

    /// The variable that is called so, if it has an address. One that all files see goes before those that files have for themselves.
    pub fn variable(&self, name: &Symbol) -> Result<Variable<'t>, NotFound> {
        let mut found = names::variables(self.table, name);
        found.retain(|variable| variable.storage() == Storage::Static);
        prefer(&mut found, Variable::is_external);
        found.dedup_by_key(|variable| variable.address());
        only(&found.iter().map(Variable::id).collect::<Vec<_>>())
            .and_then(|id| self.table.variable(id).ok_or(NotFound::Missing))
    }

    /// The function that is called so, if it has code.
    pub fn function(&self, name: &Symbol) -> Result<Function<'t>, NotFound> {
        let mut found = names::functions(self.table, name);
        found.retain(|function| function.code().is_some());
        prefer(&mut found, Function::is_external);
        only(&found.iter().map(Function::id).collect::<Vec<_>>())
            .and_then(|id| self.table.function(id).ok_or(NotFound::Missing))
    }
}

/// Leaves only those, if there are any.
fn prefer<T>(all: &mut Vec<T>, is_better: impl Fn(&T) -> bool) {
    if all.iter().any(&is_better) {
        all.retain(|one| is_better(one));
    }
}

fn only<T: Copy>(all: &[T]) -> Result<T, NotFound> {
    match all {
        [] => Err(NotFound::Missing),
        [one] => Ok(*one),
        _ => Err(NotFound::Several),
    }
}
