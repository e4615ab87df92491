//! MCX613

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(613),
    name: "unused-bind",
    severity: Severity::Warning,
    title: "a name is bound and not used",
    text: "What is bound is used by `enter`, or by `opaque`.",
    wrong: "bind s = frame.s@entry, n = frame.n@entry\nenter serve(s)",
    right: "bind s = frame.s@entry\nenter serve(s)",
};

pub(crate) fn report(name: &str, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("`{name}` is bound and not used"))
        .labelled("not used")
        .helped("take it away, or give it to `enter`")
}
