//! MCX126

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(126),
    name: "no-room-for-pointer",
    severity: Severity::Error,
    title: "a reading says that a pointer is where there is room for none",
    text: "A pointer has 8 bytes: it can be in a pointer, in an integer of 8 bytes, in a union or an array of \
characters of that size or more. What is smaller, and a structure as a whole, holds none.",
    wrong: "field conn.fd : conn          // int fd;",
    right: "field conn.peer : conn        // void *peer;",
};

pub(crate) fn report(member: &str, what: String, declaration: Option<Declaration>, span: Span) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("`{member}` cannot hold a pointer: it is {what}"))
        .labelled("no room for an address")
        .helped("a pointer is in 8 bytes: a pointer, an integer of 8 bytes, a union");
    found.about_what_is_known(declaration)
}
