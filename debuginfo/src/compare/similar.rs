//! Which of several types of one name is which: programs have several structures of one name in different units.

use super::source::Source;
use crate::spell::{self, Anonymous};
use crate::table::{Tag, Type};
use rustc_hash::{FxHashMap, FxHashSet};
use std::path::Path;

/// Groups larger than this are paired in the order of the debug info. Real ones have a handful.
const MOST: usize = 64;

/// Types of one name that cannot be told apart: the debug info has several, because in some units a type that they point to is only
/// declared. They are taken for one type if they have the same size and the same members, spelt alike.
pub(super) fn classes<'t>(types: &[Type<'t>]) -> Vec<Vec<Type<'t>>> {
    if let [_] | [] = types {
        return types.iter().map(|ty| vec![*ty]).collect();
    }
    let mut order = Vec::new();
    let mut classes: FxHashMap<String, Vec<Type<'t>>> = FxHashMap::default();
    for ty in types {
        let key = described(*ty);
        let class = classes.entry(key.clone()).or_default();
        if class.is_empty() {
            order.push(key);
        }
        class.push(*ty);
    }
    order.iter().filter_map(|key| classes.remove(key)).collect()
}

/// All that a reader sees of a type without looking at other types.
fn described(ty: Type<'_>) -> String {
    let mut text = format!("{:?} {:?}", ty.tag(), ty.size());
    if ty.tag() == Tag::Typedef {
        text.push_str(&spell::type_name(ty.target(), Anonymous::WrittenOut));
    }
    for member in ty.members() {
        let declaration = spell::declaration(member.ty(), member.name().unwrap_or(""), Anonymous::WrittenOut);
        let size = member.ty().and_then(Type::size);
        text.push_str(&format!("|{declaration} {} {:?} {size:?}", member.bit_offset(), member.bit_size()));
    }
    for constant in ty.enumerators() {
        text.push_str(&format!("|{} {}", constant.name, constant.value));
    }
    text
}

/// Two classes that are one type.
type Matched<'c, 'o, 'n> = (&'c [Type<'o>], &'c [Type<'n>]);

/// Two classes that may be one type, with their places.
struct Candidate<'c, 'o, 'n> {
    likeness: u32,
    places: (usize, usize),
    old: &'c [Type<'o>],
    new: &'c [Type<'n>],
}

/// Pairs classes of types of one name, each at most once, those that are most alike first.
pub(super) fn matched<'c, 'o, 'n>(
    old: &'c [Vec<Type<'o>>],
    new: &'c [Vec<Type<'n>>],
) -> Vec<Matched<'c, 'o, 'n>> {
    let (old, new) = (old.iter().map(Vec::as_slice), new.iter().map(Vec::as_slice));
    if old.len().max(new.len()) <= 1 || old.len().max(new.len()) > MOST {
        return old.zip(new).collect();
    }
    let mut candidates = Vec::new();
    for (o, old) in old.enumerate() {
        for (n, new) in new.clone().enumerate() {
            if let ([one, ..], [other, ..]) = (old, new) {
                candidates.push(Candidate { likeness: likeness(*one, *other), places: (o, n), old, new });
            }
        }
    }
    // Stable: of equals, those that come first in both.
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.likeness));
    let (mut used_old, mut used_new) = (FxHashSet::default(), FxHashSet::default());
    let mut pairs = Vec::new();
    for Candidate { places: (o, n), old, new, .. } in candidates {
        if used_old.contains(&o) || used_new.contains(&n) {
            continue;
        }
        used_old.insert(o);
        used_new.insert(n);
        pairs.push((old, new));
    }
    pairs
}

/// How much two types of one name have in common: up to 100 for their contents, 30 for where they are declared, 20 for their unit.
fn likeness(old: Type<'_>, new: Type<'_>) -> u32 {
    let file = |ty: Type<'_>| Path::new(ty.declared().file).file_name().map(ToOwned::to_owned);
    let same_file = file(old).is_some() && file(old) == file(new);
    let same_unit = match (old.unit(), new.unit()) {
        (Some(old), Some(new)) => Source::of(&old).is(Source::of(&new)),
        _ => false,
    };
    contents(old, new) + if same_file { 30 } else { 0 } + if same_unit { 20 } else { 0 }
}

fn contents(old: Type<'_>, new: Type<'_>) -> u32 {
    let (one, other) = (parts(old), parts(new));
    let all = one.union(&other).count();
    let both = one.intersection(&other).count();
    // 90 for the parts, 10 for the size.
    let share = u32::try_from((both * 90).checked_div(all).unwrap_or(90)).unwrap_or(0);
    share + if old.size() == new.size() { 10 } else { 0 }
}

/// What a type is made of, by name: members with their places, constants with their values, what a typedef names.
fn parts(ty: Type<'_>) -> FxHashSet<(&str, u64)> {
    match ty.tag() {
        Tag::Typedef => {
            let below = ty.resolved();
            let name = below.and_then(Type::name).unwrap_or("");
            let tag = below.map_or(0, |ty| ty.tag() as u64);
            let mut parts = FxHashSet::from_iter([(name, tag)]);
            parts.extend(below.filter(|below| below.name().is_none()).into_iter().flat_map(members));
            parts
        }
        _ => members(ty).collect(),
    }
}

fn members<'t>(ty: Type<'t>) -> impl Iterator<Item = (&'t str, u64)> {
    let members = ty.members().map(|member| (member.name().unwrap_or(""), member.bit_offset()));
    let constants = ty.enumerators().map(|constant| (constant.name, constant.value.cast_unsigned()));
    members.chain(constants)
}
