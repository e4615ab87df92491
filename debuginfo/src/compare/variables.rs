//! What changed in global and static variables.

use super::effect::Effect;
use super::relation::{Difference, Relation};
use super::source::Source;
use super::types::Compared;
use crate::table::{Storage, Table, Variable};
use std::collections::BTreeMap;

/// Arrays that the compiler makes of a function's name: no state.
const MADE_BY_THE_COMPILER: [&str; 3] = ["__func__", "__FUNCTION__", "__PRETTY_FUNCTION__"];

/// All that differs. Only variables that have a place: one that the compiler left out is as good as removed.
#[derive(Debug, Default)]
pub struct Variables<'o, 'n> {
    /// Variables of both, those that make old memory wrong first, then by name.
    pub changed: Vec<VariableChange<'o, 'n>>,
    /// By name.
    pub added: Vec<Variable<'n>>,
    /// By name.
    pub removed: Vec<Variable<'o>>,
}

/// A variable that differs.
#[derive(Debug, Clone)]
pub struct VariableChange<'o, 'n> {
    /// As it was.
    pub old: Variable<'o>,
    /// As it is.
    pub new: Variable<'n>,
    /// How its type differs.
    pub difference: Option<Difference>,
    /// The changed type that it is, or is an array of: its name and what the change does.
    pub via: Option<(&'n str, Effect)>,
    /// It became a static one, or is none any more.
    pub is_relinked: bool,
    /// It became thread-local, or is no longer.
    pub is_moved: bool,
    /// Another source file defines it.
    pub is_in_another_unit: bool,
}

impl VariableChange<'_, '_> {
    /// It has another type.
    pub fn is_retyped(&self) -> bool {
        self.difference.is_some_and(|difference| !difference.is_spelling())
    }

    /// What it does to old memory.
    pub fn effect(&self) -> Effect {
        let own = (self.is_retyped() || self.is_moved).then_some(Effect::Incompatible);
        let via = self.via.map(|(_, effect)| effect);
        own.into_iter().chain(via).min().unwrap_or(Effect::Compatible)
    }
}

/// What a variable is known by: its name, and for a static local its function's.
type Key<'a> = (&'a str, &'a str);

struct Group<'o, 'n> {
    old: Vec<Variable<'o>>,
    new: Vec<Variable<'n>>,
}

pub(super) fn compare<'o, 'n>(
    old: &'o Table,
    new: &'n Table,
    relation: &mut Relation<'_, 'o, 'n>,
    types: &Compared<'_, 'o, 'n>,
) -> Variables<'o, 'n> {
    let mut found = Variables::default();
    for group in groups(old, new).into_values() {
        pair(group, &mut found, |old, new| {
            let (one, other) = (old.ty(), new.ty());
            let difference = relation.of(one, other);
            let via = types.held_by(one, other).map(|change| (change.name, change.effect()));
            let via = via.filter(|_| difference.is_none_or(Difference::is_spelling));
            let change = VariableChange {
                difference,
                via,
                is_relinked: old.is_external() != new.is_external(),
                is_moved: old.storage() != new.storage(),
                is_in_another_unit: !is_in_same_source(&old, &new),
                old,
                new,
            };
            let differs = change.difference.is_some()
                || change.via.is_some()
                || change.is_relinked
                || change.is_moved
                || change.is_in_another_unit;
            differs.then_some(change)
        });
    }
    found.changed.sort_by_key(VariableChange::effect);
    found
}

/// Which variable of one release is which of the other.
#[derive(Debug, Default)]
pub struct VariablePairs<'o, 'n> {
    /// By name.
    pub pairs: Vec<(Variable<'o>, Variable<'n>)>,
    /// By name.
    pub added: Vec<Variable<'n>>,
    /// By name.
    pub removed: Vec<Variable<'o>>,
}

/// Pairs the variables of two tables that have a place, as [`super::compare`] does.
pub fn variable_pairs<'o, 'n>(old: &'o Table, new: &'n Table) -> VariablePairs<'o, 'n> {
    let (mut pairs, mut found) = (Vec::new(), Variables::default());
    for group in groups(old, new).into_values() {
        pair(group, &mut found, |old, new| {
            pairs.push((old, new));
            None
        });
    }
    VariablePairs { pairs, added: found.added, removed: found.removed }
}

fn groups<'a, 'o: 'a, 'n: 'a>(old: &'o Table, new: &'n Table) -> BTreeMap<Key<'a>, Group<'o, 'n>> {
    let mut groups: BTreeMap<Key<'_>, Group<'o, 'n>> = BTreeMap::new();
    let empty = || Group { old: Vec::new(), new: Vec::new() };
    for variable in old.variables().filter(has_place) {
        groups.entry(key(&variable)).or_insert_with(empty).old.push(variable);
    }
    for variable in new.variables().filter(has_place) {
        groups.entry(key(&variable)).or_insert_with(empty).new.push(variable);
    }
    groups
}

/// Pairs variables of one name: those of the same source file first, then in order.
fn pair<'o, 'n>(
    group: Group<'o, 'n>,
    found: &mut Variables<'o, 'n>,
    mut compare: impl FnMut(Variable<'o>, Variable<'n>) -> Option<VariableChange<'o, 'n>>,
) {
    let mut new = group.new;
    let mut left = Vec::new();
    for old in group.old {
        // Of several files whose folders are not known, that with the most like path.
        let likely = (0..).zip(&new).filter(|(_, new)| is_in_same_source(&old, new));
        let likely = likely.max_by_key(|(place, new)| (common(&old, new), std::cmp::Reverse(*place)));
        match likely.map(|(place, _): (usize, _)| place) {
            Some(place) => found.changed.extend(compare(old, new.remove(place))),
            None => left.push(old),
        }
    }
    for old in left {
        // Two static variables of different files that share nothing but a common name are not one that was moved.
        let partner = new.iter().position(|new| old.is_external() || new.is_external() || alike(&old, new));
        match partner {
            Some(place) => found.changed.extend(compare(old, new.remove(place))),
            None => found.removed.push(old),
        }
    }
    found.added.append(&mut new);
}

fn alike(old: &Variable<'_>, new: &Variable<'_>) -> bool {
    let shape = |variable: &Variable<'_>| {
        let ty = variable.ty();
        crate::spell::type_name(ty, crate::spell::Anonymous::WrittenOut)
    };
    shape(old) == shape(new)
}

fn has_place(variable: &Variable<'_>) -> bool {
    matches!(variable.storage(), Storage::Static | Storage::ThreadLocal)
        && !variable.name().is_empty()
        && !MADE_BY_THE_COMPILER.contains(&variable.name())
}

fn key<'t>(variable: &Variable<'t>) -> Key<'t> {
    (variable.name(), variable.function().map_or("", |function| function.name()))
}

fn is_in_same_source(old: &Variable<'_>, new: &Variable<'_>) -> bool {
    match (old.unit(), new.unit()) {
        (Some(old), Some(new)) => Source::of(&old).is(Source::of(&new)),
        (old, new) => old.is_none() && new.is_none(),
    }
}

fn common(old: &Variable<'_>, new: &Variable<'_>) -> usize {
    old.unit().zip(new.unit()).map_or(0, |(old, new)| Source::of(&old).common(Source::of(&new)))
}
