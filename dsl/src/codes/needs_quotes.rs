//! MCX009

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(9),
    name: "needs-quotes",
    severity: Severity::Error,
    title: "a name that is none without quotes",
    text: "Programs and libraries are named with or without quotes. What is not only letters, digits and `_` needs \
them.",
    wrong: "program redis-server",
    right: "program \"redis-server\"",
};

pub(crate) fn report(text: &str, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("{} is no name as C has them", quoted(text)))
        .helped("what is not only letters, digits and `_` stands in quotes")
        .fixed_by("put it in quotes", span, format!("\"{text}\""))
}
