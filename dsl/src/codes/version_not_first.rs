//! MCX041

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(41),
    name: "version-not-first",
    severity: Severity::Error,
    title: "the version of the language is not what a file begins with",
    text: "It tells how everything else is to be read, so it stands before it.",
    wrong: "program nginx\nmcrx 1",
    right: "mcrx 1\nprogram nginx",
};

pub(crate) fn report(span: Span) -> Diagnostic {
    ENTRY
        .at(span, "the version of the language is not what the file begins with")
        .helped("put it first: it tells how everything else is to be read")
}
