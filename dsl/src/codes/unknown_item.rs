//! MCX012

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::did_you_mean;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(12),
    name: "unknown-item",
    severity: Severity::Error,
    title: "a line of a block that begins no item",
    text: "What a block may hold depends on the statement that it belongs to.",
    wrong: "type conn {\n    droop legacy\n}",
    right: "type conn {\n    drop legacy\n}",
};

/// `what`: "an item of a type"; `forms`: how they look.
pub(crate) fn report(what: &str, text: &str, span: Span, words: &[&str], forms: &str) -> Diagnostic {
    let found = ENTRY.at(span, format!("expected {what}, found {}", quoted(text)));
    did_you_mean(found.helped(format!("{what} is {forms}")), text, span, words)
}
