//! MCX029

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(29),
    name: "too-deep",
    severity: Severity::Error,
    title: "too many parts within each other",
    text: "Whatever reads rules may then call itself for the parts of a part. Nobody writes rules so deep by hand.",
    wrong: "",
    right: "",
};

pub(crate) fn report(span: Span, deepest: u32) -> Diagnostic {
    ENTRY
        .at(span, format!("there are more than {deepest} parts within each other"))
        .helped("give parts of the expression names by `define`")
}
