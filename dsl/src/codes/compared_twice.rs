//! MCX028

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(28),
    name: "compared-twice",
    severity: Severity::Error,
    title: "what has been compared is compared again",
    text: "`a < b < c` would compare a truth with a number.",
    wrong: "assert 0 < limit < 10",
    right: "assert 0 < limit && limit < 10",
};

pub(crate) fn report(span: Span, before: Span) -> Diagnostic {
    ENTRY
        .at(span, "what has been compared is compared again")
        .beside(before, "the first comparison")
        .helped("join two comparisons by `&&`, or put brackets around one")
}
