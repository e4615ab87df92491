//! MCX137

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(137),
    name: "shift-beyond-width",
    severity: Severity::Error,
    title: "a shift by more bits than there are",
    text: "A value of 64 bits can be shifted by 0 to 63 bits.",
    wrong: "flags = old.flags << 64",
    right: "flags = old.flags << 6",
};

pub(crate) fn report(by: i128, width: u32, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("a value of {width} bits cannot be shifted by {by}"))
        .labelled(format!("0 to {} is possible", width.saturating_sub(1)))
        .helped("write by how many of its bits it is to be shifted")
}
