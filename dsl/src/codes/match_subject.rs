//! MCX115

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(115),
    name: "match-subject",
    severity: Severity::Error,
    title: "a `match` on what no arm can be compared with",
    text: "A `match` tells values apart: numbers, constants of enumerations, pointers to functions or variables. Structures, arrays, floating \
point numbers and text are not told apart; name the member that tells them.",
    wrong: "field entry.value : match node { ... }    // struct node node;",
    right: "field entry.value : match node.kind { ... }",
};

pub(crate) fn report(subject: &str, what: String, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("`{subject}` is {what}, which no arm can be compared with"))
        .labelled(format!("is {what}"))
        .helped("name a number, a constant or a pointer that tells what is there")
}
