//! MCX027

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(27),
    name: "mixed-operators",
    severity: Severity::Error,
    title: "`&`, `|` and `^` without brackets between them",
    text: "How they bind is not what everybody remembers of it, and a mistake is not seen in the result.",
    wrong: "type conn { flags = old.flags & 3 | 4 }",
    right: "type conn { flags = (old.flags & 3) | 4 }",
};

pub(crate) fn report(span: Span, (place, first): (Span, &str), text: &str) -> Diagnostic {
    ENTRY
        .at(span, format!("{} and {} are mixed without brackets", quoted(first), quoted(text)))
        .beside(place, "the other one")
        .helped("put brackets around what belongs together")
}
