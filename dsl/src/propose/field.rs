//! For members whose words may be pointers, or are pointers to something else than they say.

use super::{Leads, Proposal, member, quoted, spoken};
use mcrx_debuginfo::table::{Encoding, Kind, Tag, Type};
use mcrx_tracer::graph::Pin;
use mcrx_tracer::model::{Spot, Ty};
use mcrx_tracer::trace::Trace;

pub(super) fn proposal(
    trace: &Trace<'_>,
    pin: &Pin,
    spot: &Spot<'_>,
    disagreeing: bool,
    seen: &Leads,
) -> Proposal {
    let said = member(spot);
    let facts = trace.model.facts();
    if facts.field(&spot.owner, &spot.field).is_some() && !disagreeing {
        let what = format!("{}.{}", spot.owner, spot.field);
        return Proposal::advice(format!("the rules say how {what} reads, and leave this open: {seen}"));
    }
    if disagreeing {
        return pointer(spot, seen);
    }
    match spot.ty.kind() {
        Kind::Pointer(_) => pointer(spot, seen),
        Kind::Aggregate => union(spot, seen),
        Kind::Array { .. } if seen.are_objects() => {
            let question = quoted(&format!("what objects does it hold? {seen}"));
            Proposal::rule(format!("{said} : todo {question}"), "its words lead to where objects begin")
        }
        Kind::Array { element: Some(element), .. } if element.size() == Some(1) => {
            Proposal::rule(format!("{said} : bytes"), format!("text, as it seems: {seen}"))
        }
        Kind::Array { .. } => {
            Proposal::rule(format!("{said} : bytes"), format!("numbers, as it seems: {seen}"))
        }
        Kind::Base(Encoding::Signed | Encoding::Unsigned | Encoding::Other) => number(spot, seen, pin.words),
        _ => {
            let question = quoted(&format!("what is it? {seen}"));
            Proposal::rule(format!("{said} : todo {question}"), "its type says nothing of pointers")
        }
    }
}

/// A pointer to something else than its declared type.
fn pointer(spot: &Spot<'_>, seen: &Leads) -> Proposal {
    let said = member(spot);
    let declared = match spot.ty.kind() {
        Kind::Pointer(Some(to)) => to.resolved().and_then(Type::name),
        _ => None,
    };
    match seen.only().filter(|only| Some(*only) != declared) {
        Some(only) => {
            let why = format!("it points to something else than its type says: {seen}");
            Proposal::rule(format!("{said} : {only}"), why)
        }
        // That it leads to something is true in any case.
        None => Proposal::rule(
            format!("{said} : opaque"),
            format!("what it points to is in dispute, or not always the same: {seen}"),
        ),
    }
}

/// Pointers to a type that are in no structure: in arrays of them.
pub(super) fn of_pointers(trace: &Trace<'_>, ty: Ty, seen: &Leads) -> Proposal {
    let target = trace.model.ty(ty).and_then(|ty| match ty.kind() {
        Kind::Pointer(Some(target)) => target.resolved(),
        _ => None,
    });
    let name = target.and_then(|target| spoken(trace.model, trace.model.number_in(target.table(), target)?));
    match name {
        Some(name) => Proposal::rule(
            format!("pointer {name} : opaque"),
            format!("pointers to it that lead to something else: {seen}"),
        ),
        None => Proposal::advice(format!("{seen}; no structure around it has a name")),
    }
}

/// A number that may be a pointer.
fn number(spot: &Spot<'_>, seen: &Leads, words: u64) -> Proposal {
    let said = member(spot);
    if let Some(only) = seen.only() {
        return Proposal::rule(
            format!("{said} : {only}"),
            format!("a pointer that is declared as a number: {seen}"),
        );
    }
    if seen.are_objects() {
        return Proposal::rule(
            format!("{said} : opaque"),
            format!("pointers that are declared as numbers: {seen}"),
        );
    }
    let why = format!("a number, as it seems; {words} look like pointers: {seen}");
    Proposal::rule(format!("{said} : bytes"), why)
}

