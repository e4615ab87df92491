//! MCX130

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(130),
    name: "wrong-operand",
    severity: Severity::Error,
    title: "an operator on what it is not for",
    text: "One computes with whole numbers: integers, constants of enumerations, true and false. The difference of two \
pointers to elements is a number too. A structure has to be asked for a member, text and floating point \
numbers are not computed with, and a pointer plus a number is written as the address of an element: \
`&old.items[3]`.",
    wrong: "size = old.name + 1",
    right: "size = len(text(old.name)) + 1",
};

/// `operator`: as it is written.
pub(crate) fn report(
    operator: &str,
    what: String,
    help: Option<String>,
    span: Span,
    operator_span: Span,
) -> Diagnostic {
    ENTRY
        .at(span, format!("`{operator}` is for numbers, not for {what}"))
        .labelled(format!("is {what}"))
        .beside(operator_span, "computes with numbers")
        .helped(help.unwrap_or_else(|| "name a member that is a number".to_owned()))
}
