//! What becomes of variables.

use super::conversion::is_lock;
use super::make::{List, Making, judge_variable};
use super::said::Said;
use super::{About, Asked, Origin, Place, TypePair};
use crate::names::is_file;
use crate::rules::{Change, GlobalChange, Path, Rules, Step, Symbol, Which};
use mcrx_debuginfo::compare::{VariablePairs, variable_pairs};
use mcrx_debuginfo::table::{Kind, Table, Tag, Variable};

/// A variable of one release or of both.
#[derive(Debug)]
pub struct VariablePair<'t> {
    /// In the old release.
    pub old: Option<Variable<'t>>,
    /// In the new release.
    pub new: Option<Variable<'t>>,
    /// Where in the new variable: an empty path, or that of a member, as a rule says.
    pub to: Place<'t>,
    /// What it is made from. `None`: nothing is: it is new, and as the new release's start-up leaves it; or it is gone, and given up.
    pub origin: Option<Origin<'t>>,
    /// Whose value counts. `None`: what changed since start-up.
    pub keep: Option<Which>,
}

pub(super) fn pairs<'t>(
    making: &mut Making<'_, 't>,
    old: &'t Table,
    new: &'t Table,
    rules: &'t Rules,
) -> Vec<VariablePair<'t>> {
    let VariablePairs { mut pairs, mut added, mut removed } = variable_pairs(old, new);
    let mut found = Vec::new();
    let nothing = Said::default();
    for (name, change) in statements(rules) {
        match change {
            GlobalChange::Becomes(path) => {
                let from = variable(old, name);
                let Some((from, to, place)) = from.and_then(|from| {
                    let (to, place) = target(new, &path.is)?;
                    Some((from, to, place))
                }) else {
                    continue;
                };
                pairs.retain(|(old, new)| {
                    old.id() != from.id() && (new.id() != to.id() || !place.path.is_empty())
                });
                removed.retain(|variable| variable.id() != from.id());
                if place.path.is_empty() {
                    added.retain(|variable| variable.id() != to.id());
                }
                let origin = making.variable(&nothing, from, to, &place);
                let (old, new) = (Some(from), Some(to));
                found.push(VariablePair { old, new, to: place, origin: Some(origin), keep: None });
            }
            GlobalChange::Set(value) => {
                let Some(to) = variable(new, name) else { continue };
                let from = pairs.iter().find(|(_, new)| new.id() == to.id()).map(|(old, _)| *old);
                pairs.retain(|(_, new)| new.id() != to.id());
                added.retain(|variable| variable.id() != to.id());
                let place = Place::whole(to.ty());
                let origin = Some(Origin::Set(value));
                found.push(VariablePair { old: from, new: Some(to), to: place, origin, keep: None });
            }
            GlobalChange::Keep(which) => {
                let Some(place) = pairs.iter().position(|(_, new)| is_named(new, name)) else { continue };
                let (from, to) = pairs.remove(place);
                let whole = Place::whole(to.ty());
                // What is the new release's is not converted.
                let origin = match which {
                    Which::New => Origin::Reset,
                    Which::Old => making.variable(&nothing, from, to, &whole),
                };
                let (old, new) = (Some(from), Some(to));
                found.push(VariablePair { old, new, to: whole, origin: Some(origin), keep: Some(*which) });
            }
            GlobalChange::Drop => {
                let Some(place) = removed.iter().position(|variable| is_named(variable, name)) else {
                    continue;
                };
                found.push(lone(Some(removed.remove(place)), None, None));
            }
        }
    }
    for (from, to) in pairs {
        let whole = Place::whole(to.ty());
        let origin = making.variable(&nothing, from, to, &whole);
        found.push(VariablePair {
            old: Some(from),
            new: Some(to),
            to: whole,
            origin: Some(origin),
            keep: None,
        });
    }
    for variable in removed {
        let mut gone = lone(Some(variable), None, None);
        if is_state(&variable) && !is_lock(variable.ty()) {
            let about = About::Variable { old: Some(variable), new: None };
            gone.origin = Some(making.open(about, Asked::Gone, Some(&Place::whole(variable.ty())), None));
        }
        found.push(gone);
    }
    found.extend(added.into_iter().map(|variable| lone(None, Some(variable), None)));
    found
}

