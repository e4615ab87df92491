//! MCX609

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(609),
    name: "assert-always-true",
    severity: Severity::Warning,
    title: "an `assert` that is always true",
    text: "It is true whatever the process holds, and so says nothing of it.",
    wrong: "assert every conn c : sizeof(struct conn) > 0",
    right: "",
};

pub(crate) fn report(span: Span) -> Diagnostic {
    ENTRY
        .at(span, "this is always true, whatever the process holds")
        .labelled("says nothing")
        .helped("take it away, or name what is looked at")
}
