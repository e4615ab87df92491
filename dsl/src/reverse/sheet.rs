//! The derived file in the making: statements, and of `type` statements their items, each of which can be replaced, or taken away.

use super::spell::quoted;
use crate::source::Span;
use std::ops::Range;

/// The statements, in order.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub(super) entries: Vec<Entry>,
}

/// A statement.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) body: Body,
    /// What it was derived from. `None`: from no rule, from the programs alone.
    pub(super) from: Option<Span>,
    /// It says something of the update that somebody would miss. Of others nothing is said if they cannot be.
    pub(super) is_needed: bool,
}

#[derive(Debug)]
pub(super) enum Body {
    /// All of it.
    Text(String),
    /// Of variables: of which one, and all of it.
    Global(String, String),
    /// A `type` statement.
    Type(TypeEntry),
}

/// `type A -> B { … }`
#[derive(Debug, Default)]
pub(super) struct TypeEntry {
    /// The types that objects are of.
    pub(super) from: Vec<String>,
    /// The types that they are to be of.
    pub(super) to: Vec<String>,
    pub(super) items: Vec<Item>,
}

/// What becomes of a member.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) says: Says,
    /// What it was derived from.
    pub(super) from: Option<Span>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Says {
    /// `path = value`
    Set(String, String),
    /// `from -> to`
    Rename(String, String),
    Drop(String),
    Reset(String),
    /// `keep old path`
    Keep(&'static str, String),
    /// A question about all of it.
    Hole(String),
}

/// Where something of a [`Sheet`] is: a statement, and perhaps one of its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) entry: usize,
    pub(super) item: Option<usize>,
}

impl Sheet {
    pub(super) fn text(&mut self, text: impl Into<String>, from: Span) {
        self.entries.push(Entry { body: Body::Text(text.into()), from: Some(from), is_needed: true });
    }

    /// One that is left out if it cannot be.
    pub(super) fn perhaps(&mut self, text: impl Into<String>, from: Span) {
        self.entries.push(Entry { body: Body::Text(text.into()), from: Some(from), is_needed: false });
    }

    pub(super) fn global(&mut self, name: &str, says: &str, from: Option<Span>) {
        let text = format!("global {name} {says}");
        self.entries.push(Entry { body: Body::Global(name.to_owned(), text), from, is_needed: true });
    }

    /// What is said of types, if anything is.
    pub(super) fn type_at(&mut self, at: usize) -> Option<&mut TypeEntry> {
        match &mut self.entries.get_mut(at)?.body {
            Body::Type(entry) => Some(entry),
            Body::Text(_) | Body::Global(..) => None,
        }
    }

    /// The text, and where in it each statement and item is, the larger before the smaller.
    pub(super) fn written(&self, header: &str) -> (String, Vec<(Range<usize>, At)>) {
        let mut text = header.to_owned();
        let mut places = Vec::new();
        let mut last: Option<&str> = None;
        for (number, entry) in self.entries.iter().enumerate() {
            let lines = entry.lines();
            if lines.is_empty() {
                continue;
            }
            let word = entry.word();
            // A block stands by itself, and so does what is of another sort than what is above it.
            if last.is_none_or(|last| last != word || word == "type") {
                text.push('\n');
            }
            last = Some(word);
            let start = text.len();
            let place = places.len();
            places.push((start..start, At { entry: number, item: None }));
            for (line, item) in lines {
                let start = text.len();
                text.push_str(&line);
                if item.is_some() {
                    places.push((start..text.len(), At { entry: number, item }));
                }
                text.push('\n');
            }
            if let Some((range, _)) = places.get_mut(place) {
                range.end = text.len();
            }
        }
        (text, places)
    }
}

impl Entry {
    fn lines(&self) -> Vec<(String, Option<usize>)> {
        match &self.body {
            Body::Text(text) | Body::Global(_, text) => vec![(text.clone(), None)],
            Body::Type(entry) => entry.lines(),
        }
    }

    /// What it begins with.
    fn word(&self) -> &str {
        match &self.body {
            Body::Text(text) => {
                let code = text.lines().find(|line| !line.starts_with("//")).unwrap_or_default();
                code.split_whitespace().next().unwrap_or_default()
            }
            Body::Global(..) => "global",
            Body::Type(_) => "type",
        }
    }
}

impl TypeEntry {
    /// Whether it says what a member is made from, or that of which the member is a part.
    pub(super) fn makes(&self, path: &str) -> bool {
        self.items.iter().any(|item| match &item.says {
            Says::Set(to, _) | Says::Rename(_, to) | Says::Reset(to) => to == path || is_below(path, to),
            Says::Drop(_) | Says::Keep(..) | Says::Hole(_) => false,
        })
    }

    pub(super) fn add(&mut self, says: Says, from: Option<Span>) {
        if !self.items.iter().any(|item| item.says == says) {
            self.items.push(Item { says, from });
        }
    }

    fn lines(&self) -> Vec<(String, Option<usize>)> {
        let names = |names: &[String]| names.join(" + ");
        let arrow = if self.from == self.to { String::new() } else { format!(" -> {}", names(&self.to)) };
        let head = format!("type {}{arrow} {{", names(&self.from));
        if self.items.is_empty() {
            // Nothing would be said of a type that keeps its name.
            return if arrow.is_empty() { Vec::new() } else { vec![(format!("{head} }}"), None)] };
        }
        let items = self.items.iter().enumerate().map(|(number, item)| (item.says.line(), Some(number)));
        [(head, None)].into_iter().chain(items).chain([("}".to_owned(), None)]).collect()
    }
}

impl Says {
    fn line(&self) -> String {
        match self {
            Says::Set(path, value) => format!("    {path} = {value}"),
            Says::Rename(from, to) => format!("    {from} -> {to}"),
            Says::Drop(path) => format!("    drop {path}"),
            Says::Reset(path) => format!("    reset {path}"),
            Says::Keep(which, path) => format!("    keep {which} {path}"),
            Says::Hole(why) => format!("    todo {}", quoted(why)),
        }
    }
}

/// Whether one path goes on from another.
pub(super) fn is_below(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('['))
}
