//! MCX026

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(26),
    name: "line-ended",
    severity: Severity::Error,
    title: "a line that begins with an operator",
    text: "An expression ends with its line, unless a bracket is still open or the line ends in an operator that \
wants more. So no separator is needed between items.",
    wrong: "type conn {\n    size = old.size\n        + 1\n}",
    right: "type conn {\n    size = old.size +\n        1\n}",
};

pub(crate) fn report(span: Span, operator: &str, before: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("a line begins with {}", quoted(operator)))
        .labelled("the expression has ended with the line before")
        .beside(Span { start: before.end, ..before }, "here")
        .helped("put the operator at the end of the line before, or brackets around the whole expression")
}
