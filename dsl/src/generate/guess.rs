//! Guesses, with what speaks for them. A person decides.

use super::write;
use crate::pairing::{Asked, Place, Question};
use mcrx_debuginfo::compare::Renamed;
use mcrx_debuginfo::spell::{self, Anonymous};
use mcrx_debuginfo::table::{Kind, Type};

/// The shortest part of a name that says something.
const SHORTEST_WORD: usize = 3;

/// Of a hundred words, how many two names have to share.
const LEAST_IN_COMMON: usize = 60;

/// How many names are guessed for one that is gone.
const MOST: usize = 3;

/// A line of rules, and what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guess {
    pub(super) line: String,
    pub(super) why: String,
}

impl Guess {
    pub(super) fn new(line: impl Into<String>, why: impl Into<String>) -> Guess {
        Guess { line: line.into(), why: why.into() }
    }

    /// As a comment.
    pub(super) fn write(&self, indent: &str, writer: &mut write::Writer) {
        let space = if self.why.is_empty() { "" } else { "    " };
        writer.line(&format!("{indent}// {}{space}{}", self.line, self.why));
    }
}

/// A member that is gone, and the one that it may be now.
#[derive(Debug, Clone)]
pub(super) struct Rename {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) why: &'static str,
}

/// What the comparison found, and members of the same type with a name that is like the old one.
pub(super) fn renames(found: &[Renamed], gone: &[&Place<'_>], added: &[&Place<'_>]) -> Vec<Rename> {
    let is_asked = |guess: &&Renamed| gone.iter().any(|place| place.path == guess.old);
    let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
    let mut renames: Vec<Rename> = found
        .iter()
        .filter(is_asked)
        .map(|guess| {
            let is_by_name = last(&guess.old) == last(&guess.new);
            let why = if is_by_name { "the same name and type" } else { "the same type in the same place" };
            Rename { from: guess.old.clone(), to: guess.new.clone(), why }
        })
        .collect();
    // What lies in the same place by chance is no guess.
    renames.retain(|guess| last(&guess.from) == last(&guess.to) || share_word(&guess.from, &guess.to));
    for place in gone {
        if renames.iter().any(|guess| guess.from == place.path) {
            continue;
        }
        let spelt = |place: &Place<'_>| (spell::type_name(place.ty, Anonymous::WrittenOut), place.bit_size);
        let is_like = |other: &&&Place<'_>| {
            spelt(other) == spelt(place)
                && share_word(&place.path, &other.path)
                && !renames.iter().any(|guess| guess.to == other.path)
        };
        if let Some(other) = added.iter().find(is_like) {
            let why = "the same type and a like name";
            renames.push(Rename { from: place.path.clone(), to: other.path.clone(), why });
        } else if is_particular(place)
            && gone.iter().filter(|other| spelt(other) == spelt(place)).count() == 1
        {
            let mut others = added.iter().filter(|other| spelt(other) == spelt(place));
            if let (Some(other), None) = (others.next(), others.next()) {
                let why = "the only ones of this type";
                renames.push(Rename { from: place.path.clone(), to: other.path.clone(), why });
            }
        }
    }
    renames
}

/// Whether the member is of a type that says something: a structure, or a pointer to one.
fn is_particular(place: &Place<'_>) -> bool {
    match place.resolved().map(Type::kind) {
        Some(Kind::Aggregate) => true,
        Some(Kind::Pointer(Some(below))) => {
            below.resolved().is_some_and(|below| matches!(below.kind(), Kind::Aggregate))
        }
        _ => false,
    }
}

/// `free_connections` and `free_connection_n` have two in common.
pub(super) fn share_word(one: &str, other: &str) -> bool {
    let words = |name: &str| -> Vec<String> {
        let words = name.split(['_', '.']).map(|word| word.trim_end_matches('s').to_lowercase());
        words.filter(|word| word.len() >= SHORTEST_WORD).collect()
    };
    let others = words(other);
    words(one).iter().any(|word| others.contains(word))
}

/// The names most like one that is gone, of those that are new: with the most words in common, behind what both begin with, as all names
/// of a program or of a part of it do.
pub(super) fn alike<'n>(gone: &str, added: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut found: Vec<(usize, &str)> = added
        .map(|name| {
            let (own, theirs): (Vec<&str>, Vec<&str>) =
                (gone.split('_').collect(), name.split('_').collect());
            let start = own.iter().zip(&theirs).take_while(|(one, other)| one == other).count();
            let (own, theirs) =
                (own.get(start..).unwrap_or_default(), theirs.get(start..).unwrap_or_default());
            let common = own.iter().filter(|word| theirs.contains(word)).count();
            // Of a hundred: how many of all words are common.
            ((200 * common).checked_div(own.len() + theirs.len()).unwrap_or(0), name)
        })
        .filter(|(share, _)| *share >= LEAST_IN_COMMON)
        .collect();
    found.sort_by_key(|(share, name)| (std::cmp::Reverse(*share), *name));
    found.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// What a member of an answer may be.
