//! MCX606

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(606),
    name: "unknown-code",
    severity: Severity::Warning,
    title: "an `allow` of a code that there is not",
    text: "Codes are MCX and three digits. `mcrx rules explain` lists them all.",
    wrong: "allow MCX999 because \"...\"",
    right: "allow MCX401 because \"ports fit\"",
};

pub(crate) fn report(code: Code, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("there is no code {code}"))
        .labelled("no such code")
        .helped("`mcrx rules explain` lists all codes")
}
