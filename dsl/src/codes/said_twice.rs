//! MCX303

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(303),
    name: "said-twice",
    severity: Severity::Warning,
    title: "two statements are about one thing",
    text: "Of two statements about one thing the later one counts. That is on purpose where a file contradicts one that \
it imports; in one file it is an oversight.",
    wrong: "field conn.data : opaque\nfield conn.data : session",
    right: "field conn.data : session",
};

pub(crate) fn report(what: &str, span: Span, earlier: Span, is_imported: bool) -> Diagnostic {
    let mut found = ENTRY
        .at(span, format!("{what} was spoken of before"))
        .labelled("this one counts")
        .beside(earlier, "this one does not");
    if is_imported {
        found.severity = Severity::Note;
        return found.helped("what is imported is contradicted here");
    }
    found.helped("take one of them away")
}
