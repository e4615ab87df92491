//! MCX306

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(306),
    name: "union-changed",
    severity: Severity::Warning,
    title: "members of a union changed, and nothing says which one counts",
    text: "Which member of a union is in use is told by a value elsewhere. Where all members are the same in both \
releases that does not matter; here they are not. Say it by a fact (`field T.u : match kind { ... }`), or \
give the union its value: `u.text = ...`.",
    wrong: "type value { }",
    right: "field value.u : match kind { KIND_TEXT => .text  _ => pin }",
};

pub(crate) fn report(question: &str, help: &str, declarations: Vec<Declaration>, span: Span) -> Diagnostic {
    let mut found = ENTRY.at(span, question).labelled(LABEL).helped(help);
    found.declarations = declarations;
    found
}

/// What is written at the place.
const LABEL: &str = "which one is not said";
