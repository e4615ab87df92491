//! Statements that answer a question, for whom an update was refused: the best guess, without a hole.
//!
//! A person decides: each is one that can be taken as it stands, or changed. What can mean several things has a comment that says so.
//!
//! What it does not do: know better than [`super::rules`] what a release's makers meant.

use super::guess;
use super::types::{spellings, symbol};
use super::variables;
use super::write;
use crate::pairing::{About, Asked, Pairing, Place, Question, TypePair};
use mcrx_debuginfo::spell::{self, Anonymous};
use mcrx_debuginfo::table::{Function, Kind, Table, Tag, Type, Variable};

/// Names that are offered in a comment.
const MOST: usize = 4;

/// Stands in a statement about what another one speaks of already: of two the later one would count.
const BESIDE: &str = "    // beside what the rules say of it";

/// Two releases and what becomes of what, for answers about them.
#[derive(Clone, Copy)]
pub struct Answers<'a, 't> {
    /// What runs.
    pub old: &'t Table,
    /// What is to run.
    pub new: &'t Table,
    /// What becomes of what.
    pub pairing: &'a Pairing<'t>,
}

impl<'t> Answers<'_, 't> {
    /// What answers a question. `None`: what there is to say takes facts that only its makers know.
    pub fn to(&self, question: &Question<'t>) -> Option<String> {
        match question.about {
            About::Pair(id) => {
                let pair = self.pairing.pair(id)?;
                if let (Asked::Container { count, stride }, Some(elements)) = (&question.asked, &question.old)
                {
                    let name = self.old_name(*pair.old.first()?)?;
                    let elements = &elements.path;
                    return Some(format!(
                        "container {name} {{\n    elements = {elements}[{count}]\n    stride = {stride}\n}}"
                    ));
                }
                self.members(pair, &self.lines(question, pair)?)
            }
            About::Variable { old: Some(old), new: None } => Some(self.gone(old)),
            About::Variable { new: Some(new), .. } if question.path().is_empty() => {
                Some(format!("global {} keep new    // what the old one holds is given up", self.name(new)))
            }
            About::Variable { .. } => None,
        }
    }

    /// A `type` statement about a pair.
    pub fn members(&self, pair: &TypePair<'t>, lines: &[String]) -> Option<String> {
        let names = |types: &mut dyn Iterator<Item = Type<'t>>, table: &'t Table| {
            let names: Option<Vec<String>> = types
                .map(|ty| spellings(table, ty, ty.name().unwrap_or(pair.name)).into_iter().next())
                .collect();
            names.map(|names| names.join(" + "))
        };
        let head = match (pair.old.as_slice(), pair.made.as_slice()) {
            ([old], [made]) => symbol((self.old, self.new), *old, made.ty, pair.name),
            (old, made) => {
                let old = names(&mut old.iter().copied(), self.old)?;
                format!("{old} -> {}", names(&mut made.iter().map(|made| made.ty), self.new)?)
            }
        };
        let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
        let beside = if pair.rule.is_some() { BESIDE } else { "" };
        Some(format!("type {head} {{{beside}\n{lines}}}"))
    }

    /// What a variable may be that is gone: another one of its type with a like name, or nothing.
    pub fn gone(&self, old: Variable<'t>) -> String {
        let shape = |variable: &Variable<'_>| spell::type_name(variable.ty(), Anonymous::WrittenOut);
        let added = self.pairing.variables.iter().filter(|pair| pair.old.is_none());
        let added = added.filter_map(|pair| pair.new).filter(|new| shape(new) == shape(&old));
        let names: Vec<&str> = added.map(|new| new.name()).collect();
        match guess::alike(old.name(), names.into_iter()).first() {
            Some(name) => format!("global {} -> {name}", self.name(old)),
            None => format!("global {} drop", self.name(old)),
        }
    }

    /// The functions that one may be now that is gone: of the same signature, with a like name first. What one of no such is left with: nothing.
    pub fn successors(&self, old: Function<'t>) -> Vec<&'t str> {
        let same: Vec<&str> = self
            .pairing
            .new_functions
            .iter()
            .filter(|other| super::functions::signature(other) == super::functions::signature(&old))
            .map(Function::name)
            .collect();
        let mut names = guess::alike(old.name(), same.iter().copied());
        let share = |name: &&str| guess::share_word(old.name(), name);
        let others: Vec<&str> =
            same.into_iter().filter(|name| share(name) && !names.contains(name)).collect();
        names.extend(others);
        names.truncate(MOST);
        names
    }

    /// A variable as statements name it.
    pub fn name(&self, variable: Variable<'_>) -> String {
        variables::symbol(variable, (self.old, self.new))
    }

    /// An old type as statements name it.
    pub fn old_name(&self, ty: Type<'t>) -> Option<String> {
        spellings(self.old, ty, ty.name().unwrap_or_default()).into_iter().next()
    }

    /// A new type as statements name it.
    pub fn new_name(&self, ty: Type<'t>) -> Option<String> {
        spellings(self.new, ty, ty.name().unwrap_or_default()).into_iter().next()
    }

    fn lines(&self, question: &Question<'t>, pair: &TypePair<'t>) -> Option<Vec<String>> {
        let path = question.path();
        // What is in each element of an array has no path of its own.
        if let Some((array, _)) = path.split_once('[') {
            return Some(vec![format!("reset {array}    // as the new release's start-up leaves it")]);
        }
        let (prefix, old_prefix) = prefixes(pair);
        let line = match &question.asked {
            Asked::FirstValue => match self.old_of(question, pair) {
                Some(from) => format!("{old_prefix}{from} -> {prefix}{path}"),
                None => format!("{prefix}{path} = {}", zero(question.new.as_ref()?)),
            },
            Asked::Gone => format!("drop {old_prefix}{path}"),
            Asked::Constants(gone) => {
                let names: Vec<&str> = gone.iter().map(|constant| constant.name).collect();
                let kept = question.new.as_ref().and_then(Place::resolved).into_iter();
                let kept: Vec<&str> =
                    kept.flat_map(Type::enumerators).map(|one| one.name).take(MOST).collect();
                let (first, others) = kept.split_first()?;
                let or = others.iter().map(|name| format!(" or {name},")).collect::<String>();
                let (gone, old) = (names.join(", "), question.old.as_ref()?.path.as_str());
                return Some(vec![
                    format!("{prefix}{path} = match old.{old} {{"),
                    format!("    {gone} => {first}    //{or} or fail(\"no such state\")"),
                    format!("    _ => old.{old}"),
                    "}".to_owned(),
                ]);
            }
            Asked::Union => {
                let all = guess::of_union(question, path);
                format!("{}    // {}", all.first()?.line, all.first()?.why)
            }
            Asked::Flexible | Asked::Container { .. } | Asked::Renumbered(_) => return None,
            Asked::Retyped | Asked::Narrowed | Asked::Shrunk | Asked::Counter { .. } => {
                guess::of_member(question, path).into_iter().next()?.line
            }
        };
        Some(vec![line])
    }

    /// The old member that a new one may be: of the same type, with a like name.
    fn old_of(&self, question: &Question<'t>, pair: &TypePair<'t>) -> Option<String> {
        let new = question.new.as_ref()?;
        let asked = self.pairing.questions.iter().filter(|other| {
            let is_same =
                matches!((other.about, question.about), (About::Pair(one), About::Pair(two)) if one == two);
            is_same && matches!(other.asked, Asked::Gone)
        });
        let gone: Vec<&Place<'t>> = asked.filter_map(|other| other.old.as_ref()).collect();
        let is_one = pair.old.len() == 1 && pair.made.len() == 1;
        let guesses = guess::renames(&[], &gone, &[new]);
        guesses.into_iter().find(|_| is_one).map(|guess| guess.from)
    }
}

