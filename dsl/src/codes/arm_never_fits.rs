//! MCX117

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(117),
    name: "arm-never-fits",
    severity: Severity::Error,
    title: "an arm is for a value that there cannot be",
    text: "The value that is looked at can never be what the arm is for: a number outside of what its bits hold, bits that are not among \
those looked at (`& 4 == 1`), a function where it is a number, a number other than 0 where it is a pointer.",
    wrong: "field item.data : match flags { & 4 == 1 => bytes  _ => pin }",
    right: "field item.data : match flags { & 4 == 4 => bytes  _ => pin }",
};

pub(crate) fn report(subject: &str, value: &str, why: &str, span: Span, subject_span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("`{subject}` is never `{value}`"))
        .labelled("never fits")
        .beside(subject_span, why)
        .helped("the arm would never be taken: write a value that there can be")
}
