//! MCX152

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(152),
    name: "roles-wait-in-a-circle",
    severity: Severity::Error,
    title: "a role waits for itself",
    text: "A role that waits is dealt with after the one that it waits for. If that one waits for it, on whatever way, \
neither ever is.",
    wrong: "role a in frame f { wait for a within 1s }",
    right: "role a in frame f { wait for b within 1s }",
};

pub(crate) fn report(way: &str, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("this role waits for itself: {way}"))
        .labelled("would never end")
        .helped("one of them has to be dealt with first")
}
