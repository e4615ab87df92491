//! MCX123

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(123),
    name: "argument-count",
    severity: Severity::Error,
    title: "a function of the program is given more or fewer arguments than it takes",
    text: "What a function of the new release takes is in its debug info. It is called with these values as C would, so \
there must be as many.",
    wrong: "call rebuild(1, 2) after transfer",
    right: "call rebuild(1) after transfer",
};

pub(crate) fn report(
    name: &str,
    wanted: usize,
    given: usize,
    declaration: Declaration,
    span: Span,
) -> Diagnostic {
    let wanted = crate::check::arguments(wanted);
    ENTRY
        .at(span, format!("`{name}` takes {wanted}, not {given}"))
        .labelled("not as many")
        .about(declaration)
        .helped("give a value for each parameter")
}
