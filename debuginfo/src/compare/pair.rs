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
pub struct Pair<'o, 'n> {
    /// As the new release calls it: its tag, or the typedef that names an anonymous one.
    pub name: &'n str,
    /// As it was.
    pub old: Type<'o>,
    /// As it is.
    pub new: Type<'n>,
}

/// A type that only one release has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Single<'t> {
    pub(super) name: &'t str,
    pub(super) ty: Type<'t>,
}

/// All pairs, and what is left over.
pub struct Pairs<'o, 'n> {
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
    /// Structures, unions, enumerations and typedefs of two tables, by family and name.
    pub fn of(old: &'o Table, new: &'n Table) -> Pairs<'o, 'n> {
        Pairs::with(old, new, &[])
    }

    /// The same, but for those that somebody knows better: each of these is a pair, whatever the names.
    pub fn with(old: &'o Table, new: &'n Table, given: &[(Type<'o>, Type<'n>)]) -> Pairs<'o, 'n> {
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
        for (old, new) in given.iter().filter(|(old, new)| Family::of(*old) == Family::of(*new)) {
            if !pairs.has(*old, *new) {
                let old = indistinguishable(*old, |family, name| {
                    groups.get(&(family, name)).map(|group| &group.old)
                });
                let new = indistinguishable(*new, |family, name| {
                    groups.get(&(family, name)).map(|group| &group.new)
                });
                pairs.add(new.first().and_then(|ty| ty.name()).unwrap_or(""), &old, &new);
            }
        }
        pairs.by_name(&groups);
        pairs.by_typedef(&groups);
        pairs.leave_over(&groups, &old_names, &new_names);
        pairs
    }

    /// In no order that means anything.
    pub fn all(&self) -> &[Pair<'o, 'n>] {
        &self.all
    }

    /// Types that only the old release has, with the names that they go by.
    pub fn removed(&self) -> impl Iterator<Item = (&'o str, Type<'o>)> {
        self.removed.iter().map(|single| (single.name, single.ty))
    }

    /// Types that only the new release has, with the names that they go by.
    pub fn added(&self) -> impl Iterator<Item = (&'n str, Type<'n>)> {
        self.added.iter().map(|single| (single.name, single.ty))
    }

    /// The pair that an old type is of, by its place in [`Pairs::all`].
    pub fn index_of(&self, old: Type<'_>) -> Option<usize> {
        self.of_old.get(&old.id()).copied()
    }

    /// The pair that a new type is of, by its place in [`Pairs::all`].
    pub fn index_of_new(&self, new: Type<'_>) -> Option<usize> {
        self.of_new.get(&new.id()).copied()
    }

    /// Whether two types are one in two releases.
    pub fn are_one(&self, old: Type<'_>, new: Type<'_>) -> bool {
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
            // What is given is settled.
            let mut old = defined(&group.old);
            let mut new = defined(&group.new);
            old.retain(|ty| !self.of_old.contains_key(&ty.id()));
            new.retain(|ty| !self.of_new.contains_key(&ty.id()));
            let (old, new) = (similar::classes(&old), similar::classes(&new));
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

/// A type with those that cannot be told from it; it comes first.
fn indistinguishable<'a, 't: 'a>(
    ty: Type<'t>,
    named: impl FnOnce(Family, &'t str) -> Option<&'a Vec<Type<'t>>>,
) -> Vec<Type<'t>> {
    let named = Family::of(ty).zip(ty.name()).and_then(|(family, name)| named(family, name));
    let classes = similar::classes(&defined(named.map_or(&[][..], Vec::as_slice)));
    let class = classes.into_iter().find(|class| class.contains(&ty)).unwrap_or_default();
    std::iter::once(ty).chain(class.into_iter().filter(|other| *other != ty)).collect()
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
