//! MCX610

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(610),
    name: "reading-without-effect",
    severity: Severity::Warning,
    title: "a reading says what the member's type says already",
    text: "Integers of less than 8 bytes, floating point numbers and constants of enumerations hold no pointers, so \
they need no fact.",
    wrong: "field conn.fd : bytes          // int fd;",
    right: "",
};

pub(crate) fn report(member: &str, what: String, declaration: Option<Declaration>, span: Span) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("`{member}` holds no pointer anyway: it is {what}"))
        .labelled("says nothing new")
        .helped("take it away");
    found.about_what_is_known(declaration)
}
