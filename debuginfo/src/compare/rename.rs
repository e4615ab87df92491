//! Guesses which removed member lives on under another name.

use super::fields::{self, Field, FieldChange};
use super::relation::Relation;
use crate::table::Type;
use rustc_hash::FxHashSet;

/// How many pairs of a removed and an added member are looked at in one structure. More would be no guess but a lottery.
const MOST: usize = 1 << 14;

/// A guess: a removed member and an added one with the same type. The author of the rules decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// Its path in the old release.
    pub old: String,
    /// Its path in the new release. It may lie in a structure that was added: `notify_event` became `n.notify_event`.
    pub new: String,
}

/// Looks first for the same last name elsewhere, then for the same place.
pub(super) fn guesses<'o, 'n>(
    relation: &mut Relation<'_, 'o, 'n>,
    changes: &[FieldChange<'o, 'n>],
) -> Vec<Renamed> {
    let removed: Vec<&Field<'o>> = changes
        .iter()
        .filter_map(|change| match change {
            FieldChange::Removed(field) => Some(field),
            _ => None,
        })
        .collect();
    let added: Vec<Field<'n>> = changes
        .iter()
        .filter_map(|change| match change {
            FieldChange::Added(field) => Some(field),
            _ => None,
        })
        .flat_map(with_inner)
        .collect();
    if removed.is_empty() || removed.len().saturating_mul(added.len()) > MOST {
        return Vec::new();
    }
    let mut guesses: Vec<Renamed> = Vec::new();
    let mut taken = FxHashSet::default();
    let is_by_name = |old: &Field<'o>, new: &Field<'n>| last_name(&old.path) == last_name(&new.path);
    let is_by_place = |old: &Field<'o>, new: &Field<'n>| old.bit_offset == new.bit_offset;
    for round in [&is_by_name as &dyn Fn(&Field<'o>, &Field<'n>) -> bool, &is_by_place] {
        for old in &removed {
            if guesses.iter().any(|guess| guess.old == old.path) {
                continue;
            }
            let found = added.iter().find(|new| {
                round(old, new)
                    && !taken.contains(&new.path)
                    && old.member.bit_size() == new.member.bit_size()
                    && relation.of(old.member.ty(), new.member.ty()).is_none_or(|how| how.is_spelling())
            });
            if let Some(new) = found {
                taken.insert(new.path.clone());
                guesses.push(Renamed { old: old.path.clone(), new: new.path.clone() });
            }
        }
    }
    guesses
}

/// An added member, and those of the structure that it is.
fn with_inner<'n>(field: &Field<'n>) -> Vec<Field<'n>> {
    let mut fields = vec![field.clone()];
    let inner = field.member.ty().and_then(Type::resolved).filter(|ty| ty.tag().is_aggregate());
    fields.extend(inner.into_iter().flat_map(|inner| fields::inside(inner, field)));
    fields
}

fn last_name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
