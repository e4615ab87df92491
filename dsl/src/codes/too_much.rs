//! MCX013

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;
use crate::syntax::{did_you_mean, either_of};

pub(crate) const ENTRY: Entry = Entry {
    code: Code(13),
    name: "too-much",
    severity: Severity::Error,
    title: "something behind what is complete",
    text: "A statement or item ends where nothing more can belong to it. What follows on the same line begins no \
other one.",
    wrong: "quiesce at main wihtin 5s",
    right: "quiesce at main within 5s",
};

/// `words` could be there.
pub(crate) fn report(text: &str, span: Span, after: &str, words: &[&str]) -> Diagnostic {
    let wanted = either_of(words, "the end of the line");
    let found = ENTRY.at(span, format!("expected {wanted} after {}, found {}", quoted(after), quoted(text)));
    did_you_mean(found, text, span, words)
}
