//! Questions that a hole of the rules stands for: `todo "…"`. They are not asked twice.
//!
//! A hole among the items of a `type` statement stands for what that statement leaves open; one in the place of a member's value stands for
//! that member, and for the old ones that its text names; one that stands alone stands for what its text names.

use super::{About, Pairing};
use crate::rules::{Change, Expression, Rules, TypeItem};
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
            About::Pair(id) => usize::try_from(id.0).ok().is_some_and(|index| {
                let old = question.old.as_ref().map_or("", |place| &place.path);
                let rule = pairing.types.get(index).and_then(|pair| pair.rule);
                let is_named = !old.is_empty() && rule.is_some_and(|rule| is_named(rule, old));
                open.get(index).is_some_and(|is| *is) || is_named
            }),
            About::Variable { old, new } => {
                old.or(new).is_some_and(|variable| named.contains(variable.name()))
            }
        };
    }
}

/// Whether the text of a hole that stands for a new member's value names an old member.
fn is_named(rule: &crate::rules::TypeChange, old: &str) -> bool {
    let is_apart = |letter: char| !letter.is_alphanumeric() && !['_', '.'].contains(&letter);
    rule.items.iter().any(|item| match &item.is {
        TypeItem::Set { value, .. } => match &value.is {
            Expression::Hole(hole) => hole.why.is.split(is_apart).any(|word| word == old),
            _ => false,
        },
        _ => false,
    })
}
