//! MCX132

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(132),
    name: "unknown-rule-function",
    severity: Severity::Error,
    title: "the language has no function of this name, and no `define` gives it",
    text: "The functions of the language are `min`, `max`, `clamp`, `len`, `text`, `chain`, `list`, `array`, `alloc` \
and `fail`; others are given by `define NAME(...) = ...`. Functions of the program are not called in \
expressions: `call f(...) after transfer` has the new release run one.",
    wrong: "port = clmap(old.port)",
    right: "port = clamp(old.port)",
};

/// `is_of_program`: the program has a function of this name.
pub(crate) fn report(
    cx: &Context<'_>,
    name: &str,
    near: &[&str],
    is_of_program: bool,
    span: Span,
) -> Diagnostic {
    let found =
        ENTRY.at(span, format!("`{name}` is no function of the rule language")).labelled("no such function");
    if is_of_program && near.is_empty() {
        return found.helped(format!(
            "the program's functions are not called in expressions; `call {name}(...) after transfer` runs one of the new release"
        ));
    }
    cx.did_you_mean(found, span, near, "`define NAME(PARAMETER) = ...` gives one")
}
