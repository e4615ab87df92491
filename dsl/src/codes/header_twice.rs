//! MCX040

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(40),
    name: "header-twice",
    severity: Severity::Error,
    title: "`program`, `from` or `to` twice in one file",
    text: "A file is for one program, and for one pair of releases.",
    wrong: "program nginx\nprogram redis",
    right: "program nginx",
};

pub(crate) fn report(what: &str, span: Span, before: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("`{what}` is said twice"))
        .beside(before, "first here")
        .helped("take one of them away")
}
