//! MCX010

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;
use crate::syntax::{did_you_mean, either};

pub(crate) const ENTRY: Entry = Entry {
    code: Code(10),
    name: "expected",
    severity: Severity::Error,
    title: "something else than what has to come",
    text: "The grammar leaves no choice at this place, or only a few. What stands there is none of them; perhaps \
something before it is missing.",
    wrong: "field conn.data opaque",
    right: "field conn.data : opaque",
};

/// `after`: the token before, empty if there is none. `found`: as messages show it.
pub(crate) fn report(what: &str, after: &str, found: &str, span: Span) -> Diagnostic {
    let after = if after.is_empty() { String::new() } else { format!(" after {}", quoted(after)) };
    let what = if after.is_empty() { what.trim_end_matches(',') } else { what };
    ENTRY.at(span, format!("expected {what}{after}, found {found}"))
}

/// One of some words was expected; `text` is the token that stands there, empty if none does on this line.
pub(crate) fn words(words: &[&str], after: &str, (text, found): (&str, &str), span: Span) -> Diagnostic {
    did_you_mean(report(&either(words), after, found, span), text, span, words)
}

/// No `{` where a block begins; `words` could be there too.
pub(crate) fn no_block(found: Diagnostic, text: &str, place: Span, words: &[&str]) -> Diagnostic {
    let found = did_you_mean(found, text, place, words);
    if found.fix.is_some() {
        return found;
    }
    found.fixed_by("put it in", Span { end: place.start, ..place }, " {")
}
