//! MCX611

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(611),
    name: "pointless-rename",
    severity: Severity::Warning,
    title: "something is renamed to what it is called anyway",
    text: "What has the same name in both releases needs no rule.",
    wrong: "function on_read -> on_read",
    right: "",
};

pub(crate) fn report(name: &str, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("`{name}` keeps its name without being told to"))
        .labelled("the same name")
        .helped("take it away, or write what it is called in the new release")
}

/// The same of text.
pub(crate) fn text(text: &str, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("\"{text}\" stays what it is without being told to"))
        .labelled("the same text")
        .helped("take it away, or write what it is in the new release")
}
