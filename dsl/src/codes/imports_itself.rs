//! MCX051

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(51),
    name: "imports-itself",
    severity: Severity::Error,
    title: "a file that is imported by what it imports",
    text: "The statements of an imported file come where it is imported. Those of a file that imports itself would \
have no place.",
    wrong: "import \"itself.mcrx\"",
    right: "",
};

/// `way`: the files, each imported by the one before.
pub(crate) fn report(span: Span, way: &[String]) -> Diagnostic {
    ENTRY
        .at(span, "a file imports itself")
        .labelled(way.join(", which imports "))
        .helped("put what both need into a third file")
}
