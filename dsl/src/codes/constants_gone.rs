//! MCX404

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(404),
    name: "constants-gone",
    severity: Severity::Warning,
    title: "constants of an enumeration are gone, and nothing says what becomes of values that they name",
    text: "Constants are carried over by their names, also where their numbers changed. A value whose name the new \
release does not have means nothing there, and an update that meets one is refused. Say what it is to be, \
where the value is: `state = match old.state { CLOSING => CLOSED ... }`.",
    wrong: "type conn { }                  // STATE_CLOSING is gone",
    right: "type conn { state = match old.state { STATE_CLOSING => STATE_CLOSED  STATE_IDLE => STATE_IDLE  STATE_BUSY => STATE_BUSY } }",
};

pub(crate) fn report(question: &str, help: &str, declarations: Vec<Declaration>, span: Span) -> Diagnostic {
    let mut found = ENTRY.at(span, question).labelled(LABEL).helped(help);
    found.declarations = declarations;
    found
}

/// What is written at the place.
const LABEL: &str = "not said here";
