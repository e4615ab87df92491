//! MCX114

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(114),
    name: "count-not-integer",
    severity: Severity::Error,
    title: "a count, size or number is asked of something that is none",
    text: "How many elements there are, how many bytes one takes, and which element is the last are told by members \
that are integers. A pointer, a structure or a floating point number is none.",
    wrong: "field ngx_array_t.elts : infer[elts]",
    right: "field ngx_array_t.elts : infer[nelts]",
};

/// `role`: "the number of elements".
pub(crate) fn report(
    role: &str,
    path: &str,
    what: String,
    declaration: Option<Declaration>,
    span: Span,
) -> Diagnostic {
    ENTRY
        .at(span, format!("{role} is to be in `{path}`, which is {what}"))
        .labelled("no integer")
        .helped("name the member that has it, an integer")
        .about_what_is_known(declaration)
}
