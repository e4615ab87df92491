//! MCX053

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(53),
    name: "cannot-read",
    severity: Severity::Error,
    title: "a rule file that cannot be read",
    text: "A rule file is UTF-8 text of less than 4 GiB.",
    wrong: "",
    right: "",
};

pub(crate) fn report(span: Span, path: &str, why: &str) -> Diagnostic {
    ENTRY.at(span, format!("{path} cannot be read: {why}"))
}
