//! MCX502

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(502),
    name: "no-first-value",
    severity: Severity::Warning,
    title: "a new member has no value in objects that live",
    text: "The new release's code gives the member a value when it makes an object. Objects that come from the old \
release were made without it. Zero is not always right: a `start_time` of 0 made every connection too old, \
and closed them. Say what it is to be: `start_time = ...`, or `member = zero` if zero is right.",
    wrong: "type conn { }                  // long start_time is new",
    right: "type conn { start_time = from.now }",
};

pub(crate) fn report(question: &str, help: &str, declarations: Vec<Declaration>, span: Span) -> Diagnostic {
    let mut found = ENTRY.at(span, question).labelled(LABEL).helped(help);
    found.declarations = declarations;
    found
}

/// What is written at the place.
const LABEL: &str = "what old objects have there is not said";
