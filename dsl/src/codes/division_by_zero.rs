//! MCX136

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(136),
    name: "division-by-zero",
    severity: Severity::Error,
    title: "a division by a constant that is zero",
    text: "It has no value for any object, so the update would be refused for each of them. Where the divisor is a \
member that can be zero, `a / b else c` says what is to be then.",
    wrong: "blocks = old.bytes / 0",
    right: "blocks = old.bytes / 512",
};

pub(crate) fn report(span: Span) -> Diagnostic {
    ENTRY
        .at(span, "this divides by zero, whatever the object")
        .labelled("is always 0")
        .helped("where a divisor may be zero, `a / b else c` says what is to be then")
}
