//! MCX124

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(124),
    name: "no-descriptor",
    severity: Severity::Error,
    title: "a file descriptor is said to be in something that is no integer",
    text: "`handle fd T.path` says that the member holds a file descriptor: an `int`.",
    wrong: "handle fd conn.addr",
    right: "handle fd conn.sfd",
};

pub(crate) fn report(member: &str, what: String, declaration: Option<Declaration>, span: Span) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("`{member}` cannot hold a file descriptor: it is {what}"))
        .labelled("no `int`")
        .helped("name the member that holds the descriptor's number");
    found.about_what_is_known(declaration)
}
