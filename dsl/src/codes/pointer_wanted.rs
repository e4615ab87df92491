//! MCX127

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(127),
    name: "pointer-wanted",
    severity: Severity::Error,
    title: "something is used as a pointer that is none",
    text: "Where something ends, where pages are, and what bits of a pointer tell are said by pointers.",
    wrong: "scratch pool [size .. end]",
    right: "scratch pool [last .. end]",
};

/// `role`: "the beginning of the part".
pub(crate) fn report(
    role: &str,
    path: &str,
    what: String,
    declaration: Option<Declaration>,
    span: Span,
) -> Diagnostic {
    ENTRY
        .at(span, format!("{role} is to be told by `{path}`, which is {what}"))
        .labelled("no pointer")
        .helped("name a pointer; an element of an array is written `array[index]`")
        .about_what_is_known(declaration)
}
