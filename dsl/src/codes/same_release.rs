//! MCX149

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(149),
    name: "same-release",
    severity: Severity::Error,
    title: "`from` and `to` are the same release",
    text: "The changes lead from the release that runs to the one that is to run. Facts alone need neither.",
    wrong: "from \"1.26.3\"\nto   \"1.26.3\"",
    right: "from \"1.22.1\"\nto   \"1.26.3\"",
};

pub(crate) fn report(version: &str, span: Span, from: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("an update from {version} to {version} changes nothing"))
        .labelled("the same again")
        .beside(from, "the release that runs")
        .helped("write the release that is to run; a file of facts alone needs neither `from` nor `to`")
}
