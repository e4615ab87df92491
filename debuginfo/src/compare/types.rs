//! What changed in types.

use super::effect::Effect;
use super::enumeration::{self, ConstantChange};
use super::fields::{self, FieldChange, Fields, Held};
use super::pair::{Pair, Pairs};
use super::relation::{Difference, Relation};
use super::rename::{self, Renamed};
use crate::table::{Kind, Tag, Type};
use std::cmp::Reverse;

/// All that differs.
#[derive(Debug, Default)]
pub struct Types<'o, 'n> {
    /// Types of both that differ: those first that make old memory wrong, of these those that changed by themselves; then by name.
    pub changed: Vec<TypeChange<'o, 'n>>,
    /// By name.
    pub added: Vec<Named<'n>>,
    /// By name.
    pub removed: Vec<Named<'o>>,
}

/// A type with the name that it goes by: its own, or of an anonymous one the typedef's.
#[derive(Debug, Clone, Copy)]
pub struct Named<'t> {
    /// Without `struct` and its like.
    pub name: &'t str,
    /// The type.
    pub ty: Type<'t>,
}

/// A type that differs.
#[derive(Debug)]
pub struct TypeChange<'o, 'n> {
    /// The name that it goes by in the new release: its own, or of an anonymous one the typedef's.
    pub name: &'n str,
    /// As it was.
    pub old: Type<'o>,
    /// As it is.
    pub new: Type<'n>,
    /// Of a structure, union or class: in the order of the old one, added ones last.
    pub fields: Vec<FieldChange<'o, 'n>>,
    /// Which of the removed members may be which of the added ones.
    pub renamed: Vec<Renamed>,
    /// Of an enumeration.
    pub constants: Vec<ConstantChange<'o, 'n>>,
    /// Of a typedef: how what it names differs.
    pub target: Option<Difference>,
    /// The changed types that it holds by value.
    pub via: Vec<Via<'n>>,
    held_effect: Option<Effect>,
}

/// A changed type that another one holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via<'n> {
    /// The member that holds it.
    pub path: String,
    /// The name that the type goes by.
    pub name: &'n str,
}

impl<'o, 'n> TypeChange<'o, 'n> {
    fn of(relation: &mut Relation<'_, 'o, 'n>, pair: &Pair<'o, 'n>) -> (Self, Vec<Held<'o, 'n>>) {
        let Pair { name, old, new } = *pair;
        let mut change = TypeChange {
            name,
            old,
            new,
            fields: Vec::new(),
            renamed: Vec::new(),
            constants: Vec::new(),
            target: None,
            via: Vec::new(),
            held_effect: None,
        };
        let mut held = Vec::new();
        match (old.kind(), new.kind()) {
            (Kind::Aggregate, Kind::Aggregate) => {
                let found = Fields::of(relation, old, new);
                change.renamed = rename::guesses(relation, &found.changes);
                (change.fields, held) = (found.changes, found.held);
            }
            (Kind::Enumeration(_), Kind::Enumeration(_)) => change.constants = enumeration::changes(old, new),
            (Kind::Typedef(one), Kind::Typedef(other)) => change.target = relation.of(one, other),
            _ => {}
        }
        (change, held)
    }

    /// What it does to old memory.
    pub fn effect(&self) -> Effect {
        let fields = self.fields.iter().map(FieldChange::effect).min();
        let constants = self.constants.iter().map(|constant| match constant {
            ConstantChange::Added(_) => Effect::Addition,
            ConstantChange::Removed(_) | ConstantChange::Renumbered(..) => Effect::Incompatible,
        });
        let target =
            self.target.map(
                |difference| {
                    if difference.is_spelling() { Effect::Compatible } else { Effect::Incompatible }
                },
            );
        let whole = (self.is_resized() || self.is_another_kind()).then_some(Effect::Incompatible);
        let all =
            fields.into_iter().chain(constants.min()).chain(target).chain(whole).chain(self.held_effect);
        all.min().unwrap_or(Effect::Compatible)
    }

    /// Its size is another.
    pub fn is_resized(&self) -> bool {
        self.old.tag() != Tag::Typedef && self.old.size() != self.new.size()
    }

    /// A structure became a union, or the other way round. A class is a structure.
    pub fn is_another_kind(&self) -> bool {
        (self.old.tag() == Tag::Union) != (self.new.tag() == Tag::Union)
    }

    /// It goes by another name than before: an anonymous type got a tag, or a tag was changed below a typedef.
    pub fn is_renamed(&self) -> bool {
        self.old.name() != self.new.name()
    }

    /// It changed because of what it holds, and for no reason of its own: members only moved to make room.
    pub fn is_only_via(&self) -> bool {
        let only_moved = |change: &FieldChange<'_, '_>| {
            change.is_moved() && !change.is_retyped() && !change.is_overlaid() || change.is_respelt()
        };
        !self.via.is_empty() && !self.is_another_kind() && self.fields.iter().all(only_moved)
    }

