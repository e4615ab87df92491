//! What is left of a derived file: questions that the programs ask and the turned rules do not answer, and what is wrong with these.
//!
//! ```text
//!   sheet --written--> text --load, check, pairing--> findings, questions --by their places--> sheet, and again
//! ```
//!
//! Each round takes something away, or answers a question; a question has one answer that is sure, or gets a hole. So it ends.

use super::answers::{help, of_pair, of_variable, take};
use super::sheet::{self, Body, Entry, Says};
use super::spell::quoted;
use super::{Deriving, Subject};
use crate::check;
use crate::codes::{self, given_up, no_inverse, unused_allow, unused_change, unused_define};
use crate::diagnostic::{Diagnostic, Severity};
use crate::load;
use crate::pairing::{About, Live, Pairing, is_lock};
use crate::releases::Releases;
use crate::source::{FileId, Load, Span};
use mcrx_debuginfo::table::{Table, Variable};
use std::ops::Range;
use std::path::Path;

/// How often it is gone through. Real files need some four rounds: each makes more of the text readable for the next.
const MOST_ROUNDS: usize = 32;

/// The derived file, and the files that it imports as they were read before.
struct Derived<'a> {
    path: &'a Path,
    text: &'a str,
    files: &'a crate::source::Files,
}

impl Load for Derived<'_> {
    fn load(&self, path: &Path) -> Result<String, String> {
        if path == self.path {
            return Ok(self.text.to_owned());
        }
        let found = self.files.ids().find(|file| self.files.path(*file) == path);
        found.map(|file| self.files.text(file).to_owned()).ok_or_else(|| "it was not read".to_owned())
    }
}

/// Makes the file whole. Gives its text before it is formatted.
pub(super) fn complete(deriving: &mut Deriving<'_>, header: &str) -> String {
    give_up(deriving);
    for _ in 0..MOST_ROUNDS {
        let (text, places) = deriving.sheet.written(header);
        if !round(deriving, &text, &places) {
            break;
        }
    }
    deriving.sheet.written(header).0
}

/// Holes that are no part of a comment.
pub(super) fn holes(text: &str) -> usize {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.map(|line| line.matches("todo \"").count()).sum()
}

/// Members that rules give up on purpose are new again, and need a first value.
fn give_up(deriving: &mut Deriving<'_>) {
    for (at, path, span) in std::mem::take(&mut deriving.given_up) {
        let between = deriving.between;
        let links = std::mem::take(&mut deriving.links);
        if let Some(entry) = deriving.sheet.type_at(at)
            && !entry.makes(&path)
            && let [name] = entry.to.as_slice()
        {
            let old = super::types::named(between.old, name);
            let ty = old.and_then(|old| super::sequences::declared(old, &path));
            let is_link =
                links.iter().any(|(of, link)| *link == path && super::types::means(between.old, name, of));
            let new = entry.from.first().and_then(|name| super::types::named(between.new, name));
            let is_there = new.is_some_and(|new| super::sequences::below(new, &path).is_some());
            if is_link {
                entry.add(Says::Set(path, "null".to_owned()), Some(span));
            } else if !is_there && !is_lock(ty) {
                let what = format!("`{path}` of `{name}`");
                let question = format!("{what} is new again: the update gave it up");
                let help = help(entry, &path);
                entry.add(Says::Set(path.clone(), format!("todo {}", quoted(&question))), Some(span));
                let told = given_up::report(&what, "the update gives it up", &help, span);
                deriving.tell(Subject::Member(at, path), told);
            }
        }
        deriving.links = links;
    }
}

/// Whether anything was changed.
fn round(deriving: &mut Deriving<'_>, text: &str, places: &[(Range<usize>, sheet::At)]) -> bool {
    let between = deriving.between;
    let path = between.loaded.files.path(FileId(0));
    let loaded = load::rules(path, &Derived { path, text, files: &between.loaded.files });
    let found = check::loaded(&loaded, Releases::both(between.new, between.old), between.live);
    let place = |span: Span| {
        let is_in = |(range, _): &&(Range<usize>, sheet::At)| {
            span.file == FileId(0) && range.contains(&span.range().start)
        };
        places.iter().filter(is_in).min_by_key(|(range, _)| range.len()).map(|(_, at)| *at)
    };
    let is_error = |one: &&Diagnostic| one.severity == Severity::Error && one.code != codes::hole::ENTRY.code;
    let errors: Vec<&Diagnostic> = found.iter().filter(is_error).collect();
    if !errors.is_empty() {
        let mut wrong: Vec<(sheet::At, String)> = Vec::new();
        for error in errors {
            if let Some(at) = place(error.span)
                && !wrong.iter().any(|(other, _)| *other == at)
            {
                wrong.push((at, error.message.clone()));
            }
        }
        // From the last item on: what is taken away has no place any more.
        wrong.sort_by_key(|(at, _)| std::cmp::Reverse((at.entry, at.item)));
        let mut is_changed = false;
        for (at, why) in wrong {
            is_changed |= mend(deriving, at, &why);
        }
        return is_changed;
    }
    let everywhere = Live::all();
    let pairing = Pairing::of(between.new, between.old, &loaded.rules);
    let mut answers = Vec::new();
    for (_, question) in pairing.questions_about(between.live.unwrap_or(&everywhere)) {
        match question.about {
            About::Pair(id) => {
                let rule = pairing.pair(id).and_then(|pair| pair.rule?.from.first());
                let at = rule.and_then(|name| place(name.span)).map(|at| at.entry);
                answers.extend(of_pair(deriving, &pairing, id, question, at));
            }
            About::Variable { old, new } => {
                let Some(made) = new.or(old) else { continue };
                let table = if new.is_some() { between.old } else { between.new };
                let name = named(table, made);
                answers.extend(of_variable(question, &name, old.map(|old| old.name())));
            }
        }
    }
    let mut is_changed = false;
    for answer in answers {
        is_changed |= take(deriving, answer);
    }
    if is_changed {
        return true;
    }
    // What needs no rule, or has no use here.
    let needless = [unused_allow::ENTRY.code, unused_change::ENTRY.code, unused_define::ENTRY.code];
    let mut idle: Vec<sheet::At> =
        found.iter().filter(|one| needless.contains(&one.code)).filter_map(|one| place(one.span)).collect();
    idle.sort_by_key(|at| std::cmp::Reverse((at.entry, at.item)));
    idle.dedup();
    for at in idle {
        // What answers a question is needed, whatever it looks like.
        if is_answer(deriving, at) {
            continue;
        }
        is_changed |= take_away(&mut deriving.sheet.entries, at);
    }
    is_changed
}

