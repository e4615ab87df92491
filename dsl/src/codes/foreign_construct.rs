//! MCX025

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(25),
    name: "foreign-construct",
    severity: Severity::Error,
    title: "something of C that the language does not have",
    text: "There are no casts, since values are numbers of 64 bits and are checked when they are put into a member; \
no `*` before a pointer, since paths go through pointers; no `+=` and `++`, since a rule says a whole value.",
    wrong: "type conn { port = (short) old.port }",
    right: "type conn { port = old.port }",
};

/// `what`: "there are no casts".
pub(crate) fn report(span: Span, what: &str, help: &str) -> Diagnostic {
    ENTRY.at(span, format!("{what} in this language")).helped(help)
}

/// `pointer conn* : …`
pub(crate) fn star(span: Span) -> Diagnostic {
    ENTRY
        .at(span, "the type is named without a `*` here")
        .helped("`pointer TYPE` is about all pointers to the type")
        .fixed_by("leave it out", span, "")
}