    fn is_none(&self) -> bool {
        self.fields.is_empty()
            && self.constants.is_empty()
            && self.target.is_none()
            && self.via.is_empty()
            && !self.is_resized()
            && !self.is_another_kind()
            && !self.is_renamed()
    }
}

/// The changes of all pairs, also of those that have none, by their places.
pub(super) struct Compared<'p, 'o, 'n> {
    pairs: &'p Pairs<'o, 'n>,
    changes: Vec<TypeChange<'o, 'n>>,
}

/// Compares all pairs.
pub(super) fn compare<'p, 'o, 'n>(
    pairs: &'p Pairs<'o, 'n>,
    relation: &mut Relation<'p, 'o, 'n>,
) -> Compared<'p, 'o, 'n> {
    let mut changes = Vec::with_capacity(pairs.all.len());
    // For each pair: which others hold it, and where.
    let mut holders: Vec<Vec<(usize, String)>> = pairs.all.iter().map(|_| Vec::new()).collect();
    for (index, pair) in pairs.all.iter().enumerate() {
        let (change, held) = TypeChange::of(relation, pair);
        changes.push(change);
        for Held { path, old, new } in held {
            let inner = pairs.index_of(old).filter(|_| pairs.are_one(old, new));
            if let Some(holders) = inner.and_then(|inner| holders.get_mut(inner)) {
                holders.push((index, path));
            }
        }
    }
    let mut compared = Compared { pairs, changes };
    compared.pass_on(&holders);
    compared
}

impl<'o, 'n> Compared<'_, 'o, 'n> {
    /// Whoever holds a changed type has changed.
    fn pass_on(&mut self, holders: &[Vec<(usize, String)>]) {
        // What makes memory wrong goes first, so that each holder is told of each of its members once, with its final effect.
        for effect in [Effect::Incompatible, Effect::Addition] {
            let mut next: Vec<usize> = self.with_effect(effect);
            while let Some(inner) = next.pop() {
                let name = self.changes.get(inner).map_or("", |change| change.name);
                for (outer, path) in holders.get(inner).map_or(&[][..], Vec::as_slice) {
                    let Some(change) = self.changes.get_mut(*outer) else { continue };
                    let before = change.effect();
                    change.via.push(Via { path: path.clone(), name });
                    change.held_effect = Some(change.held_effect.map_or(effect, |held| held.min(effect)));
                    if before > effect {
                        next.push(*outer);
                    }
                }
            }
        }
    }

    /// A new constant of an enumeration changes nothing in those that hold it.
    fn with_effect(&self, effect: Effect) -> Vec<usize> {
        let has = |change: &TypeChange<'_, '_>| {
            !change.is_none()
                && change.effect() == effect
                && (effect == Effect::Incompatible || change.old.tag() != Tag::Enumeration)
        };
        let found = self.changes.iter().enumerate().filter(|(_, change)| has(change));
        found.map(|(index, _)| index).collect()
    }

    /// The change of the type that something of this type holds, if that makes old memory wrong or lack something.
    pub(super) fn held_by(
        &self,
        old: Option<Type<'o>>,
        new: Option<Type<'n>>,
    ) -> Option<&TypeChange<'o, 'n>> {
        let (old, new) = (fields::element(old?)?, fields::element(new?)?);
        let index = self.pairs.index_of(old).filter(|_| self.pairs.are_one(old, new))?;
        self.changes.get(index).filter(|change| !change.is_none() && change.effect() != Effect::Compatible)
    }

    /// What is to be reported, in that order.
    pub(super) fn into_changes(self) -> Types<'o, 'n> {
        let mut changed: Vec<TypeChange<'o, 'n>> =
            self.changes.into_iter().filter(|change| !change.is_none()).collect();
        for change in &mut changed {
            change.via.sort_by(|one, other| one.path.cmp(&other.path));
            // Stable: what counts most first.
            change.fields.sort_by_key(|field| field.effect());
        }
        changed.sort_by_key(|change| (change.effect(), change.is_only_via(), change.name));
        let mut added: Vec<Named<'n>> =
            self.pairs.added.iter().map(|single| Named { name: single.name, ty: single.ty }).collect();
        let mut removed: Vec<Named<'o>> =
            self.pairs.removed.iter().map(|single| Named { name: single.name, ty: single.ty }).collect();
        added.sort_by_key(|named| (named.name, named.ty.tag(), Reverse(named.ty.size())));
        removed.sort_by_key(|named| (named.name, named.ty.tag(), Reverse(named.ty.size())));
        Types { changed, added, removed }
    }
}
