//! MCX111

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(111),
    name: "index-beyond",
    severity: Severity::Error,
    title: "there is no element of this number",
    text: "Elements are counted from 0, so an array of 4 has the elements 0 to 3.",
    wrong: "field dict.tables[2] : opaque      // struct table *tables[2];",
    right: "field dict.tables[1] : opaque",
};

pub(crate) fn report(
    what: &str,
    index: impl std::fmt::Display,
    count: u64,
    declaration: Option<Declaration>,
    span: Span,
) -> Diagnostic {
    let last = count.saturating_sub(1);
    let found = ENTRY
        .at(span, format!("`{what}` has {count} elements, and none with the number {index}"))
        .labelled(format!("the last is {last}"))
        .helped("elements are counted from 0");
    found.about_what_is_known(declaration)
}
