//! MCX021

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(21),
    name: "closes-nothing",
    severity: Severity::Error,
    title: "a closing bracket too many",
    text: "All brackets before it are closed already.",
    wrong: "type conn { drop legacy } }",
    right: "type conn { drop legacy }",
};

pub(crate) fn report(span: Span, bracket: &str) -> Diagnostic {
    ENTRY.at(span, format!("this `{bracket}` closes nothing")).fixed_by("take it away", span, "")
}
