//! Questions that a hole of the rules stands for: `todo "…"`. They are not asked twice.
//!
//! A hole among the items of a `type` statement stands for what that statement leaves open; one that stands alone stands for what its text
//! names.

use super::{About, Pairing};
use crate::rules::{Change, Rules, TypeItem};
use rustc_hash::FxHashSet;

pub(super) fn mark(pairing: &mut Pairing<'_>, rules: &Rules) {
    let named: FxHashSet<&str> = rules
        .changes
        .iter()
        .filter_map(|change| match &change.is {
            Change::Hole(hole) => {
                Some(hole.why.is.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
            }
            _ => None,
        })
        .flatten()
        .collect();
    let is_open = |pair: &super::TypePair<'_>| {
        let has_hole = |rule: &crate::rules::TypeChange| {
            rule.items.iter().any(|item| matches!(item.is, TypeItem::Hole(_)))
        };
        named.contains(pair.name) || pair.rule.is_some_and(has_hole)
    };
    let open: Vec<bool> = pairing.types.iter().map(is_open).collect();
    for question in &mut pairing.questions {
        question.is_in_hole = match question.about {
            About::Pair(id) => usize::try_from(id.0).ok().and_then(|id| open.get(id)).is_some_and(|is| *is),
            About::Variable { old, new } => {
                old.or(new).is_some_and(|variable| named.contains(variable.name()))
            }
        };
    }
}