/// What follows for variables from the types that they are of.
pub(super) fn judge<'t>(
    making: &mut Making<'_, 't>,
    variables: &mut [VariablePair<'t>],
    types: &[TypePair<'t>],
) {
    for VariablePair { old, new, to, origin, .. } in variables {
        let about = About::Variable { old: *old, new: *new };
        if let Some(origin) = origin {
            judge_variable(making, about, origin, to, types);
        }
    }
}

impl<'t> Making<'_, 't> {
    fn variable(
        &mut self,
        said: &Said<'t>,
        from: Variable<'t>,
        to: Variable<'t>,
        place: &Place<'t>,
    ) -> Origin<'t> {
        let old = Place::whole(from.ty());
        let about = About::Variable { old: Some(from), new: Some(to) };
        let list = List { about, said, is_union: false, old: &[] };
        // What cannot be written at run time is the new release's own.
        if !is_state(&from) && !is_state(&to) {
            return Origin::Reset;
        }
        let asked = self.questions.len();
        match self.convert(&list, &old, place) {
            Ok(conversion) => Origin::Old { of: 0, from: old, conversion, is_by_rule: false },
            Err(stopped) => {
                self.questions.truncate(asked);
                self.open(about, stopped.into(), Some(&old), Some(place))
            }
        }
    }
}

fn lone<'t>(
    old: Option<Variable<'t>>,
    new: Option<Variable<'t>>,
    origin: Option<Origin<'t>>,
) -> VariablePair<'t> {
    let to = Place::whole(new.or(old).and_then(|variable| variable.ty()));
    VariablePair { old, new, to, origin, keep: None }
}

fn statements(rules: &Rules) -> impl Iterator<Item = (&Symbol, &GlobalChange)> {
    rules.changes.iter().filter_map(|change| match &change.is {
        Change::Global { name, change } => Some((&name.is, &change.is)),
        _ => None,
    })
}

/// Whether its value is the program's state: it is not declared to be constant.
pub fn is_state(variable: &Variable<'_>) -> bool {
    /// How many arrays and typedefs are looked through.
    const DEEPEST: usize = 32;
    let mut current = variable.ty();
    for _ in 0..DEEPEST {
        let Some(ty) = current else { return true };
        match ty.kind() {
            Kind::Qualified(_) if ty.tag() == Tag::Const => return false,
            Kind::Qualified(below) | Kind::Typedef(below) => current = below,
            Kind::Array { element, .. } => current = element,
            _ => return true,
        }
    }
    true
}

/// The only variable of a name that has a place, or that of a source file.
fn variable<'t>(table: &'t Table, name: &Symbol) -> Option<Variable<'t>> {
    let mut named = table.variables_named(&name.name).filter(|variable| is_named(variable, name));
    let first = named.next()?;
    named.next().is_none().then_some(first)
}

fn is_named(variable: &Variable<'_>, name: &Symbol) -> bool {
    let in_unit = |end: &str| variable.unit().is_some_and(|unit| is_file(unit.name(), end));
    variable.name() == name.name && name.unit.as_deref().is_none_or(in_unit)
}

/// A variable, or a member of one.
fn target<'t>(table: &'t Table, path: &Path) -> Option<(Variable<'t>, Place<'t>)> {
    let Step::Member(name) = &path.steps.first()?.is else { return None };
    let variable = variable(table, &Symbol { name: name.clone(), unit: None })?;
    let steps = path.steps.get(1..)?.to_vec();
    let place = match variable.ty() {
        Some(ty) if !steps.is_empty() => Place::below(ty, &Path { steps })?,
        ty => Place::whole(ty),
    };
    Some((variable, place))
}
