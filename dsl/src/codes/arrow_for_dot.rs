//! MCX023

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(23),
    name: "arrow-for-dot",
    severity: Severity::Error,
    title: "`->` where `.` is meant",
    text: "A path goes through pointers as if they were what they point to, so that rules need not be changed when a \
member becomes a pointer. `->` says what something becomes in the new release.",
    wrong: "field conn->data : opaque",
    right: "field conn.data : opaque",
};

pub(crate) fn report(span: Span) -> Diagnostic {
    ENTRY
        .at(span, "a member is reached by `.`, through a pointer too")
        .labelled("`->` says what something becomes")
        .fixed_by("write `.`", span, ".")
}

/// The same, where the whole has been read as a rename.
pub(crate) fn in_rename(span: Span, then: &str) -> Diagnostic {
    report(span).helped(format!("a rename is whole without the {} that follows", quoted(then)))
}
