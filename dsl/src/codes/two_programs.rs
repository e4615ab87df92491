//! MCX052

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(52),
    name: "two-programs",
    severity: Severity::Error,
    title: "a file for another program is imported",
    text: "Facts are about the types of one program. Those of another speak of names that this one does not have, or \
has with another meaning.",
    wrong: "program redis\nimport \"nginx-facts.mcrx\"",
    right: "program redis\nimport \"redis-facts.mcrx\"",
};

pub(crate) fn report(span: Span, name: &str, other: &str, before: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("this file is for {}, what imports it for {}", quoted(name), quoted(other)))
        .beside(before, format!("for {}", quoted(other)))
        .helped("import the facts of the program that the rules are for")
}
