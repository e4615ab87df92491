//! The members of one structure: what each new one is made from, and which old ones are left over.

use super::super::conversion::is_lock;
use super::super::place::members;
use super::super::said::{Said, spelt};
use super::super::{About, Asked, Conversion, MemberPair, Origin, Place};
use super::Making;
use crate::rules::{Expression, Path, Step};
use crate::source::At;
use mcrx_debuginfo::table::{Tag, Type};
use rustc_hash::FxHashSet;

/// What members are looked at for.
pub(crate) struct List<'a, 't> {
    /// What questions are about.
    pub(crate) about: About<'t>,
    /// What is said of them.
    pub(crate) said: &'a Said<'t>,
    /// They share their bytes: only what is said counts.
    pub(crate) is_union: bool,
    /// The old types that rules may take members from, also for what is split off.
    pub(crate) old: &'a [Type<'t>],
}

/// An old member, and in which of the old types.
type From<'t> = (usize, Place<'t>);

impl<'t> Making<'_, 't> {
    /// Of a whole object; and the old members that are given up on purpose.
    pub(super) fn members(
        &mut self,
        list: &List<'_, 't>,
        sources: &[Type<'t>],
        new: Type<'t>,
    ) -> (Vec<MemberPair<'t>>, Vec<Place<'t>>) {
        let before = sources.iter().enumerate();
        let before = before.flat_map(|(of, ty)| members(*ty, "").into_iter().map(move |place| (of, place)));
        let before: Vec<From<'t>> = before.collect();
        let mut dropped = Vec::new();
        let found = self.pair_up(list, &before, members(new, ""), &mut dropped);
        (found, dropped)
    }

    /// Of a structure and the one that it was.
    pub(super) fn pair_up(
        &mut self,
        list: &List<'_, 't>,
        before: &[From<'t>],
        after: Vec<Place<'t>>,
        dropped: &mut Vec<Place<'t>>,
    ) -> Vec<MemberPair<'t>> {
        let mut taken = FxHashSet::default();
        let mut found = Vec::new();
        for to in after {
            let partner = before.iter().position(|(_, from)| is_counterpart(from, &to));
            let partner = partner.filter(|place| taken.insert(*place)).and_then(|place| before.get(place));
            found.extend(self.member(list, partner, to));
        }
        for (place, (of, from)) in before.iter().enumerate() {
            let is_reached = *of > 0 && list.said.answers_merged(&from.path);
            if !taken.contains(&place) && !list.is_union && !is_reached {
                self.left_over(list, from, dropped);
            }
        }
        found
    }

    fn member(
        &mut self,
        list: &List<'_, 't>,
        partner: Option<&From<'t>>,
        mut to: Place<'t>,
    ) -> Option<MemberPair<'t>> {
        let said = list.said;
        // Of an unnamed union the member that is spoken of.
        let spoken =
            std::iter::once(&to.path).chain(&to.alternatives).find(|path| said.speaks_of(path)).cloned();
        let keep = spoken.as_ref().and_then(|path| said.kept.get(path)).copied();
        if let Some(path) = &spoken {
            let origin = self.said_of(list, path, &to);
            if let Some((place, origin)) = origin {
                return Some(MemberPair { to: place, origin, keep });
            }
            to.path.clone_from(path);
        }
        if list.is_union {
            return None;
        }
        let is_union = to.resolved().is_some_and(|ty| ty.tag() == Tag::Union);
        let origin = match partner {
            // Which of its members counts is said; the rest is zero.
            Some(_) if is_union && said.speaks_of_part(&to.path) => Origin::Reset,
            Some((of, from)) => self.carried_over(list, *of, from, &to, false),
            None if said.speaks_of_part(&to.path) => self.new_structure(list, &to),
            // What both releases have made is the new release's anyway; nobody holds a new lock, and nothing is in a flexible array that was
            // not there.
            None if keep.is_some() || is_lock(to.ty) || to.size().unwrap_or(0) == 0 => Origin::Reset,
            None => self.open(list.about, Asked::FirstValue, None, Some(&to)),
        };
        Some(MemberPair { to, origin, keep })
    }

    /// What a rule says of a whole member.
    fn said_of(
        &mut self,
        list: &List<'_, 't>,
        path: &str,
        to: &Place<'t>,
    ) -> Option<(Place<'t>, Origin<'t>)> {
        let said = list.said;
        let place = if to.path == path { to.clone() } else { inside_union(to, path)? };
        if let Some((.., value)) = said.set.iter().find(|(said, ..)| said == path) {
            // Of a flexible array the old one's elements, up to the end of the object: no value of a size that is known.
            if place.size().is_none()
                && let Some(from) = old_member(&value.is)
                && let Some((of, from)) =
                    list.old.iter().enumerate().find_map(|(of, ty)| Some((of, Place::below(*ty, &from)?)))
            {
                return Some((place.clone(), self.carried_over(list, of, &from, &place, true)));
            }
            return Some((place, Origin::Set(value)));
        }
        if said.reset.contains(path) {
            return Some((place, Origin::Reset));
        }
        let (_, from, ..) = said.renamed.iter().find(|(_, _, said, _)| said == path)?;
        let origin = self.renamed(list, from, &place)?;
        Some((place, origin))
    }

    fn renamed(&mut self, list: &List<'_, 't>, from: &At<Path>, to: &Place<'t>) -> Option<Origin<'t>> {
        let mut places = list.old.iter().enumerate();
        let (of, from) = places.find_map(|(of, ty)| Some((of, Place::below(*ty, &from.is)?)))?;
        Some(self.carried_over(list, of, &from, to, true))
    }

    fn carried_over(
        &mut self,
        list: &List<'_, 't>,
        of: usize,
        from: &Place<'t>,
        to: &Place<'t>,
        is_by_rule: bool,
    ) -> Origin<'t> {
        let asked = self.questions.len();
        match self.convert(list, from, to) {
            Ok(conversion) => Origin::Old { of, from: from.clone(), conversion, is_by_rule },
            Err(stopped) => {
                // One question about all of it, not about its parts as well.
                self.questions.truncate(asked);
                self.open(list.about, stopped.into(), Some(from), Some(to))
            }
        }
    }

    /// A structure that only the new release has, and rules say something of.
    fn new_structure(&mut self, list: &List<'_, 't>, to: &Place<'t>) -> Origin<'t> {
        match to.resolved() {
            Some(ty) if ty.tag().is_aggregate() && ty.tag() != Tag::Union => {
                let inner = members(ty, &format!("{}.", to.path));
                Origin::Parts(self.pair_up(list, &[], inner, &mut Vec::new()))
            }
            // Elements of an array, members of a union: the rest is zero.
            _ => Origin::Reset,
        }
    }

    /// An old member that no new one is made from.
    fn left_over(&mut self, list: &List<'_, 't>, from: &Place<'t>, dropped: &mut Vec<Place<'t>>) {
        let said = list.said;
        let names = || std::iter::once(&from.path).chain(&from.alternatives);
        if is_lock(from.ty) || names().any(|path| said.answers_old(path)) {
            dropped.push(from.clone());
        } else if names().any(|path| said.answers_part_of_old(path)) {
            let structure = from.resolved().filter(|ty| ty.tag().is_aggregate() && ty.tag() != Tag::Union);
            let inner = structure.map_or_else(Vec::new, |ty| members(ty, &format!("{}.", from.path)));
            inner.iter().for_each(|from| self.left_over(list, from, dropped));
        } else {
            self.ask(list.about, Asked::Gone, Some(from.clone()), None);
        }
    }

    /// What rules say of parts of members that come from old ones.
    pub(super) fn parts(
        &mut self,
        list: &List<'_, 't>,
        new: Type<'t>,
        found: &[MemberPair<'t>],
    ) -> Vec<MemberPair<'t>> {
        let mut whole = FxHashSet::default();
        collect(found, &mut whole);
        let mut parts = Vec::new();
        let said = list.said;
        for (path, at, value) in said.set.iter().filter(|(path, ..)| !whole.contains(path)) {
            // With several types the first name is the type's.
            if let Some(to) = place_of(new, &at.is, path) {
                parts.push(MemberPair { to, origin: Origin::Set(value), keep: None });
            }
        }
        for (_, from, path, at) in said.renamed.iter().filter(|(_, _, path, _)| !whole.contains(path)) {
            let Some(to) = place_of(new, &at.is, path) else { continue };
            if let Some(origin) = self.renamed(list, from, &to) {
                parts.push(MemberPair { to, origin, keep: None });
            }
        }
        parts
    }
}

