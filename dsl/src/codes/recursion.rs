//! MCX143

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(143),
    name: "recursion",
    severity: Severity::Error,
    title: "a `define` that calls itself",
    text: "Values come about in finite time, so nothing that is defined may need itself, on no way. For lists there is \
`chain`, for sums of containers `len`.",
    wrong: "define f(n) = n == 0 ? 0 : f(n - 1)",
    right: "define f(n) = n * (n + 1) / 2",
};

pub(crate) fn report(name: &str, way: &str, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("`{name}` needs itself: {way}"))
        .labelled("calls itself")
        .helped("write it without calling itself: expressions have to end")
}
