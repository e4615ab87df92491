//! MCX202

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(202),
    name: "dropped-global",
    severity: Severity::Error,
    title: "a variable is dropped that the new release still has",
    text: "`global NAME drop` gives up what the variable says. The new release has it too, and would have the value of \
its own start-up: that is `global NAME keep new`.",
    wrong: "global settings drop",
    right: "global settings keep new",
};

pub(crate) fn report(name: &str, declarations: Vec<Declaration>, new: &str, span: Span) -> Diagnostic {
    let mut found = ENTRY
        .at(span, format!("`{name}` is dropped, and {new} still has it"))
        .labelled("its value would be lost")
        .helped(format!("if the new release's value is to count, say `global {name} keep new`"));
    found.declarations = declarations;
    found
}
