//! MCX005

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(5),
    name: "not-a-character",
    severity: Severity::Error,
    title: "single quotes around something else than one character",
    text: "A character in single quotes is a number, as in C: one byte, or one escape. A text stands in double \
quotes.",
    wrong: "global separator = 'ab'",
    right: "global separator = \"ab\"",
};

pub(crate) fn report(text: &str, span: Span) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("{} is not one character", quoted(text)))
        .helped("a character is one byte or one escape in single quotes; a text stands in double quotes");
    let inner = text.trim_matches('\'');
    if inner.is_empty() || inner.contains(['"', '\\']) {
        return found;
    }
    found.fixed_by("make it a text", span, format!("\"{inner}\""))
}
