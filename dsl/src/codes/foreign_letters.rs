//! MCX008

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(8),
    name: "foreign-letters",
    severity: Severity::Error,
    title: "a name with letters that C does not have",
    text: "Names are the program's own, or stand beside them. Their letters are A to Z, a to z, `_` and `$`.",
    wrong: "define größe(n) = n * 2",
    right: "define size(n) = n * 2",
};

pub(crate) fn report(text: &str, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("the name {} has letters that names in C do not have", quoted(text)))
        .labelled("letters are A to Z, a to z, `_` and `$`")
}
