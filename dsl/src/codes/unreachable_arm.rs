//! MCX031

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(31),
    name: "unreachable-arm",
    severity: Severity::Error,
    title: "an arm behind the one for all other values",
    text: "The first arm that fits counts, and `_` fits always.",
    wrong: "field conn.data : match kind { _ => pin, 1 => session }",
    right: "field conn.data : match kind { 1 => session, _ => pin }",
};

pub(crate) fn report(span: Span, otherwise: Span) -> Diagnostic {
    ENTRY
        .at(span, "this arm is never reached")
        .beside(otherwise, "`_` is for all values that are left")
        .helped("put the arm with `_` last")
}
