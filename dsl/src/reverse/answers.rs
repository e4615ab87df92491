//! Answers to questions that the turned rules leave: the one that is sure, or a hole with what is to be told of it.
//!
//! | question | answer |
//! |---|---|
//! | a member or variable that only the new release has | it is given up |
//! | one that only the old release has | `null` for a link that a derived list sets; else a hole |
//! | a number that gets narrow | itself: what does not fit is refused |
//! | constants that only the new release has | a `match` of those that both have |
//! | an array that gets short | its first elements, if there is nothing in the others |
//! | anything else | a hole |

use super::sequences::{array_of, below, pointee};
use super::sheet::{Body, Entry, Item, Says, TypeEntry};
use super::spell::quoted;
use super::{Deriving, Subject};
use crate::codes::{comes_back_otherwise, given_up, no_inverse};
use crate::generate::spellings;
use crate::pairing::{Asked, Constants, PairId, Pairing, Place, Question, TypePair};
use mcrx_debuginfo::table::{Encoding, Kind, Type};

/// Up to so many elements that have no place again are looked at one by one.
const MOST_ELEMENTS: u64 = 16;

/// What is to be done about a question.
pub(super) enum Answer {
    /// In the statement at this place, or in a new one about these types.
    Item { at: Option<usize>, types: (Vec<String>, Vec<String>), says: Says, told: Option<Told> },
    /// Of a variable.
    Global { name: String, says: String, told: Option<Told> },
    /// A question of its own.
    Hole(String, Option<Told>),
}

/// A finding whose place is not known yet.
pub(super) enum Told {
    GivenUp,
    NoInverse(String),
    Otherwise(String),
}

pub(super) fn help(entry: &TypeEntry, path: &str) -> String {
    let names = |names: &[String]| names.join(" + ");
    let types = match entry.from == entry.to {
        true => names(&entry.from),
        false => format!("{} -> {}", names(&entry.from), names(&entry.to)),
    };
    format!("down {{ type {types} {{ {path} = ... }} }}")
}

/// A question about a member.
pub(super) fn of_pair(
    deriving: &Deriving<'_>,
    pairing: &Pairing<'_>,
    id: PairId,
    question: &Question<'_>,
    at: Option<usize>,
) -> Option<Answer> {
    let pair = pairing.pair(id)?;
    let between = deriving.between;
    let (from, to) = (pair.old.first()?, pair.made.first()?.ty);
    let types = match at {
        Some(_) => (Vec::new(), Vec::new()),
        None => {
            let before = spellings(between.new, *from, pair.name);
            let after = spellings(between.old, to, pair.name);
            let both = before.iter().find(|name| after.contains(name)).cloned();
            let from = both.clone().or_else(|| before.first().cloned())?;
            (vec![from], vec![both.or_else(|| after.first().cloned())?])
        }
    };
    let path = question.path().to_owned();
    let item = |says, told| Some(Answer::Item { at, types: types.clone(), says, told });
    // What rules have no path for: the type itself, a member of each element of an array.
    if path.is_empty() || path.contains("[]") {
        return match question.asked {
            Asked::Container { .. } => {
                let text = format!("{}: {}", pair.name, question.text());
                Some(Answer::Hole(text, Some(Told::NoInverse("no fact says what is in it".to_owned()))))
            }
            _ => item(
                Says::Hole(question.text()),
                Some(Told::NoInverse("rules have no name for it".to_owned())),
            ),
        };
    }
    if matches!(question.asked, Asked::Gone) {
        // Of one that is merged into the first, the way there begins with the pointer to it.
        let path = reached(&pair.old, &path).unwrap_or(path);
        if deriving.unnamed.contains(&path) {
            return None;
        }
        return item(Says::Drop(path), None);
    }
    if matches!(question.asked, Asked::FirstValue) {
        let is_link = deriving.links.iter().any(|(of, link)| {
            *link == path
                && (pair.name == of
                    || to.name() == Some(of)
                    || super::types::means(between.old, pair.name, of))
        });
        if is_link {
            return item(Says::Set(path, "null".to_owned()), None);
        }
        let path = with_owner(pair, path);
        let question = format!("`{path}` is new again: what is its value in objects that live?");
        return item(Says::Set(path, format!("todo {}", quoted(&question))), Some(Told::GivenUp));
    }
    let old = question.old.as_ref().map_or(path.as_str(), |place| place.path.as_str());
    let (value, told) = value(question, &format!("old.{old}"));
    item(Says::Set(with_owner(pair, path), value), told)
}

/// Where several types are made again, a path begins with the one that it is of.
fn with_owner(pair: &TypePair<'_>, path: String) -> String {
    let owner = pair.made.iter().position(|made| below(made.ty, &path).is_some());
    match (pair.rule, owner) {
        (Some(rule), Some(owner)) if rule.to.len() > 1 => {
            format!("{}.{path}", rule.to.get(owner).map_or("", |name| name.is.symbol.name.as_str()))
        }
        _ => path,
    }
}

