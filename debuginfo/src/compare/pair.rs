//! Which type of the new release is which of the old.

use super::similar;
use crate::table::{Kind, Table, Tag, Type, TypeId};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// What may pair with what: a structure may become a union and still be the same thing, but not an enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Family {
    Aggregate,
    Enumeration,
    Typedef,
}

impl Family {
    /// `None`: types that are known by what they are built from.
    pub(super) fn of(ty: Type<'_>) -> Option<Family> {
        match ty.tag() {
            Tag::Structure | Tag::Union | Tag::Class => Some(Family::Aggregate),
            Tag::Enumeration => Some(Family::Enumeration),
            Tag::Typedef => Some(Family::Typedef),
            _ => None,
        }
    }
}

/// The same type in both releases.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'o, 'n> {
    /// As the new release calls it: its tag, or the typedef that names an anonymous one.
    pub(super) name: &'n str,
    pub(super) old: Type<'o>,
    pub(super) new: Type<'n>,
}

/// A type that only one release has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Single<'t> {
    pub(super) name: &'t str,
    pub(super) ty: Type<'t>,
}

/// All pairs, and what is left over.
pub(super) struct Pairs<'o, 'n> {
    pub(super) all: Vec<Pair<'o, 'n>>,
    pub(super) removed: Vec<Single<'o>>,
    pub(super) added: Vec<Single<'n>>,
    /// The places in `all`: of the types there, and of those that cannot be told from them.
    of_old: FxHashMap<TypeId, usize>,
    of_new: FxHashMap<TypeId, usize>,
}

/// The types of one family and name, of both releases.
#[derive(Default)]
struct Group<'o, 'n> {
    old: Vec<Type<'o>>,
    new: Vec<Type<'n>>,
}

impl<'o, 'n> Pairs<'o, 'n> {
    pub(super) fn of(old: &'o Table, new: &'n Table) -> Pairs<'o, 'n> {
        let mut pairs = Pairs {
            all: Vec::new(),
            removed: Vec::new(),
            added: Vec::new(),
            of_old: FxHashMap::default(),
            of_new: FxHashMap::default(),
        };
        let (old_names, new_names) = (typedef_names(old), typedef_names(new));
        let mut groups: BTreeMap<(Family, &str), Group<'o, 'n>> = BTreeMap::new();
        for ty in old.types() {
            if let (Some(family), Some(name)) = (Family::of(ty), ty.name()) {
                groups.entry((family, name)).or_default().old.push(ty);
            }
        }
        for ty in new.types() {
            if let (Some(family), Some(name)) = (Family::of(ty), ty.name()) {
                groups.entry((family, name)).or_default().new.push(ty);
            }
        }
        pairs.by_name(&groups);
        pairs.by_typedef(&groups);
        pairs.leave_over(&groups, &old_names, &new_names);
        pairs
    }

    /// The pair that an old type is of.
    pub(super) fn index_of(&self, old: Type<'_>) -> Option<usize> {
        self.of_old.get(&old.id()).copied()
    }

    /// Whether two types are one in two releases.
    pub(super) fn are_one(&self, old: Type<'_>, new: Type<'_>) -> bool {
        let index = self.index_of(old);
        index.is_some() && index == self.of_new.get(&new.id()).copied()
    }

    fn has(&self, old: Type<'_>, new: Type<'_>) -> bool {
        self.of_old.contains_key(&old.id()) || self.of_new.contains_key(&new.id())
    }

    /// Adds a pair: the first types of two classes stand for all that are in them.
    fn add(&mut self, name: &'n str, old: &[Type<'o>], new: &[Type<'n>]) {
        let ([old_first, ..], [new_first, ..]) = (old, new) else { return };
        let index = self.all.len();
        self.of_old.extend(old.iter().map(|ty| (ty.id(), index)));
        self.of_new.extend(new.iter().map(|ty| (ty.id(), index)));
        self.all.push(Pair { name, old: *old_first, new: *new_first });
    }

