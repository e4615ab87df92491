//! What the source of a call says, where the source is there: the operands of its `sizeof`.
//!
//! Only the statement around the call is looked at, as words: no macros, no declarations. That is enough to see `sizeof(struct conn)` and
//! `p = malloc(n * sizeof *p)`, and what it says is only held against what the binary says, never believed alone: the file may be of
//! another release.
//!
//! The paths are the debug info's, hence hostile: only regular files of a sane size are read.

use super::image::Parts;
use super::pointee::begins_with;
use super::record::{ABSENT, SourceRecord};
use super::seen::{Landing, Seen, Statement};
use crate::lines::SourceFrame;
use crate::table::{Address, Kind, Table, Type, Unit};
use rustc_hash::FxHashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

/// Of a source file, in bytes. SQLite's amalgamation, which is all of it in one file, has 9 million.
const LONGEST_FILE: u64 = 64 << 20;

/// Of a statement, in lines before and behind the call.
const LINES_AROUND: usize = 6;

/// Source files that were asked for.
#[derive(Default)]
pub(super) struct Sources {
    files: FxHashMap<String, Source>,
}

/// A source file: what it is known by, and its text if it could be read.
struct Source {
    state: [u64; 3],
    text: Option<Arc<String>>,
}

/// What shows that a source file has changed: its length, and when it was written to.
pub(super) fn state(path: &str) -> [u64; 3] {
    let time =
        |file: fs::Metadata| [file.len(), file.mtime().cast_unsigned(), file.mtime_nsec().cast_unsigned()];
    fs::metadata(path).map_or(ABSENT, time)
}

/// What `sizeof` is applied to.
#[derive(Debug, PartialEq, Eq)]
enum Operand<'s> {
    /// A type by its name, without `struct` and its like.
    Type(&'s str),
    /// `*p`, where the result is assigned to `p`; the last name in it.
    Assigned(&'s str),
    /// Anything else.
    Other,
}

impl Sources {
    /// Adds what the source says to what was seen. `frames` are those of the call, the innermost first.
    pub(super) fn add<'t>(
        &mut self,
        seen: &mut Seen<'t>,
        table: &'t Table,
        unit: Option<Unit<'t>>,
        frames: &[SourceFrame<'_>],
        at: Address,
    ) {
        for frame in frames {
            let (Some(path), Some(line)) = (frame.place.file, frame.place.line.checked_sub(1)) else {
                continue;
            };
            let Some(text) = self.read(path) else { continue };
            let Some(statement) = statement(&text, usize::try_from(line).unwrap_or(usize::MAX)) else {
                continue;
            };
            let operands = operands(&words(&statement));
            if operands.is_empty() {
                // The source of an inlined wrapper: its caller's may say more.
                continue;
            }
            let named: Vec<Type<'t>> =
                operands.iter().filter_map(|operand| named(operand, seen, table, unit)).collect();
            let agrees = |ty: &&Type<'t>| seen.statements.iter().all(|seen| begins_with(**ty, seen.ty));
            let known = operands.len() == named.len();
            // Of several, one may be a tail's or a header's.
            let says = named.iter().find(agrees).or_else(|| named.first().filter(|_| known));
            if let Some(ty) = says {
                seen.add(*ty, Landing::Source, at, || shown(&statement));
            }
            return;
        }
    }

    fn read(&mut self, path: &str) -> Option<Arc<String>> {
        if let Some(known) = self.files.get(path) {
            return known.text.clone();
        }
        // Before it is read, so that a change meanwhile is noticed later.
        let state = state(path);
        let is_sane =
            |path: &str| fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= LONGEST_FILE);
        let text = is_sane(path).then(|| fs::read(path).ok()).flatten();
        let text = text.map(|text| Arc::new(String::from_utf8_lossy(&text).into_owned()));
        self.files.insert(path.to_owned(), Source { state, text: text.clone() });
        text
    }

    /// Notes which were looked at, by path.
    pub(super) fn note(&self, parts: &mut Parts) {
        let mut files: Vec<_> = self.files.iter().map(|(path, source)| (path, source.state)).collect();
        files.sort_unstable();
        for (path, state) in files {
            let path = parts.string(path);
            parts.sources.push(SourceRecord { state, path, reserved: 0 });
        }
    }
}

/// The type that an operand names: among those of the unit first, since names may mean something else in others.
fn named<'t>(
    operand: &Operand<'_>,
    seen: &Seen<'t>,
    table: &'t Table,
    unit: Option<Unit<'t>>,
) -> Option<Type<'t>> {
    match operand {
        Operand::Type(name) => {
            let is_object = |ty: &Type<'t>| ty.size().is_some_and(|size| size > 1);
            let mut all = table.types_named(name).filter(is_object);
            let (first, second) = (all.next()?, all.next());
            if let Some(Kind::Base(_)) = first.resolved().map(Type::kind) {
                // With or without a sign: only the size is meant.
                let is_as_large = |seen: &&Statement<'t>| {
                    seen.ty.size() == first.size()
                        && matches!(
                            seen.ty.resolved().map(Type::kind),
                            Some(Kind::Base(_) | Kind::Enumeration(_))
                        )
                };
                return Some(seen.statements.iter().find(is_as_large).map_or(first, |seen| seen.ty));
            }
            if second.is_none() {
                return Some(first);
            }
            unit?.types().find(|ty| ty.name() == Some(name) && is_object(ty))
        }
        Operand::Assigned(name) => {
            let lands = |landing| matches!(landing, Landing::Variable | Landing::Member | Landing::Global);
            let is_named = |text: &str| text.rsplit(['.', '>']).next() == Some(*name);
            let mut strong = seen.statements.iter().filter(|seen| lands(seen.landing));
            strong.find(|seen| is_named(&seen.name)).map(|seen| seen.ty)
        }
        Operand::Other => None,
    }
    .filter(|ty| !matches!(ty.kind(), Kind::Unknown))
}