/// A member of one of several types that are merged, as the first leads to it. `None`: it is the first one's own.
fn reached(merged: &[Type<'_>], path: &str) -> Option<String> {
    let (first, others) = merged.split_first()?;
    let holder = others.iter().find(|ty| below(**ty, path).is_some() && below(*first, path).is_none())?;
    let pointer = first
        .members()
        .find(|member| member.ty().and_then(Type::resolved).and_then(pointee) == Some(*holder))?;
    Some(format!("{}.{path}", pointer.name()?))
}

/// A question about a variable.
pub(super) fn of_variable(question: &Question<'_>, name: &str, from: Option<&str>) -> Option<Answer> {
    let text = || format!("{name}: {}", question.text());
    if !question.path().is_empty() {
        return Some(Answer::Hole(text(), Some(Told::NoInverse("rules have no name for it".to_owned()))));
    }
    let name = name.to_owned();
    match question.asked {
        Asked::Gone => Some(Answer::Global { name, says: "drop".to_owned(), told: None }),
        _ => {
            let (value, told) = value(question, &format!("from.{}", from.unwrap_or(&name)));
            Some(Answer::Global { name, says: format!("= {value}"), told })
        }
    }
}

/// What something is made from that has become another kind of thing, given how it is read.
fn value(question: &Question<'_>, read: &str) -> (String, Option<Told>) {
    let open = || (format!("todo {}", quoted(&question.text())), Some(Told::NoInverse(question.text())));
    let old = question.old.as_ref().and_then(Place::resolved);
    let new = question.new.as_ref().and_then(Place::resolved);
    let (Some(from), Some(to)) = (old, new) else { return open() };
    match (&question.asked, from.kind(), to.kind()) {
        // What does not fit is refused.
        (Asked::Narrowed, ..) => (read.to_owned(), None),
        // And what is no whole number.
        (Asked::Retyped, Kind::Base(Encoding::Float), Kind::Base(Encoding::Signed | Encoding::Unsigned)) => {
            (read.to_owned(), None)
        }
        (Asked::Constants(_), Kind::Enumeration(_), Kind::Enumeration(_)) => {
            (constants(read, &Constants::between(from, to)), None)
        }
        (Asked::Constants(_), Kind::Array { .. }, Kind::Array { .. }) => {
            let arrays = array_of(Some(from)).zip(array_of(Some(to)));
            let is_enumeration = |ty: Type<'_>| matches!(ty.kind(), Kind::Enumeration(_));
            match arrays {
                Some(((from, many), (to, few)))
                    if many == few && many <= MOST_ELEMENTS && is_enumeration(from) && is_enumeration(to) =>
                {
                    let between = Constants::between(from, to);
                    let each = (0..many).map(|index| constants(&format!("{read}[{index}]"), &between));
                    let each: Vec<String> = each.collect();
                    (format!("[{}]", each.join(", ")), None)
                }
                _ => open(),
            }
        }
        (Asked::Shrunk, Kind::Array { .. }, Kind::Array { .. }) => {
            let arrays = array_of(Some(from)).zip(array_of(Some(to)));
            arrays.and_then(|arrays| shorter(read, arrays)).unwrap_or_else(open)
        }
        _ => open(),
    }
}

/// Constants that both have; the new release's own are refused.
fn constants(read: &str, constants: &Constants<'_>) -> String {
    let arms: String =
        constants.kept.iter().map(|(name, ..)| format!("        {name} => {name}\n")).collect();
    let gone: Vec<&str> = constants.gone.iter().map(|constant| constant.name).collect();
    let why = quoted(&format!("only the new release has {}", gone.join(", ")));
    format!("match {read} {{\n{arms}        _ => fail({why})\n    }}")
}

/// The first elements of an array, if there is nothing in the others.
fn shorter(
    read: &str,
    ((element, many), (_, few)): ((Type<'_>, u64), (Type<'_>, u64)),
) -> Option<(String, Option<Told>)> {
    let zero = match element.kind() {
        // Behind its end a text has what was there before.
        Kind::Base(Encoding::SignedChar) => {
            let why = "what was behind the end of the text is zero".to_owned();
            return Some((format!("text({read})"), Some(Told::Otherwise(why))));
        }
        Kind::Base(Encoding::Float) => return None,
        Kind::Base(_) | Kind::Enumeration(_) => "0",
        Kind::Pointer(_) => "null",
        _ => return None,
    };
    if many.checked_sub(few)? > MOST_ELEMENTS {
        return None;
    }
    let guards: Vec<String> = (few..many).map(|index| format!("{read}[{index}] == {zero}")).collect();
    let why = quoted(&format!("the old release has room for {few} elements"));
    Some((format!("{} ? {read}[0 .. {few}] : fail({why})", guards.join(" && ")), None))
}

/// Whether anything was changed.
pub(super) fn take(deriving: &mut Deriving<'_>, answer: Answer) -> bool {
    match answer {
        Answer::Item { at, types: (from, to), says, told } => {
            let at = at.or_else(|| {
                let is_it = |entry: &Entry| matches!(&entry.body, Body::Type(entry) if (&entry.from, &entry.to) == (&from, &to));
                deriving.sheet.entries.iter().position(is_it)
            });
            let at = at.unwrap_or_else(|| {
                let body = Body::Type(TypeEntry { from, to, items: Vec::new() });
                deriving.sheet.entries.push(Entry { body, from: None, is_needed: true });
                deriving.sheet.entries.len() - 1
            });
            let own = deriving.sheet.entries.get(at).and_then(|entry| entry.from);
            let span = own.unwrap_or_else(|| deriving.between.header());
            let worked_in = |path: &str| {
                let mut found =
                    deriving.worked_in.iter().filter(|(entry, old, ..)| *entry == at && old == path);
                found.next().map(|(_, _, span, why)| (*span, why.clone()))
            };
            let (path, is_made) = match &says {
                Says::Set(path, _) | Says::Rename(_, path) | Says::Reset(path) => (path.clone(), true),
                Says::Drop(path) | Says::Keep(_, path) => (path.clone(), false),
                Says::Hole(_) => (String::new(), false),
            };
            let known = worked_in(&path);
            let Some(entry) = deriving.sheet.type_at(at) else { return false };
            let before = entry.items.clone();
            // In the place of what was there, if anything was.
            let is_it = |item: &&mut Item| matches!(&item.says, Says::Set(to, _) | Says::Rename(_, to) if *to == path);
            match entry.items.iter_mut().find(is_it).filter(|_| is_made) {
                Some(item) => *item = Item { says, from: None },
                None => entry.add(says, None),
            }
            let is_changed = entry.items.len() != before.len()
                || entry.items.iter().zip(&before).any(|(one, other)| one.says != other.says);
            let what = match path.as_str() {
                "" => format!("`{}`", entry.to.join(" + ")),
                path => format!("`{path}` of `{}`", entry.to.join(" + ")),
            };
            let help = help(entry, &path);
            let told = told.filter(|_| is_changed).map(|told| match (told, known) {
                (Told::GivenUp, Some((span, why))) => no_inverse::report(&what, &why, &help, span),
                (Told::GivenUp, None) => {
                    given_up::report(&what, "the new release has nothing of it", &help, span)
                }
                (Told::NoInverse(why), _) => no_inverse::report(&what, &why, &help, span),
                (Told::Otherwise(why), _) => comes_back_otherwise::report(&what, &why, span),
            });
            if let Some(told) = told {
                deriving.tell(Subject::Member(at, path), told);
            }
            is_changed
        }
        Answer::Global { name, says, told } => {
            let text = format!("global {name} {says}");
            if deriving.unnamed.contains(&text) {
                return false;
            }
            let entries = &mut deriving.sheet.entries;
            if entries.iter().any(|entry| matches!(&entry.body, Body::Global(_, other) if *other == text)) {
                return false;
            }
            let is_it = |entry: &&mut Entry| matches!(&entry.body, Body::Global(made, _) if *made == name);
            let from = match entries.iter_mut().find(is_it) {
                Some(entry) => {
                    entry.body = Body::Global(name.clone(), text);
                    entry.from
                }
                None => {
                    deriving.sheet.global(&name, &says, None);
                    None
                }
            };
            let span = from.unwrap_or_else(|| deriving.between.header());
            let what = format!("`{name}`");
            let help = format!("down {{ global {name} = ... }}");
            let told = told.map(|told| match told {
                Told::GivenUp => given_up::report(&what, "the new release has nothing of it", &help, span),
                Told::NoInverse(why) => no_inverse::report(&what, &why, &help, span),
                Told::Otherwise(why) => comes_back_otherwise::report(&what, &why, span),
            });
            if let Some(told) = told {
                deriving.tell(Subject::Variable(name), told);
            }
            true
        }
        Answer::Hole(text, told) => {
            let text = format!("todo {}", quoted(&text));
            let is_it = |entry: &Entry| matches!(&entry.body, Body::Text(other) if *other == text);
            if deriving.sheet.entries.iter().any(is_it) {
                return false;
            }
            let span = deriving.between.header();
            if let Some(Told::NoInverse(why)) = told {
                let told = no_inverse::report(&text, &why, "", span);
                deriving.tell(Subject::Other, told);
            }
            deriving.sheet.entries.push(Entry { body: Body::Text(text), from: None, is_needed: true });
            true
        }
    }
}
