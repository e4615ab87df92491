//! MCX702

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(702),
    name: "pin-without-pointer",
    severity: Severity::Warning,
    title: "`pin` where nothing can be pinned",
    text: "`pin` says that any aligned word may be a pointer. In less than 8 bytes there is no such word, so nothing is \
pinned.",
    wrong: "field conn.state : pin         // int state;",
    right: "",
};

pub(crate) fn report(member: &str, what: String, declaration: Option<Declaration>, span: Span) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("`{member}` pins nothing: it is {what}"))
        .labelled("too small for a pointer")
        .helped("take it away: it is no pointer whatever is said");
    found.about_what_is_known(declaration)
}
