//! MCX146

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(146),
    name: "unlike-types",
    severity: Severity::Error,
    title: "a type is said to become one of another sort",
    text: "Structures become structures, unions unions, enumerations enumerations. An object of one sort that has to \
become one of another is a member of something: say there how its value comes about.",
    wrong: "type conn -> state { }          // struct conn, enum state",
    right: "type conn -> session { }",
};

pub(crate) fn report(
    from: &str,
    to: &str,
    declarations: Vec<Declaration>,
    span: Span,
    other: Span,
) -> Diagnostic {
    let mut found = ENTRY
        .at(other, format!("`{from}` cannot become `{to}`"))
        .labelled("of another sort")
        .beside(span, "is what becomes it")
        .helped("structures become structures, unions unions, enumerations enumerations");
    found.declarations = declarations;
    found
}
