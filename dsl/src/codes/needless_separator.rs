//! MCX022

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(22),
    name: "needless-separator",
    severity: Severity::Error,
    title: "a semicolon or comma behind a statement",
    text: "Statements need nothing between them. (Between the items of a block a comma or semicolon is allowed, and \
`mcrx rules fmt` takes it away.)",
    wrong: "field conn.data : opaque;",
    right: "field conn.data : opaque",
};

pub(crate) fn report(span: Span, text: &str) -> Diagnostic {
    let found = ENTRY.at(span, format!("a statement has no {} at its end", quoted(text)));
    found.fixed_by("take it away", span, "")
}
