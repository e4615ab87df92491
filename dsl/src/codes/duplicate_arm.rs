//! MCX608

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(608),
    name: "duplicate-arm",
    severity: Severity::Warning,
    title: "an arm is for a value that an earlier arm is for",
    text: "The first arm that fits counts. A later one for the same value, or for a name that an earlier `name*` stands for, is never taken.",
    wrong: "match old.state { IDLE => 0  BUSY => 1  IDLE => 2  _ => 3 }",
    right: "match old.state { IDLE => 0  BUSY => 1  _ => 3 }",
};

pub(crate) fn report(value: &str, span: Span, earlier: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("an earlier arm is for `{value}`"))
        .labelled("never taken")
        .beside(earlier, "the first that fits counts")
        .helped("take it away, or put it before the other")
}