/// The member of the old object that an expression is.
fn old_member(value: &Expression) -> Option<Path> {
    let Expression::Member(object, name) = value else { return None };
    let is_old = matches!(&object.is, Expression::Name(symbol) if symbol.name == "old");
    is_old.then(|| Path { steps: vec![At { is: Step::Member(name.is.clone()), span: name.span }] })
}

/// The places of members that have their origin, those of anonymous structures among them.
fn collect(found: &[MemberPair<'_>], whole: &mut FxHashSet<String>) {
    for member in found {
        whole.insert(member.to.path.clone());
        match &member.origin {
            Origin::Parts(inner) => collect(inner, whole),
            Origin::Old { conversion, .. } => collect_inner(conversion, whole),
            _ => {}
        }
    }
}

fn collect_inner(conversion: &Conversion<'_>, whole: &mut FxHashSet<String>) {
    match conversion {
        Conversion::Members(inner) => collect(inner, whole),
        Conversion::Array { element, .. } => collect_inner(element, whole),
        _ => {}
    }
}

/// Where a rule's path leads, which is spelt like this without the type's name.
fn place_of<'t>(new: Type<'t>, path: &Path, own: &str) -> Option<Place<'t>> {
    let skipped = usize::from(spelt(&path.steps) != own);
    let steps = path.steps.get(skipped..)?.to_vec();
    Place::below(new, &Path { steps })
}

/// The same name; of unnamed unions, a member in common.
fn is_counterpart(old: &Place<'_>, new: &Place<'_>) -> bool {
    if old.alternatives.is_empty() && new.alternatives.is_empty() {
        return old.path == new.path;
    }
    old.alternatives.iter().any(|path| new.is_named(path)) || new.alternatives.contains(&old.path)
}

/// A member of an unnamed union, by its whole path.
fn inside_union<'t>(union: &Place<'t>, path: &str) -> Option<Place<'t>> {
    let name = path.rsplit('.').next()?;
    let (bit_offset, member) = union.resolved()?.field(name)?;
    Some(Place {
        path: path.to_owned(),
        bit_offset: union.bit_offset.checked_add(bit_offset)?,
        bit_size: member.bit_size(),
        ty: member.ty(),
        alternatives: Vec::new(),
    })
}
