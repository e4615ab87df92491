//! MCX131

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(131),
    name: "wrong-comparison",
    severity: Severity::Error,
    title: "a comparison of what has nothing in common",
    text: "Numbers are compared with numbers, pointers with pointers and `null`, text with text, with an array of \
characters and with what a `char *` points to. A comparison of anything else would always come out the same.",
    wrong: "assert every conn c : c.peer == \"none\"      // struct peer *peer;",
    right: "assert every conn c : c.peer == null",
};

pub(crate) fn report(
    one: String,
    other: String,
    help: Option<&str>,
    span: Span,
    sides: (Span, Span),
) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("{one} cannot be compared with {other}"))
        .beside(sides.0, format!("is {one}"))
        .beside(sides.1, format!("is {other}"));
    found.helped(help.unwrap_or("compare numbers with numbers, pointers with pointers, text with text"))
}
