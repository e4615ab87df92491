//! MCX204

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(204),
    name: "elements-lost",
    severity: Severity::Warning,
    title: "an array became shorter, and nothing says what becomes of the elements without a place",
    text: "The elements that fit are carried over; an update that meets something other than zeros in the others is \
refused. Say what is meant: `a = old.a[0 .. 4]` gives up the rest.",
    wrong: "type conn { }                  // int limits[4] became int limits[2]",
    right: "type conn { limits = old.limits[0 .. 2] }",
};

pub(crate) fn report(question: &str, help: &str, declarations: Vec<Declaration>, span: Span) -> Diagnostic {
    let mut found = ENTRY.at(span, question).labelled(LABEL).helped(help);
    found.declarations = declarations;
    found
}

/// What is written at the place.
const LABEL: &str = "not said here";
