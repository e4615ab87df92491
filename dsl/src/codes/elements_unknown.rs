//! MCX504

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(504),
    name: "elements-unknown",
    severity: Severity::Warning,
    title: "nothing says how many elements there are, or of which type they are, and they changed",
    text: "Behind the pointer of a container, or at the end of a structure, are elements of a type that changed, and \
their stored size or number has to follow. Say it by a fact: `container T { elements = elts[nelts] stride = \
size }`, and what they are by `field T.elts : TYPE[nelts]`.",
    wrong: "type array { }",
    right: "container array { elements = elts[nelts]  stride = size }",
};

pub(crate) fn report(question: &str, help: &str, declarations: Vec<Declaration>, span: Span) -> Diagnostic {
    let mut found = ENTRY.at(span, question).labelled(LABEL).helped(help);
    found.declarations = declarations;
    found
}

/// What is written at the place.
const LABEL: &str = "not said here";
