//! MCX603

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(603),
    name: "unused-define",
    severity: Severity::Warning,
    title: "nothing uses this definition",
    text: "A definition counts only where an expression calls it.",
    wrong: "define blocks(bytes) = (bytes + 511) / 512",
    right: "define blocks(bytes) = (bytes + 511) / 512\ntype file { blocks = blocks(old.bytes) }",
};

pub(crate) fn report(name: &str, span: Span) -> Diagnostic {
    ENTRY.at(span, format!("nothing uses `{name}`")).labelled("never used").helped("take it away")
}
