//! Enumerations that counted and are sets of bits now: `READ, WRITE, BOTH` became `CAN_READ = 1, CAN_WRITE = 2`. What is declared as the
//! enumeration is converted, or asked about, as any other. What is declared as a number is not, and nobody can see which numbers hold it: it
//! can only be hinted at, with members that are called as it is.
//!
//! An enumeration of another name is known by its constants: those of both have words in common, behind what all of one begin with.

use super::Between;
use super::plain::nameless;
use super::write::Writer;
use crate::pairing::Lives;
use mcrx_debuginfo::compare::{Comparison, Named, TypeChange};
use mcrx_debuginfo::table::{Enumerator, Kind, Member, Tag, Type};
use rustc_hash::FxHashSet;

/// The shortest part of a name that says something.
const SHORTEST_WORD: usize = 3;

/// Of a hundred old constants, how many need a new one with a word in common.
const LEAST_ALIKE: usize = 50;

/// How many members are named that may hold one.
const MOST_MEMBERS: usize = 3;

/// An enumeration, and what it goes by: its own name, or a typedef's.
#[derive(Clone, Copy)]
struct Enumeration<'t> {
    ty: Type<'t>,
    name: Option<&'t str>,
}

pub(super) fn write<'t>(between: &Between<'t>, comparison: &Comparison<'t, 't>, writer: &mut Writer) {
    let mut found = pairs(between, comparison);
    found.retain(|(old, new)| became_bits(old.ty, new.ty));
    if found.is_empty() {
        return;
    }
    found.sort_by_key(|(old, _)| old.name);
    writer.blank();
    writer.comment(
        "Counted before, and bits now: what held one of these may hold several. Where plain numbers hold them, no type shows it:",
    );
    for (old, new) in found {
        writer.line(&format!("//   {} -> {}", old.spelt(), new.spelt()));
        let members = members(between, comparison, old);
        for (owner, member) in members.iter().take(MOST_MEMBERS) {
            writer.line(&format!("//   perhaps held by {owner}.{member}:"));
            write_match(owner, member, old.ty, new.ty, writer);
        }
    }
}

/// The rule for a member, complete but for constants that none of the new ones is like.
fn write_match(owner: &str, member: &str, old: Type<'_>, new: Type<'_>, writer: &mut Writer) {
    writer.line(&format!("//     type {owner} {{"));
    writer.line(&format!("//         {member} = match old.{member} {{"));
    let width = old.enumerators().map(|constant| constant.name.len()).max().unwrap_or(0);
    for constant in old.enumerators() {
        let after = successor(constant, old, new)
            .map_or_else(|| "fail(\"which bits?\")".to_owned(), |constant| constant.name.to_owned());
        writer.line(&format!("//             {:width$} => {after}", constant.name));
    }
    writer.line("//         }");
    writer.line("//     }");
}

/// Enumerations of both releases that may be one: of the same name; else one that is gone and a new one with constants like its.
fn pairs<'t>(
    between: &Between<'t>,
    comparison: &Comparison<'t, 't>,
) -> Vec<(Enumeration<'t>, Enumeration<'t>)> {
    let is_changed = |change: &&TypeChange<'t, 't>| !change.constants.is_empty();
    let changed = comparison.types.changed.iter().filter(is_changed);
    let called = |ty: Type<'t>, name: &'t str| Enumeration { ty, name: Some(name) };
    let mut pairs: Vec<_> =
        changed.map(|change| (called(change.old, change.name), called(change.new, change.name))).collect();
    let is_enumeration = |ty: &Type<'t>| ty.tag() == Tag::Enumeration;
    let before: FxHashSet<Vec<&str>> = between.old.types().filter(is_enumeration).map(names).collect();
    let named = |named: &Named<'t>| is_enumeration(&named.ty).then(|| called(named.ty, named.name));
    let added = comparison.types.added.iter().filter_map(named);
    // One without a name is new if the old release has none with the same constants.
    let unnamed = nameless(between.new).into_iter().filter(|ty| !before.contains(&names(*ty)));
    let unnamed = unnamed.map(|ty| Enumeration { ty, name: None });
    let added: Vec<Enumeration<'t>> = added.chain(unnamed).collect();
    for old in comparison.types.removed.iter().filter_map(named) {
        let best = added.iter().max_by_key(|new| alike(old.ty, new.ty));
        pairs.extend(best.filter(|new| alike(old.ty, new.ty) >= LEAST_ALIKE).map(|new| (old, *new)));
    }
    pairs
}

fn names(ty: Type<'_>) -> Vec<&str> {
    ty.enumerators().map(|constant| constant.name).collect()
}

/// Whether values of the old one are counted, and those of the new one are bits and what can be made of them.
pub(super) fn became_bits(old: Type<'_>, new: Type<'_>) -> bool {
    let (before, after) = (values(old), values(new));
    before != after && is_counted(&before) && is_bits(&after)
}

/// In order, each once. What is below zero is no value but says that there is none.
fn values(ty: Type<'_>) -> Vec<i64> {
    let mut values: Vec<i64> =
        ty.enumerators().map(|constant| constant.value).filter(|value| *value >= 0).collect();
    values.sort_unstable();
    values.dedup();
    values
}

