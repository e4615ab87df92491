//! MCX141

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(141),
    name: "no-condition",
    severity: Severity::Error,
    title: "a condition that is neither true nor false",
    text: "A condition is a comparison, `true` or `false`, or a number or pointer, which is true if it is not zero. \
Structures, text and several elements are none.",
    wrong: "assert every conn c : c.address",
    right: "assert every conn c : c.address.length > 0",
};

pub(crate) fn report(what: String, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("{what} is neither true nor false"))
        .labelled("is to be a condition")
        .helped("compare it with something")
}