/// One of several members.
fn union(spot: &Spot<'_>, seen: &Leads) -> Proposal {
    let said = member(spot);
    let members: Vec<(&str, Type<'_>)> =
        spot.ty.members().filter_map(|member| Some((member.name()?, member.ty()?.resolved()?))).collect();
    let names = members.iter().map(|(name, _)| format!(".{name}")).collect::<Vec<_>>().join(", ");
    if let Some((tag, constants)) = tag_beside(spot)
        && constants.iter().any(|constant| called(constant, &members).is_some())
    {
        let why = format!("{tag} may tell which member it holds; {seen}");
        return Proposal::rule(by_tag(&said, tag, &constants, &members), why);
    }
    let pointers: Vec<&str> =
        members.iter().filter(|(_, ty)| holds_pointer(*ty, DEEPEST)).map(|(name, _)| *name).collect();
    match &pointers[..] {
        [only] if seen.inside == 0 => {
            let why = format!("its only member with pointers, if it is always that; {seen}");
            Proposal::rule(format!("{said} : .{only}"), why)
        }
        _ => {
            let question = quoted(&format!("which member does it hold, and what tells? {names}"));
            Proposal::rule(format!("{said} : todo {question}"), seen.to_string())
        }
    }
}

/// The same without a trace: if each constant has its member.
pub(super) fn by_a_tag(spot: &Spot<'_>) -> Option<String> {
    let members: Vec<(&str, Type<'_>)> =
        spot.ty.members().filter_map(|member| Some((member.name()?, member.ty()?.resolved()?))).collect();
    let (tag, constants) = tag_beside(spot)?;
    let is_told = constants.iter().all(|constant| called(constant, &members).is_some());
    let arm = |constant: &&str| {
        called(constant, &members)
            .map_or_else(String::new, |(name, _)| format!("    {constant} => .{name}\n"))
    };
    let arms: String = constants.iter().map(arm).collect();
    is_told.then(|| format!("{} : match {tag} {{\n{arms}}}", member(spot)))
}

/// The only member of an enumeration's type beside a union, with that one's constants.
fn tag_beside<'t>(spot: &Spot<'t>) -> Option<(&'t str, Vec<&'t str>)> {
    /// Arms that are written.
    const MOST: usize = 32;
    let found = spot.of.fields().into_iter().filter_map(|(_, member)| {
        let ty = member.ty()?.resolved()?;
        (ty.tag() == Tag::Enumeration).then_some((member.name()?, ty))
    });
    let found: Vec<(&str, Type<'_>)> = found.collect();
    let [(name, ty)] = &found[..] else { return None };
    let constants: Vec<&str> = ty.enumerators().map(|constant| constant.name).collect();
    (1..=MOST).contains(&constants.len()).then_some((*name, constants))
}

/// An arm for each constant: with the member that has its name in it, or else a question.
fn by_tag(said: &str, tag: &str, constants: &[&str], members: &[(&str, Type<'_>)]) -> String {
    let arm = |constant: &&str| {
        let then = match called(constant, members) {
            Some((_, ty)) if !holds_pointer(*ty, DEEPEST) => "bytes".to_owned(),
            Some((name, _)) => format!(".{name}"),
            None => {
                let names = members.iter().map(|(name, _)| format!(".{name}")).collect::<Vec<_>>().join(", ");
                format!("todo {}", quoted(&format!("which member? {names}, or bytes")))
            }
        };
        format!("    {constant} => {then}\n")
    };
    let arms: String = constants.iter().map(arm).collect();
    format!("{said} : match {tag} {{\n{arms}}}")
}

/// The member that has its name in that of a constant: `.text` of `VALUE_TEXT`.
fn called<'m, 't>(constant: &str, members: &'m [(&'t str, Type<'t>)]) -> Option<&'m (&'t str, Type<'t>)> {
    let words: Vec<String> = constant.split('_').map(str::to_lowercase).collect();
    members.iter().find(|(name, _)| words.contains(&name.to_lowercase()))
}

/// How deep members are looked into.
const DEEPEST: u32 = 16;

fn holds_pointer(ty: Type<'_>, deeper: u32) -> bool {
    let (Some(ty), Some(deeper)) = (ty.resolved(), deeper.checked_sub(1)) else { return false };
    match ty.kind() {
        Kind::Pointer(_) => true,
        Kind::Array { element: Some(element), .. } => holds_pointer(element, deeper),
        Kind::Aggregate => ty.members().any(|member| member.ty().is_some_and(|ty| holds_pointer(ty, deeper))),
        _ => false,
    }
}
