//! MCX020

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(20),
    name: "not-closed",
    severity: Severity::Error,
    title: "a bracket that is not closed",
    text: "Where a bracket is missing is found by what cannot be inside: the next statement, or for a `match` a line \
that is indented no further than it.",
    wrong: "type conn {\n    drop legacy\n\nfield conn.data : opaque",
    right: "type conn {\n    drop legacy\n}\n\nfield conn.data : opaque",
};

/// `place`, and what is `found` there, is where its counterpart was missed.
pub(crate) fn report(opened: Span, bracket: &str, place: Span, found: &str) -> Diagnostic {
    let close = match bracket {
        "(" => ")",
        "[" => "]",
        _ => "}",
    };
    ENTRY
        .at(opened, format!("this `{bracket}` is not closed"))
        .beside(place, format!("expected `{close}` before {found}"))
        .helped(format!("put a `{close}` where it ends"))
}
