//! What follows for types from those that they hold by value: which keep their bytes, and which unions and flexible arrays nobody can
//! convert without being told more.

use super::super::{
    About, Alternative, Asked, Body, Conversion, MemberPair, Origin, PairId, Place, TypePair,
};
use super::Making;
use mcrx_debuginfo::table::{Enumerator, Type};
use rustc_hash::FxHashMap;

/// Which pairs keep their bytes, by their places.
struct Same<'t> {
    pairs: Vec<bool>,
    /// Of enumerations: the constants that are gone.
    gone: FxHashMap<PairId, Vec<Enumerator<'t>>>,
}

impl<'t> Same<'t> {
    fn of(pairs: Vec<bool>, types: &[TypePair<'t>]) -> Same<'t> {
        let gone = types.iter().zip(0..).filter_map(|(pair, id)| match &pair.made.first()?.body {
            Body::Constants(constants, ..) if !constants.gone.is_empty() => {
                Some((PairId(id), constants.gone.clone()))
            }
            _ => None,
        });
        Same { pairs, gone: gone.collect() }
    }

    fn has(&self, id: PairId) -> bool {
        usize::try_from(id.0).ok().and_then(|index| self.pairs.get(index)).copied().unwrap_or(false)
    }
}

pub(super) fn judge<'t>(making: &mut Making<'_, 't>, types: &mut [TypePair<'t>]) {
    let same = same(types);
    for (pair, id) in types.iter_mut().zip(0..) {
        let id = PairId(id);
        pair.is_same = same.has(id);
        let old = pair.old.first().copied();
        for made in &mut pair.made {
            if pair.is_same {
                made.body = Body::Same;
                continue;
            }
            match &mut made.body {
                Body::Members(members) => judge_members(making, About::Pair(id), members, &same),
                Body::Union(alternatives) => {
                    if !alternatives.iter().all(|one| one.is_same(&|id| same.has(id))) {
                        let whole = |ty: Option<Type<'t>>| Some(Place::whole(ty));
                        let id = making.ask(About::Pair(id), Asked::Union, whole(old), whole(Some(made.ty)));
                        made.body = Body::Open(id);
                    }
                }
                Body::Same | Body::Constants(..) | Body::Open(_) => {}
            }
        }
    }
}

/// Whoever holds what does not keep its bytes does not keep them either.
fn same<'t>(types: &[TypePair<'t>]) -> Same<'t> {
    let mut holders: Vec<Vec<usize>> = vec![Vec::new(); types.len()];
    let mut same: Vec<bool> = types.iter().map(is_same_by_itself).collect();
    let mut held = Vec::new();
    for (index, pair) in types.iter().enumerate() {
        held.clear();
        for made in &pair.made {
            match &made.body {
                Body::Members(members) => members.iter().for_each(|member| member.pairs(&mut held)),
                Body::Union(alternatives) => {
                    let conversions = alternatives.iter().filter_map(|one| one.conversion.as_ref());
                    conversions.for_each(|conversion| conversion.pairs(&mut held));
                }
                _ => {}
            }
        }
        for inner in &held {
            if let Some(holders) = usize::try_from(inner.0).ok().and_then(|inner| holders.get_mut(inner)) {
                holders.push(index);
            }
        }
    }
    let mut next: Vec<usize> =
        (0..types.len()).filter(|index| !same.get(*index).is_some_and(|is| *is)).collect();
    while let Some(inner) = next.pop() {
        for outer in holders.get(inner).map_or(&[][..], Vec::as_slice) {
            if let Some(is) = same.get_mut(*outer).filter(|is| **is) {
                *is = false;
                next.push(*outer);
            }
        }
    }
    Same::of(same, types)
}

/// If all that it holds keeps its bytes.
fn is_same_by_itself(pair: &TypePair<'_>) -> bool {
    let ([old], [made]) = (pair.old.as_slice(), pair.made.as_slice()) else { return false };
    if old.size() != made.ty.size() || !pair.dropped.is_empty() || !made.parts.is_empty() {
        return false;
    }
    // Members that are gone without a word leave fewer than there were.
    let count = |ty: Type<'_>| super::super::place::members(ty, "").len();
    match &made.body {
        Body::Same => true,
        Body::Members(members) => {
            count(*old) == members.len() && members.iter().all(|member| member.is_same(&|_| true))
        }
        Body::Union(alternatives) => alternatives.iter().all(|one| one.is_same(&|_| true)),
        Body::Constants(constants, from, to) => constants.are_same() && from.bits == to.bits,
        Body::Open(_) => false,
    }
}

pub(in super::super) fn judge_variable<'t>(
    making: &mut Making<'_, 't>,
    about: About<'t>,
    origin: &mut Origin<'t>,
    to: &Place<'t>,
    types: &[TypePair<'t>],
) {
    let same = Same::of(types.iter().map(|pair| pair.is_same).collect(), types);
    judge_origin(making, about, origin, to, &same);
}

fn judge_members<'t>(
    making: &mut Making<'_, 't>,
    about: About<'t>,
    members: &mut [MemberPair<'t>],
    same: &Same<'t>,
) {
    for member in members {
        judge_origin(making, about, &mut member.origin, &member.to, same);
    }
}

fn judge_origin<'t>(
    making: &mut Making<'_, 't>,
    about: About<'t>,
    origin: &mut Origin<'t>,
    to: &Place<'t>,
    same: &Same<'t>,
) {
    match origin {
        Origin::Old { from, conversion, is_by_rule, .. } => {
            let is_told = |asked: &Asked<'t>| match (asked, about) {
                // A rule says that all of them are taken over.
                (Asked::Flexible, _) => *is_by_rule,
                (Asked::Union, About::Pair(id)) => {
                    let names = std::iter::once(&from.path).chain(&from.alternatives);
                    names.into_iter().any(|path| making.told.contains(&(id, path.clone())))
                }
                _ => false,
            };
            if let Some(asked) = objection(conversion, same).filter(|asked| !is_told(asked)) {
                let id = making.ask(about, asked, Some(from.clone()), Some(to.clone()));
                *origin = Origin::Open(id);
            } else if let Some(inner) = members_of(conversion) {
                judge_members(making, about, inner, same);
            }
        }
        Origin::Parts(members) => judge_members(making, about, members, same),
        Origin::Set(_) | Origin::Reset | Origin::Open(_) => {}
    }
}

/// Why a member cannot be converted, though its parts could.
fn objection<'t>(conversion: &Conversion<'t>, same: &Same<'t>) -> Option<Asked<'t>> {
    let is_pair_same = |id: PairId| same.has(id);
    match conversion {
        Conversion::Pair(id) => same.gone.get(id).map(|gone| Asked::Constants(gone.clone())),
        Conversion::Union(alternatives) => {
            let all = |one: &Alternative<'t>| one.is_same(&is_pair_same);
            (!alternatives.iter().all(all)).then_some(Asked::Union)
        }
        Conversion::Array { element, from, .. } => {
            let is_flexible = from.count.is_none() && !element.is_same(&is_pair_same);
            if is_flexible { Some(Asked::Flexible) } else { objection(element, same) }
        }
        _ => None,
    }
}

/// The members of the anonymous structure that a member is, or is an array of.
fn members_of<'a, 't>(conversion: &'a mut Conversion<'t>) -> Option<&'a mut Vec<MemberPair<'t>>> {
    match conversion {
        Conversion::Members(members) => Some(members),
        Conversion::Array { element, .. } => members_of(element),
        _ => None,
    }
}