fn is_answer(deriving: &Deriving<'_>, at: sheet::At) -> bool {
    let Some(entry) = deriving.sheet.entries.get(at.entry) else { return false };
    match (&entry.body, at.item) {
        (Body::Type(entry), Some(item)) => entry.items.get(item).is_some_and(|item| item.from.is_none()),
        _ => entry.from.is_none(),
    }
}

fn take_away(entries: &mut [Entry], at: sheet::At) -> bool {
    let Some(entry) = entries.get_mut(at.entry) else { return false };
    match (&mut entry.body, at.item) {
        (Body::Type(entry), Some(item)) if item < entry.items.len() => {
            entry.items.remove(item);
            true
        }
        (Body::Text(text), _) if text.is_empty() => false,
        (body, _) => {
            *body = Body::Text(String::new());
            true
        }
    }
}

/// A variable as rules name it: with its source file, if there are several of its name.
fn named(table: &Table, variable: Variable<'_>) -> String {
    let name = variable.name();
    let file =
        variable.unit().and_then(|unit| unit.name().rsplit('/').next()).filter(|file| !file.is_empty());
    match file {
        Some(file) if table.variables_named(name).nth(1).is_some() => format!("{name}@{}", quoted(file)),
        _ => name.to_owned(),
    }
}

/// Something that was derived cannot be: it is left open if somebody would miss it.
fn mend(deriving: &mut Deriving<'_>, at: sheet::At, why: &str) -> bool {
    let fallback = deriving.between.header();
    let Some(entry) = deriving.sheet.entries.get_mut(at.entry) else { return false };
    let from = entry.from;
    let is_hole = |text: &str| text.trim_start().starts_with("todo \"");
    match (&mut entry.body, at.item) {
        (Body::Type(entry), Some(number)) => {
            let Some(item) = entry.items.get(number).cloned() else { return false };
            let span = item.from.or(from).unwrap_or(fallback);
            match item.says {
                Says::Set(path, value) if !is_hole(&value) => {
                    let what = format!("`{path}` of `{}`", entry.to.join(" + "));
                    let hole =
                        format!("todo {}", quoted(&format!("what was `{path}` before the update? {why}")));
                    let help = help(entry, &path);
                    if let Some(item) = entry.items.get_mut(number) {
                        item.says = Says::Set(path.clone(), hole);
                    }
                    let told = no_inverse::report(&what, why, &help, span);
                    deriving.tell(Subject::Member(at.entry, path), told);
                }
                Says::Rename(_, path) => {
                    let what = format!("`{path}` of `{}`", entry.to.join(" + "));
                    let hole =
                        format!("todo {}", quoted(&format!("what was `{path}` before the update? {why}")));
                    let help = help(entry, &path);
                    if let Some(item) = entry.items.get_mut(number) {
                        item.says = Says::Set(path.clone(), hole);
                    }
                    let told = no_inverse::report(&what, why, &help, span);
                    deriving.tell(Subject::Member(at.entry, path), told);
                }
                Says::Drop(path) => {
                    entry.items.remove(number);
                    deriving.unnamed.push(path);
                }
                _ => {
                    entry.items.remove(number);
                }
            }
            true
        }
        (Body::Type(types), None) => {
            let what = format!("`{}`", types.to.join(" + "));
            let question = format!("what becomes of `{}` on the way back? {why}", types.from.join(" + "));
            entry.body = Body::Text(format!("todo {}", quoted(&question)));
            let told = no_inverse::report(&what, why, "", from.unwrap_or(fallback));
            deriving.tell(Subject::Other, told);
            true
        }
        (Body::Global(name, text), _) => {
            let name = name.clone();
            if is_hole(text.split_once("= ").map_or("", |(_, value)| value)) || text.ends_with(" drop") {
                // Rules cannot name it: the question stays.
                deriving.unnamed.push(text.clone());
                entry.body = Body::Text(String::new());
                return true;
            }
            let question = quoted(&format!("what was `{name}` before the update? {why}"));
            entry.body = Body::Global(name.clone(), format!("global {name} = todo {question}"));
            let what = format!("`{name}`");
            let help = format!("down {{ global {name} = ... }}");
            let told = no_inverse::report(&what, why, &help, from.unwrap_or(fallback));
            deriving.tell(Subject::Variable(name), told);
            true
        }
        (Body::Text(text), _) if text.is_empty() => false,
        (Body::Text(text), _) => {
            if !entry.is_needed || is_hole(text) {
                text.clear();
                return true;
            }
            let what = format!("`{text}`");
            let question = format!("{text}: {why}");
            *text = format!("todo {}", quoted(&question));
            let told = no_inverse::report(&what, why, "", from.unwrap_or(fallback));
            deriving.tell(Subject::Other, told);
            true
        }
    }
}
