//! Where members lie that rules set to the value of an old one: what pointers to that lead to then.
//!
//! `color = old.paint` says that it is the same member, and `color = old.profile.color` that the profile which an object's `profile` leads to is
//! merged into it, and that its color is the object's own now. A member that no rule takes as it is has no place; a rule's `else` is for what
//! has none.
//!
//! What it does not do: find out which object a merged one belongs to.

use super::recipe::{Step, place_in};
use super::{Migration, PairsOf};
use crate::eval::{Making, Pairs as _, Scalar};
use crate::names;
use crate::pairing::{Body, Made, MemberPair, Origin, Pairing, TypePair};
use crate::rules::Expression;
use mcrx_debuginfo::table::{Count, Kind, Type, TypeId};

/// Objects of one type that one member of the objects leads to which they are merged into.
#[derive(Debug, Clone)]
pub struct Merged {
    /// Their old type.
    pub ty: TypeId,
    /// Where that member is in the old object, in bytes.
    pub link: u64,
    /// Bytes of one.
    pub size: u64,
    /// Where pointers to all of one lead, from the start of the new object. `None`: there is no place of that type.
    whole: Option<u64>,
    /// What of them goes where: from its own start to that of the new object.
    steps: Vec<Step>,
}

impl Merged {
    /// Where a place of one lies in the new object, for pointers to something of so many bytes. `None`: nothing has come of it.
    pub fn place_of(&self, migration: &Migration, from: u64, bytes: u64) -> Option<u64> {
        match self.whole {
            Some(whole) if from == 0 && self.size <= bytes => Some(whole),
            None if from == 0 && self.size <= bytes && bytes != u64::MAX => None,
            _ => place_in(&self.steps, migration, from, bytes),
        }
    }
}

/// Of one of the types that a pair makes: steps that say where members of the old type itself are, and what is merged into it.
pub(super) fn of<'t>(
    pairing: &Pairing<'t>,
    pair: &TypePair<'t>,
    made: &Made<'t>,
) -> (Vec<Step>, Vec<Merged>) {
    let (Some((first, others)), Body::Members(members)) = (pair.old.split_first(), &made.body) else {
        return (Vec::new(), Vec::new());
    };
    let mut found = Found { pairing, first: *first, others, own: Vec::new(), merged: Vec::new() };
    found.members(members, 0);
    found.members(&made.parts, 0);
    let Found { own, mut merged, .. } = found;
    for one in &mut merged {
        one.whole = whole(one, others, made.ty);
    }
    (own, merged)
}

struct Found<'f, 't> {
    pairing: &'f Pairing<'t>,
    /// The type whose place the new one takes.
    first: Type<'t>,
    others: &'f [Type<'t>],
    own: Vec<Step>,
    merged: Vec<Merged>,
}

