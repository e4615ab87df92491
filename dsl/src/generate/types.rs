//! A `type` statement for each type with questions.

use super::Between;
use super::guess::{self, Guess, Rename};
use super::write::{Writer, some_of};
use crate::names;
use crate::pairing::{About, Asked, PairId, Pairing, Place, Question, declared};
use crate::rules::Symbol;
use mcrx_debuginfo::compare::{TypeChange, Types};
use mcrx_debuginfo::spell;
use mcrx_debuginfo::table::{Table, Tag, Type};
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;

const INDENT: &str = "    ";

/// Writes them, and says which pairs have one.
pub(super) fn write<'t>(
    between: &Between<'t>,
    pairing: &Pairing<'t>,
    types: &Types<'t, 't>,
    writer: &mut Writer,
) -> FxHashSet<PairId> {
    let mut by_type: BTreeMap<(&str, PairId), Vec<&Question<'t>>> = BTreeMap::new();
    let mut alone: Vec<(&str, &Question<'t>)> = Vec::new();
    for (_, question) in pairing.questions_about(between.live) {
        let About::Pair(id) = question.about else { continue };
        let Some(pair) = pairing.pair(id) else { continue };
        match question.asked {
            // What answers it is a fact.
            Asked::Container { .. } => alone.push((pair.name, question)),
            _ => by_type.entry((pair.name, id)).or_default().push(question),
        }
    }
    let mut asked = FxHashSet::default();
    for ((_, id), questions) in &by_type {
        asked.insert(*id);
        let Some(pair) = pairing.pair(*id) else { continue };
        let ([old], [made]) = (pair.old.as_slice(), pair.made.as_slice()) else { continue };
        let change = types.changed.iter().find(|change| change.old == *old && change.new == made.ty);
        let block = Block { questions, change };
        writer.blank();
        block.write(&symbol((between.old, between.new), *old, made.ty, pair.name), writer);
    }
    for (name, question) in alone {
        writer.blank();
        let text = question.text();
        let text = if text.contains(name) { text } else { format!("{name}: {text}") };
        writer.hole("", "", &text);
        if let (Asked::Container { count, stride }, Some(elements)) = (&question.asked, &question.old) {
            let line =
                format!("container {name} {{ elements = {}[{count}] stride = {stride} }}", elements.path);
            Guess::new(line, "then the stored size follows").write("", writer);
        }
        if let About::Pair(id) = question.about {
            asked.insert(id);
        }
    }
    asked
}

/// A pair of types as rules name it: by one name that means the one type in both releases, else by two.
pub(super) fn symbol((was, is): (&Table, &Table), old: Type<'_>, new: Type<'_>, name: &str) -> String {
    let (before, after) = (spellings(was, old, name), spellings(is, new, name));
    match before.iter().find(|spelling| after.contains(spelling)) {
        Some(both) => both.clone(),
        None => match (before.first(), after.first()) {
            (Some(before), Some(after)) => format!("{before} -> {after}"),
            _ => name.to_owned(),
        },
    }
}

/// What a type can be called so that nothing else is meant: its tag, a typedef, these with a source file.
pub(crate) fn spellings(table: &Table, ty: Type<'_>, name: &str) -> Vec<String> {
    let typedefs = table.types().filter(|other| other.tag() == Tag::Typedef && other.resolved() == Some(ty));
    let mut names: Vec<&str> =
        [name].into_iter().chain(ty.name()).chain(typedefs.filter_map(Type::name)).collect();
    let mut seen = FxHashSet::default();
    names.retain(|name| seen.insert(*name));
    let means = |name: &str, unit: Option<&str>| {
        let symbol = Symbol { name: name.to_owned(), unit: unit.map(ToOwned::to_owned) };
        matches!(names::types(table, None, &symbol).as_slice(), [one] if names::are_alike(*one, ty))
    };
    let mut found: Vec<String> =
        names.iter().filter(|name| means(name, None)).map(|name| (*name).to_owned()).collect();
    if found.is_empty() {
        for unit in names::units_of(ty) {
            let file = unit.rsplit('/').next().unwrap_or(unit);
            for (name, end) in names.iter().flat_map(|name| [(*name, file), (*name, unit)]) {
                if means(name, Some(end)) {
                    found.push(format!("{name}@{}", super::write::text(end)));
                }
            }
        }
    }
    found
}

struct Block<'a, 't> {
    questions: &'a [&'a Question<'t>],
    change: Option<&'a TypeChange<'t, 't>>,
}

impl<'t> Block<'_, 't> {
    fn write(&self, name: &str, writer: &mut Writer) {
        let of = |asked: fn(&Asked<'t>) -> bool| {
            self.questions.iter().filter(move |question| asked(&question.asked))
        };
        let gone: Vec<&Place<'t>> =
            of(|asked| matches!(asked, Asked::Gone)).filter_map(|question| question.old.as_ref()).collect();
        let added: Vec<&Place<'t>> = of(|asked| matches!(asked, Asked::FirstValue))
            .filter_map(|question| question.new.as_ref())
            .collect();
        let found = self.change.map_or(&[][..], |change| change.renamed.as_slice());
        let renames = guess::renames(found, &gone, &added);
        let size = self.change.filter(|change| change.is_resized()).map_or(String::new(), |change| {
            let bytes = |ty: Type<'_>| ty.size().map_or("?".to_owned(), |size| size.to_string());
            format!(" // {} -> {} bytes", bytes(change.old), bytes(change.new))
        });
        writer.line(&format!("type {name} {{{size}"));
        for question in self.questions {
            if !matches!(question.asked, Asked::Gone) {
                write_question(question, &renames, writer);
            }
        }
        self.write_gone(&gone, &renames, writer);
        writer.line("}");
    }

    /// Members that are gone, and that no guess has a place for.
    fn write_gone(&self, gone: &[&Place<'t>], renames: &[Rename], writer: &mut Writer) {
        let is_left = |place: &&&Place<'t>| !renames.iter().any(|guess| guess.from == place.path);
        let left: Vec<&&Place<'t>> = gone.iter().filter(is_left).collect();
        // Renamed into a structure or member that is no question of its own.
        let targets: Vec<&Rename> = renames
            .iter()
            .filter(|guess| !self.questions.iter().any(|question| is_at_or_around(question, &guess.to)))
            .collect();
        for guess in targets {
            if let Some(place) = gone.iter().find(|place| place.path == guess.from) {
                let question = format!("`{}` is gone: is it `{}` now?", declared(place, ""), guess.to);
                writer.hole(INDENT, "", &question);
                Guess::new(format!("{} -> {}", guess.from, guess.to), guess.why).write(INDENT, writer);
            }
        }
        if left.is_empty() {
            return;
        }
        let names: Vec<String> = left.iter().map(|place| format!("`{}`", declared(place, ""))).collect();
        let is = if left.len() == 1 { "is" } else { "are" };
        writer.hole(INDENT, "", &format!("{} {is} gone: given up, or kept elsewhere?", some_of(&names)));
        // What is in each element of an array has no path of its own.
        let (inside, own): (Vec<&str>, Vec<&str>) =
            left.iter().map(|place| place.path.as_str()).partition(|path| path.contains('['));
        if !own.is_empty() {
            Guess::new(format!("drop {}", own.join(", ")), "").write(INDENT, writer);
        }
        let mut arrays: Vec<&str> = inside.iter().filter_map(|path| path.split('[').next()).collect();
        arrays.dedup();
        if !arrays.is_empty() {
            Guess::new(format!("reset {}", arrays.join(", ")), "as start-up leaves it").write(INDENT, writer);
        }
    }
}

fn is_at_or_around(question: &Question<'_>, path: &str) -> bool {
    matches!(question.asked, Asked::FirstValue)
        && (question.path() == path
            || path.strip_prefix(question.path()).is_some_and(|rest| rest.starts_with('.')))
}

fn write_question(question: &Question<'_>, renames: &[Rename], writer: &mut Writer) {
    let path = question.path();
    // Something that rules have no path for: the type itself, or a member of each element of an array.
    if path.is_empty() || path.contains('[') {
        writer.hole(INDENT, "", &question.text());
        if matches!(question.asked, Asked::Union) && path.is_empty() {
            guess::of_union(question, path).iter().for_each(|guess| guess.write(INDENT, writer));
        }
        return;
    }
    if let (Asked::FirstValue, Some(new)) = (&question.asked, &question.new) {
        let inside: Vec<&Rename> =
            renames.iter().filter(|guess| is_at_or_around(question, &guess.to)).collect();
        if inside.iter().any(|guess| guess.to != path) {
            write_structure(new, &inside, writer);
        } else {
            write_first_value(new, inside.first().copied(), writer);
        }
        return;
    }
    writer.hole(INDENT, &format!("{path} = "), &question.text());
    for guess in guess::of_member(question, path) {
        guess.write(INDENT, writer);
    }
}

/// A new structure in which old members may live on: each of its members is a question.
fn write_structure(place: &Place<'_>, renames: &[&Rename], writer: &mut Writer) {
    let structure = place.resolved().filter(|ty| ty.tag().is_aggregate() && ty.tag() != Tag::Union);
    let Some(structure) = structure else { return write_first_value(place, None, writer) };
    for (bit_offset, member) in structure.fields() {
        let Some(name) = member.name() else { continue };
        let inner = Place {
            path: format!("{}.{name}", place.path),
            bit_offset,
            bit_size: member.bit_size(),
            ty: member.ty(),
            alternatives: Vec::new(),
        };
        let guess = renames.iter().find(|guess| guess.to == inner.path).copied();
        write_first_value(&inner, guess, writer);
    }
}

fn write_first_value(place: &Place<'_>, rename: Option<&Rename>, writer: &mut Writer) {
    let declaration = declared(place, "");
    let before = format!("{} = ", place.path);
    match rename {
        Some(Rename { from, to, why }) => {
            writer.hole(INDENT, &before, &format!("`{declaration}` is new: was it `{from}`?"));
            Guess::new(format!("{from} -> {to}"), *why).write(INDENT, writer);
        }
        None => {
            let zero = zero(place);
            writer.hole(
                INDENT,
                &before,
                &format!("`{declaration}` is new: is {zero} right in objects that live?"),
            );
        }
    }
}

/// What all bytes zero are called of this type.
fn zero(place: &Place<'_>) -> &'static str {
    match place.resolved().map(Type::tag) {
        Some(Tag::Pointer) => "`null`",
        Some(Tag::Base) => "`0`",
        Some(Tag::Enumeration) => {
            let has_zero =
                place.resolved().is_some_and(|ty| ty.enumerators().any(|constant| constant.value == 0));
            if has_zero { "its first constant, `0`," } else { "`0`, which is none of its constants," }
        }
        _ => "`zero`",
    }
}

/// The word before a type's name in C, for lists.
pub(super) fn spelt(ty: Type<'_>, name: &str) -> String {
    match spell::keyword(ty).filter(|_| ty.name().is_some()) {
        Some(keyword) => format!("{keyword} {name}"),
        None => name.to_owned(),
    }
}
