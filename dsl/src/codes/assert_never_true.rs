//! MCX503

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(503),
    name: "assert-never-true",
    severity: Severity::Error,
    title: "an `assert` that is never true",
    text: "It is false whatever the process holds, so every update would be refused.",
    wrong: "assert 1 > 2",
    right: "",
};

pub(crate) fn report(span: Span) -> Diagnostic {
    ENTRY
        .at(span, "this is never true, so every update would be refused")
        .labelled("always false")
        .helped("see what the members in it can hold, and what was meant")
}

/// The same of a condition that is to select objects.
pub(crate) fn selects_nothing(span: Span) -> Diagnostic {
    ENTRY
        .at(span, "this is never true, so no object is selected")
        .labelled("always false")
        .helped("see what the members in it can hold, and what was meant")
}
