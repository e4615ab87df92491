//! MCX154

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(154),
    name: "no-parameter",
    severity: Severity::Error,
    title: "the value at entry of what is no parameter",
    text: "`@entry` is the value that a parameter had when the function was called. A local variable had none then.",
    wrong: "bind s = frame.count@entry",
    right: "bind s = frame.session@entry",
};

pub(crate) fn report(
    cx: &Context<'_>,
    function: &str,
    name: &str,
    parameters: &[&str],
    declaration: Declaration,
    span: Span,
) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("`{function}` has no parameter `{name}`"))
        .labelled("no parameter")
        .about(declaration);
    let near = crate::names::nearest::names(name, parameters.iter().copied());
    cx.did_you_mean(
        found,
        span,
        &near,
        "without `@entry` it is a variable of the function, with its value now",
    )
}
