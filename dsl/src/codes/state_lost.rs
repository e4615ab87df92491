//! MCX203

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(203),
    name: "state-lost",
    severity: Severity::Warning,
    title: "a member or variable is gone, and nothing says what becomes of what it said",
    text: "The old release keeps state in it, and the new release has no member or variable of this name. If it lives \
on under another name, say so with `old -> new`. If it is worked into something else, say there how: `new = \
...old.x...`. If it is given up, say `drop x`, or `global x drop`: then nobody has to wonder.

An update that meets an object with such a member is refused.",
    wrong: "type conn { }                  // legacy_flags is gone",
    right: "type conn { drop legacy_flags }",
};

pub(crate) fn report(question: &str, help: &str, declarations: Vec<Declaration>, span: Span) -> Diagnostic {
    let mut found = ENTRY.at(span, question).labelled(LABEL).helped(help);
    found.declarations = declarations;
    found
}

/// What is written at the place.
const LABEL: &str = "not said here";
