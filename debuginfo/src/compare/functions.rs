//! What changed in functions: what they take and return. A pointer to one may lie in memory, and the new release's function of that name
//! is called through it.

use super::relation::{Difference, Relation};
use super::source::Source;
use crate::table::{Function, Table};
use std::collections::BTreeMap;

/// All that differs. Only functions that have code of their own: no pointer leads to one that is always inlined.
#[derive(Debug, Default)]
pub struct Functions<'o, 'n> {
    /// By name.
    pub changed: Vec<FunctionChange<'o, 'n>>,
    /// By name.
    pub added: Vec<Function<'n>>,
    /// By name.
    pub removed: Vec<Function<'o>>,
}

impl Functions<'_, '_> {
    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.added.is_empty() && self.removed.is_empty()
    }
}

/// A function that takes or returns other things.
#[derive(Debug, Clone, Copy)]
pub struct FunctionChange<'o, 'n> {
    /// As it was.
    pub old: Function<'o>,
    /// As it is.
    pub new: Function<'n>,
    /// How its type differs; never in spelling alone.
    pub difference: Difference,
}

pub(super) fn compare<'o, 'n>(
    old: &'o Table,
    new: &'n Table,
    relation: &mut Relation<'_, 'o, 'n>,
) -> Functions<'o, 'n> {
    let FunctionPairs { pairs, added, removed } = function_pairs(old, new);
    let changed = pairs.into_iter().filter_map(|(old, new)| {
        differ(relation, &old, &new).map(|difference| FunctionChange { old, new, difference })
    });
    Functions { changed: changed.collect(), added, removed }
}

/// Which function of one release is which of the other.
#[derive(Debug, Default)]
pub struct FunctionPairs<'o, 'n> {
    /// By name.
    pub pairs: Vec<(Function<'o>, Function<'n>)>,
    /// By name.
    pub added: Vec<Function<'n>>,
    /// By name.
    pub removed: Vec<Function<'o>>,
}

/// Pairs the functions of two tables that have code, as [`super::compare`] does.
pub fn function_pairs<'o, 'n>(old: &'o Table, new: &'n Table) -> FunctionPairs<'o, 'n> {
    let mut groups: BTreeMap<&str, (Vec<Function<'o>>, Vec<Function<'n>>)> = BTreeMap::new();
    for function in old.functions().filter(has_code) {
        groups.entry(function.name()).or_default().0.push(function);
    }
    for function in new.functions().filter(has_code) {
        groups.entry(function.name()).or_default().1.push(function);
    }
    let mut found = FunctionPairs::default();
    for (old, mut new) in groups.into_values() {
        let alone = old.len() == 1 && new.len() == 1;
        for function in old {
            match new.iter().position(|other| alone || is_in_same_source(&function, other)) {
                Some(place) => found.pairs.push((function, new.remove(place))),
                None => found.removed.push(function),
            }
        }
        found.added.append(&mut new);
    }
    found
}

fn differ<'o, 'n>(
    relation: &mut Relation<'_, 'o, 'n>,
    old: &Function<'o>,
    new: &Function<'n>,
) -> Option<Difference> {
    if old.parameters().len() != new.parameters().len() {
        return Some(Difference::Signature);
    }
    let returns = relation.of(old.returns(), new.returns());
    let parameters = old.parameters().zip(new.parameters());
    let worst = parameters.map(|(old, new)| relation.of(old.ty, new.ty)).fold(returns, Option::max);
    worst.filter(|difference| !difference.is_spelling()).map(|_| Difference::Signature)
}

fn has_code(function: &Function<'_>) -> bool {
    function.code().is_some() && !function.name().is_empty()
}

fn is_in_same_source(old: &Function<'_>, new: &Function<'_>) -> bool {
    old.unit().zip(new.unit()).is_some_and(|(old, new)| Source::of(&old).is(Source::of(&new)))
}