    fn by_name(&mut self, groups: &BTreeMap<(Family, &str), Group<'o, 'n>>) {
        for group in groups.values() {
            let old = similar::classes(&defined(&group.old));
            let new = similar::classes(&defined(&group.new));
            for (old, new) in similar::matched(&old, &new) {
                self.add(new.first().and_then(|ty| ty.name()).unwrap_or(""), old, new);
            }
        }
    }

    /// What a typedef names is one thing in both releases, if no name of its own says otherwise.
    fn by_typedef(&mut self, groups: &BTreeMap<(Family, &str), Group<'o, 'n>>) {
        let typedefs = groups.iter().filter(|((family, _), _)| *family == Family::Typedef);
        let pairs: Vec<Pair<'o, 'n>> = typedefs
            .flat_map(|(_, group)| &group.old)
            .filter_map(|old| self.all.get(self.index_of(*old)?).copied())
            .collect();
        for Pair { name, old, new } in pairs {
            let (Some(old), Some(new)) = (old.resolved(), new.resolved()) else { continue };
            let family = Family::of(old).filter(|family| *family != Family::Typedef);
            let is_known = !old.is_declaration() && !new.is_declaration();
            if family.is_some() && family == Family::of(new) && is_known && !self.has(old, new) {
                self.add(new.name().unwrap_or(name), &[old], &[new]);
            }
        }
    }

    /// What found no partner.
    fn leave_over(
        &mut self,
        groups: &BTreeMap<(Family, &str), Group<'o, 'n>>,
        old_names: &FxHashMap<TypeId, Type<'o>>,
        new_names: &FxHashMap<TypeId, Type<'n>>,
    ) {
        for group in groups.values() {
            // A type that the other release only declares is not known there, but it is there.
            let is_declared = |types: &[Type<'_>]| types.iter().any(|ty| ty.is_declaration());
            if !is_declared(&group.new) {
                let single = defined(&group.old).into_iter().filter(|ty| !self.of_old.contains_key(&ty.id()));
                let classes = similar::classes(&single.collect::<Vec<_>>());
                let first = classes.iter().filter_map(|class| class.first());
                self.removed.extend(first.filter_map(|ty| single_of(*ty, old_names)));
            }
            if !is_declared(&group.old) {
                let single = defined(&group.new).into_iter().filter(|ty| !self.of_new.contains_key(&ty.id()));
                let classes = similar::classes(&single.collect::<Vec<_>>());
                let first = classes.iter().filter_map(|class| class.first());
                self.added.extend(first.filter_map(|ty| single_of(*ty, new_names)));
            }
        }
    }
}

/// A typedef stands for the anonymous type that it names; one of a type with a name of its own says nothing more than that.
fn single_of<'t>(ty: Type<'t>, names: &FxHashMap<TypeId, Type<'t>>) -> Option<Single<'t>> {
    let name = ty.name()?;
    if ty.tag() != Tag::Typedef {
        return Some(Single { name, ty });
    }
    match ty.resolved() {
        Some(named) if Family::of(named).is_some() => {
            (names.get(&named.id()) == Some(&ty)).then_some(Single { name, ty: named })
        }
        _ => Some(Single { name, ty }),
    }
}

fn defined<'t>(types: &[Type<'t>]) -> Vec<Type<'t>> {
    types.iter().copied().filter(|ty| !ty.is_declaration()).collect()
}

/// For each anonymous structure, union or enumeration, the typedef that names it: the first one of several.
fn typedef_names(table: &Table) -> FxHashMap<TypeId, Type<'_>> {
    let mut names = FxHashMap::default();
    for ty in table.types() {
        let Kind::Typedef(Some(below)) = ty.kind() else { continue };
        if below.name().is_none() && Family::of(below).is_some() {
            names.entry(below.id()).or_insert(ty);
        }
    }
    names
}
