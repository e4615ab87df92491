//! MCX042

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(42),
    name: "version-unknown",
    severity: Severity::Error,
    title: "a version of the language that this mcrx does not know",
    text: "This mcrx knows version 1. A file of a later one may mean something else by the same words.",
    wrong: "mcrx 2",
    right: "mcrx 1",
};

pub(crate) fn report(span: Span, version: &str) -> Diagnostic {
    ENTRY
        .at(span, format!("version {version} of the language is not known to this mcrx"))
        .labelled("this mcrx knows version 1")
        .fixed_by("say 1", span, "1")
}