fn is_counted(values: &[i64]) -> bool {
    let follows = |pair: &[i64]| matches!(pair, [one, other] if one.checked_add(1) == Some(*other));
    let is_from_start = matches!(values, [0, ..] | [1, 2, 3, ..]);
    values.len() > 1 && is_from_start && values.windows(2).all(follows)
}

/// 1 and 2 alone are bits if nothing is 0: whoever counts begins with it.
fn is_bits(values: &[i64]) -> bool {
    let single = || values.iter().filter(|value| value.count_ones() == 1);
    let all = single().fold(0, |all, value| all | value);
    single().count() > 1 && values.iter().all(|value| value & !all == 0) && !is_counted(values)
}

/// Of a hundred old constants, how many the new enumeration has one for.
fn alike(old: Type<'_>, new: Type<'_>) -> usize {
    let count = old.enumerators().filter(|constant| successor(*constant, old, new).is_some()).count();
    // One alone may be chance.
    if count > 1 { (100 * count).checked_div(old.enumerators().len()).unwrap_or(0) } else { 0 }
}

/// The new constant of the same name, or the only one that shares a word of its own with the old one.
fn successor<'t>(constant: Enumerator<'_>, old: Type<'_>, new: Type<'t>) -> Option<Enumerator<'t>> {
    if let Some(same) = new.enumerators().find(|other| other.name == constant.name) {
        return Some(same);
    }
    let own = own_words(constant.name, old);
    let mut like = new.enumerators().filter(|other| {
        let theirs = own_words(other.name, new);
        own.iter().any(|word| theirs.contains(word))
    });
    match (like.next(), like.next()) {
        (Some(one), None) => Some(one),
        _ => None,
    }
}

/// The words of a constant's name that not all constants of its enumeration have.
fn own_words(name: &str, of: Type<'_>) -> Vec<String> {
    let mut own = words(name);
    own.retain(|word| !of.enumerators().all(|other| words(other.name).contains(word)));
    own
}

fn words(name: &str) -> Vec<String> {
    let words = name.split('_').map(str::to_lowercase);
    words.filter(|word| word.len() >= SHORTEST_WORD).collect()
}

/// Members that are plain numbers in the new release: those that were declared as the enumeration, and those that were numbers too and are
/// called as it is, or as all of its constants begin.
fn members<'t>(
    between: &Between<'t>,
    comparison: &Comparison<'t, 't>,
    Enumeration { ty: of, name }: Enumeration<'t>,
) -> Vec<(&'t str, &'t str)> {
    let mut called: Vec<String> = words(name.unwrap_or_default());
    if let Some(first) = of.enumerators().next() {
        let all = |word: &String| of.enumerators().all(|other| words(other.name).contains(word));
        called.extend(words(first.name).into_iter().filter(all));
    }
    let is_called_so = |name: &str| {
        let words = words(name);
        !words.is_empty() && words.iter().all(|word| called.contains(word))
    };
    let is_number =
        |ty: Option<Type<'_>>| matches!(ty.and_then(Type::resolved).map(Type::kind), Some(Kind::Base(_)));
    let is_kept = |owner: &str, member: &str| {
        let mut after = between.new.types_named(owner).filter_map(Type::resolved).flat_map(Type::members);
        after.any(|other| other.name() == Some(member) && is_number(other.ty()))
            && !comparison.types.removed.iter().any(|named| named.name == owner)
    };
    let mut found = Vec::new();
    for named in between.old.types() {
        // An anonymous structure goes by its typedef's name.
        let is_named = |ty: &Type<'_>| named.tag() != Tag::Typedef || ty.name().is_none();
        let ty = named.resolved().filter(|ty| ty.tag().is_aggregate() && !ty.is_declaration());
        let Some(ty) = ty.filter(is_named) else { continue };
        let Some(owner) = named.name().filter(|_| between.live.place(ty) != Lives::Nowhere) else { continue };
        let may_hold = |member: Member<'t>| {
            let name = member.name()?;
            let is_it = member.ty().and_then(Type::resolved) == Some(of);
            (is_it || is_number(member.ty()) && is_called_so(name)).then_some(name)
        };
        let named = ty.members().filter_map(may_hold);
        found.extend(named.filter(|name| is_kept(owner, name)).map(|name| (owner, name)));
    }
    found.sort_unstable();
    found.dedup();
    found
}

impl Enumeration<'_> {
    /// `enum access { READ 0, WRITE 1 }`; one without a name by its file and line.
    fn spelt(&self) -> String {
        let constants = self.ty.enumerators().map(|constant| format!("{} {}", constant.name, constant.value));
        let constants: Vec<String> = constants.collect();
        let at = self.ty.declared();
        let name = match (self.ty.name(), self.name) {
            (Some(tag), _) => format!("enum {tag}"),
            (None, Some(name)) => name.to_owned(),
            (None, None) => format!("enum of {}:{}", at.file.rsplit('/').next().unwrap_or(at.file), at.line),
        };
        format!("{name} {{ {} }}", constants.join(", "))
    }
}