impl<'t> Found<'_, 't> {
    fn members(&mut self, members: &[MemberPair<'t>], base: u64) {
        for MemberPair { to, origin, .. } in members {
            let start = base + to.offset();
            match origin {
                Origin::Parts(members) => self.members(members, start),
                Origin::Set(value) if to.bit_size.is_none() => {
                    let way = way(&value.is).and_then(|way| reached(self.first, self.others, &way));
                    if let Some((way, new)) = way.zip(to.resolved()) {
                        self.add(&way, (start, new), &to.path);
                    }
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, way: &Reached<'t>, (to, new): (u64, Type<'t>), path: &str) {
        let Some(step) = self.step(way, (to, new), path.into()) else { return };
        let Some((link, of)) = way.link else { return self.own.push(step) };
        let ty = of.id();
        match self.merged.iter_mut().find(|one| (one.ty, one.link) == (ty, link)) {
            Some(one) => one.steps.push(step),
            None => {
                let size = of.size().unwrap_or(0);
                self.merged.push(Merged { ty, link, size, whole: None, steps: vec![step] });
            }
        }
    }

    /// The same kind of step as if the member were the first type's own, for its places alone.
    fn step(&self, way: &Reached<'t>, (to, new): (u64, Type<'t>), path: Box<str>) -> Option<Step> {
        let Reached { from, ty: old, .. } = *way;
        if let Some((before, after)) = Scalar::of(old, None).zip(Scalar::of(new, None)) {
            return Some(Step::Number { from: (from, before), to: (to, after), path });
        }
        match (old.kind(), new.kind()) {
            (Kind::Pointer(_), Kind::Pointer(_)) => Some(Step::Pointer { from, to, path }),
            (Kind::Array { element: Some(before), .. }, Kind::Array { element: Some(after), .. }) => {
                let is_same = before.size() == after.size() && Scalar::of(before.resolved()?, None).is_some();
                let len = old.size()?.min(new.size()?);
                is_same.then_some(Step::Copy { from, to, len })
            }
            _ => {
                let how: Making = PairsOf(self.pairing).pair(old, new)?;
                Some(Step::Object { from, to, how, size: new.size()?, path })
            }
        }
    }
}

/// A member that a rule reaches.
struct Reached<'t> {
    /// Of an object that is merged into another: where in the other the pointer to it is, and its type.
    link: Option<(u64, Type<'t>)>,
    /// Where in its object the member is.
    from: u64,
    ty: Type<'t>,
}

/// Names and places one after the other, from `old` on.
#[derive(Debug, PartialEq, Eq)]
enum Part<'e> {
    Member(&'e str),
    Index(u64),
}

/// `profile.colors[2]` of `old.profile.colors[2] else 0`. `None`: it is another expression.
fn way(expression: &Expression) -> Option<Vec<Part<'_>>> {
    let below = |of: &'_ Expression| -> Option<()> {
        matches!(of, Expression::Name(name) if name.name == "old").then_some(())
    };
    match expression {
        Expression::Else(value, _) => way(&value.is),
        Expression::Member(of, name) => {
            let mut parts = below(&of.is).map_or_else(|| way(&of.is), |()| Some(Vec::new()))?;
            parts.push(Part::Member(&name.is));
            Some(parts)
        }
        Expression::Index(of, index) => {
            let Expression::Number(index) = index.is else { return None };
            let mut parts = way(&of.is)?;
            parts.push(Part::Index(index));
            Some(parts)
        }
        _ => None,
    }
}

fn reached<'t>(first: Type<'t>, others: &[Type<'t>], way: &[Part<'_>]) -> Option<Reached<'t>> {
    let (mut ty, mut at, mut link) = (first, 0_u64, None);
    for part in way {
        if let Some(to) = names::pointee(Some(ty)) {
            let to = to.resolved().filter(|to| others.contains(to) && link.is_none())?;
            link = Some((at, to));
            (ty, at) = (to, 0);
            if *part == Part::Index(0) {
                continue;
            }
        }
        let (offset, inner) = match (part, ty.kind()) {
            (Part::Member(name), Kind::Aggregate) => {
                let (bits, member) = ty.field(name).filter(|(_, member)| member.bit_size().is_none())?;
                (bits / 8, member.ty()?)
            }
            (Part::Index(index), Kind::Array { element: Some(element), count: Count::Exactly(count) }) => {
                (index.checked_mul(element.size()?).filter(|_| *index < count)?, element)
            }
            _ => return None,
        };
        (ty, at) = (inner.resolved()?, at.checked_add(offset)?);
    }
    Some(Reached { link, from: at, ty })
}

/// Where all of one lies: at the start of what it is merged into, or, if the new release still has their type, in the member of that type
/// that rules speak of.
fn whole(merged: &Merged, others: &[Type<'_>], made: Type<'_>) -> Option<u64> {
    let old = others.iter().find(|ty| ty.id() == merged.ty)?;
    let is_one = |ty: &Type<'_>| ty.tag() == old.tag() && ty.name() == old.name() && !ty.is_declaration();
    let is_left = made.table().types_named(old.name()?).any(|ty| is_one(&ty));
    if !is_left {
        return Some(0);
    }
    let places = made.fields().into_iter().filter_map(|(bits, member)| {
        let ty = member.ty()?.resolved().filter(is_one)?;
        Some(bits / 8..bits / 8 + ty.size()?)
    });
    let is_spoken_of = |place: &std::ops::Range<u64>| {
        merged.steps.iter().any(|step| place_of_new(step).is_some_and(|to| place.contains(&to)))
    };
    places.filter(is_spoken_of).map(|place| place.start).next()
}

fn place_of_new(step: &Step) -> Option<u64> {
    match step {
        Step::Copy { to, .. } | Step::Pointer { to, .. } | Step::Object { to, .. } => Some(*to),
        Step::Number { to, .. } => Some(to.0),
        _ => None,
    }
}