/// The text from the end of the statement before a line, counted from 0, to the end of its own.
fn statement(text: &str, line: usize) -> Option<String> {
    let lines: Vec<&str> =
        text.lines().skip(line.saturating_sub(LINES_AROUND)).take(2 * LINES_AROUND + 1).collect();
    let at = line.min(LINES_AROUND);
    let own = *lines.get(at)?;
    let ends = |line: &&&str| line.trim_end().ends_with([';', '{', '}', ':']) || line.trim().is_empty();
    let before = lines.get(..at)?.iter().rev().take_while(|line| !ends(line)).count();
    let mut statement = String::new();
    for line in lines.get(at - before..at)? {
        statement.push_str(line);
        statement.push('\n');
    }
    statement.push_str(own);
    if !own.contains(';') && !own.trim_end().ends_with(['{', '}']) {
        for line in lines.get(at + 1..)? {
            statement.push('\n');
            statement.push_str(line);
            if line.contains([';', '{']) {
                break;
            }
        }
    }
    Some(statement)
}

/// A statement on one line, as far as it tells something.
fn shown(statement: &str) -> String {
    const LONGEST: usize = 120;
    let joined = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    match joined.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &joined[..end]),
        None => joined,
    }
}

/// Names, numbers, and all other characters one by one; `->` is one word.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let len = if is_name(first) {
            rest.find(|c| !is_name(c)).unwrap_or(rest.len())
        } else if rest.starts_with("->") {
            2
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(len);
        words.push(word);
        rest = after.trim_start();
    }
    words
}

fn operands<'s>(words: &[&'s str]) -> Vec<Operand<'s>> {
    let at = words.iter().enumerate().filter(|(_, word)| **word == "sizeof");
    at.map(|(index, _)| operand(words, words.get(index + 1..).unwrap_or_default())).collect()
}

fn operand<'s>(all: &[&'s str], behind: &[&'s str]) -> Operand<'s> {
    let in_parentheses = behind.first() == Some(&"(");
    let inside: &[&str] = if in_parentheses {
        let mut depth = 0_usize;
        let end = behind.iter().position(|word| {
            match *word {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        });
        behind.get(1..end.unwrap_or(1).max(1)).unwrap_or_default()
    } else {
        let is_part = |word: &&str| {
            matches!(*word, "*" | "->" | ".") || word.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        };
        let len = behind.iter().take_while(|word| is_part(word)).count();
        behind.get(..len).unwrap_or_default()
    };
    let bare: Vec<&str> = inside
        .iter()
        .copied()
        .filter(|word| !matches!(*word, "struct" | "union" | "enum" | "const"))
        .collect();
    match bare[..] {
        [name] => inside
            .last()
            .map_or(Operand::Other, |last| if *last == name { Operand::Type(last) } else { Operand::Other }),
        ["*", ..] => {
            let of = inside.get(1..).unwrap_or_default();
            let is_assigned = all
                .windows(of.len() + 1)
                .any(|window| window.split_last().is_some_and(|(last, first)| *last == "=" && first == of));
            match of.last() {
                Some(last) if is_assigned => Operand::Assigned(last),
                _ => Operand::Other,
            }
        }
        _ => Operand::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operands_of(text: &str) -> Vec<Operand<'_>> {
        operands(&words(text))
    }

    #[test]
    fn types_are_seen_with_and_without_their_keyword() {
        assert_eq!(
            operands_of("p = malloc(sizeof(struct conn) + n * sizeof(int_t));"),
            [Operand::Type("conn"), Operand::Type("int_t")]
        );
    }

    #[test]
    fn what_a_result_is_assigned_to_is_seen_through_a_star() {
        assert_eq!(operands_of("o->to = malloc(sizeof *o->to);"), [Operand::Assigned("to")]);
        assert_eq!(operands_of("if ((p = malloc(n * sizeof(*p))) == NULL)"), [Operand::Assigned("p")]);
        assert_eq!(operands_of("q = malloc(sizeof(*p));"), [Operand::Other]);
        assert_eq!(operands_of("q = malloc(n * sizeof(char *));"), [Operand::Other]);
    }

    #[test]
    fn a_statement_reaches_over_its_lines_and_no_further() {
        let text = "a = sizeof(one);\nb =\n  malloc(\n  sizeof(two)\n  );\nc = sizeof(three);\n";
        let statement = statement(text, 2).unwrap();
        assert_eq!(operands_of(&statement), [Operand::Type("two")]);
    }

    #[test]
    fn ends_of_files_and_odd_characters_do_no_harm() {
        assert_eq!(statement("", 0), None);
        assert_eq!(statement("x", 7), None);
        assert_eq!(operands_of("sizeof"), [Operand::Other]);
        assert_eq!(operands_of("sizeof("), [Operand::Other]);
        assert_eq!(operands_of("sizeof) é → ("), [Operand::Other]);
    }
}
