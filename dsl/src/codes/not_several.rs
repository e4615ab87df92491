//! MCX118

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(118),
    name: "not-several",
    severity: Severity::Error,
    title: "elements are said to be where there is room for none",
    text: "`infer[count]` and `TYPE[count]` are for a pointer to the first of several elements, and for an array of \
which only so many are in use. A number, or a structure itself, holds no elements.",
    wrong: "field conn.fd : infer[count]",
    right: "field conn.bufs : infer[count]",
};

pub(crate) fn report(member: &str, what: String, declaration: Option<Declaration>, span: Span) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("`{member}` cannot lead to several elements: it is {what}"))
        .labelled("neither a pointer nor an array")
        .helped("the reading is for a pointer to elements that lie side by side, or an array of them");
    found.about_what_is_known(declaration)
}