/// What paths begin with where several types are made, or made from.
fn prefixes(pair: &TypePair<'_>) -> (String, String) {
    let of = |ty: Option<Type<'_>>| format!("{}.", ty.and_then(Type::name).unwrap_or_default());
    let made = if pair.made.len() > 1 { of(pair.made.first().map(|made| made.ty)) } else { String::new() };
    let old = if pair.old.len() > 1 { of(pair.old.first().copied()) } else { String::new() };
    (made, old)
}

/// What all bytes zero are called of this type.
pub fn zero(place: &Place<'_>) -> &'static str {
    match place.resolved().map(Type::kind) {
        Some(Kind::Pointer(_)) => "null",
        Some(Kind::Base(_)) if place.resolved().is_some_and(|ty| ty.tag() == Tag::Base) => "0",
        _ => "zero",
    }
}

/// A string of the language.
pub fn quoted(text: &str) -> String {
    write::text(text)
}

/// Whether a text can be the name of something in a statement.
pub fn is_name(text: &str) -> bool {
    !write::name_or_text(text).starts_with('"')
}

/// The members of a type whose values are numbers, by which a condition can tell objects apart.
pub fn numbers<'t>(ty: Type<'t>) -> Vec<(&'t str, u64, u64)> {
    let members = ty.members().filter(|member| member.bit_size().is_none());
    let numbers = members.filter_map(|member| {
        let below = member.ty()?.resolved()?;
        let is_number = matches!(below.kind(), Kind::Base(_) | Kind::Enumeration(_));
        is_number.then_some((member.name()?, member.offset(), below.size()?))
    });
    numbers.collect()
}