pub(super) fn of_member(question: &Question<'_>, path: &str) -> Vec<Guess> {
    let old = question.old.as_ref().map_or(path, |place| place.path.as_str());
    match &question.asked {
        Asked::Narrowed => vec![
            Guess::new(format!("{path} = old.{old}"), "the update is refused if one does not fit"),
            Guess::new(format!("{path} = clamp(old.{old})"), "the nearest that fits"),
        ],
        Asked::Retyped => retyped(question, path, old),
        Asked::Shrunk => {
            vec![Guess::new(format!("{path} = old.{old}"), "the update is refused if there are more")]
        }
        Asked::Counter { .. } => vec![Guess::new(format!("{path} = old.{old}"), "it does")],
        Asked::Constants(gone) => {
            let names: Vec<&str> = gone.iter().map(|constant| constant.name).collect();
            let line = format!(
                "{path} = match old.{old} {{ {} => fail(\"no such state\"), _ => old.{old} }}",
                names.join(", ")
            );
            vec![Guess::new(line, "the update is refused if there is one")]
        }
        Asked::Union => of_union(question, path),
        _ => Vec::new(),
    }
}

/// The members that both unions have: one of them may be the one that counts.
pub(super) fn of_union(question: &Question<'_>, path: &str) -> Vec<Guess> {
    let names = |place: &Option<Place<'_>>| -> Vec<String> {
        let ty = place.as_ref().and_then(Place::resolved);
        // Of a structure without a name nobody can say which one it becomes.
        let is_nameless = |ty: Type<'_>| ty.tag().is_aggregate() && ty.name().is_none();
        let members = ty.into_iter().flat_map(Type::members);
        let members = members.filter(|member| !member.ty().and_then(Type::resolved).is_none_or(is_nameless));
        members.filter_map(|member| member.name().map(ToOwned::to_owned)).collect()
    };
    // The members of an unnamed union are the outer structure's own.
    let is_unnamed = question.new.as_ref().is_some_and(|place| !place.alternatives.is_empty());
    let prefix = if path.is_empty() || is_unnamed { String::new() } else { format!("{path}.") };
    let after = names(&question.new);
    let both = names(&question.old).into_iter().filter(|name| after.contains(name)).take(MOST);
    both.map(|name| {
        Guess::new(format!("{prefix}{name} = old.{prefix}{name}"), "if that is the one that counts")
    })
    .collect()
}

fn retyped(question: &Question<'_>, path: &str, old: &str) -> Vec<Guess> {
    match (kind(&question.old), kind(&question.new)) {
        (Some(Kind::Base(_) | Kind::Enumeration(_)), Some(Kind::Base(_) | Kind::Enumeration(_))) => {
            vec![Guess::new(format!("{path} = old.{old}"), "if the same numbers mean the same")]
        }
        // Elements side by side became linked ones.
        (Some(Kind::Aggregate), Some(Kind::Pointer(Some(below)))) => {
            let nothing = Guess::new(format!("{path} = null"), "");
            match linked(question, below, path, old) {
                Some(Linked { line, is_typed: true }) => {
                    vec![Guess::new(line, "elements side by side are now linked"), nothing]
                }
                Some(Linked { line, is_typed: false }) => {
                    vec![nothing, Guess::new(line, "elements side by side are now linked: of which type?")]
                }
                None => vec![nothing],
            }
        }
        (_, Some(Kind::Pointer(_))) => vec![Guess::new(format!("{path} = null"), "")],
        _ => vec![Guess::new(format!("{path} = zero"), "")],
    }
}

fn kind<'t>(place: &Option<Place<'t>>) -> Option<Kind<'t>> {
    place.as_ref().and_then(Place::resolved).map(Type::kind)
}

/// Elements that were side by side and are linked now.
struct Linked {
    line: String,
    /// The array says of which type its elements are.
    is_typed: bool,
}

/// `list(old.cookies.elts[0 .. old.cookies.nelts], via next)`: an array of elements that are now linked by a member of their own.
fn linked(question: &Question<'_>, element: Type<'_>, path: &str, old: &str) -> Option<Linked> {
    let array = question.old.as_ref()?.resolved()?;
    let element = element.resolved()?;
    let leads_on = |ty: Type<'_>| match ty.resolved().map(Type::kind) {
        Some(Kind::Pointer(Some(below))) => below.resolved() == Some(element),
        _ => false,
    };
    let next = element.members().find(|member| member.ty().is_some_and(leads_on))?.name()?;
    let is_pointer = |ty: Type<'_>| matches!(ty.resolved().map(Type::kind), Some(Kind::Pointer(_)));
    let pointer = array.members().find(|member| member.ty().is_some_and(is_pointer))?;
    let elements = pointer.name()?;
    let is_typed = matches!(pointer.ty()?.resolved()?.kind(), Kind::Pointer(Some(_)));
    let is_count = |name: &str| name.contains("nelt") || name.contains("count") || name.contains("num");
    let count = array.members().filter_map(|member| member.name()).find(|name| is_count(name))?;
    let line = format!("{path} = list(old.{old}.{elements}[0 .. old.{old}.{count}], via {next})");
    Some(Linked { line, is_typed })
}
