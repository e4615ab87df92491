//! MCX505

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(505),
    name: "counter-kept",
    severity: Severity::Warning,
    title: "a counter is kept though what it counts was replaced",
    text: "The pointer to what was counted is gone, and another one is new. If that begins empty, the counter must \
begin at 0; if it is made from the old one, say how, and the counter follows. Say both: `list = ...` and \
`count = ...`.",
    wrong: "type pool { conns = null }      // nconns is kept",
    right: "type pool { conns = null  nconns = 0 }",
};

pub(crate) fn report(question: &str, help: &str, declarations: Vec<Declaration>, span: Span) -> Diagnostic {
    let mut found = ENTRY.at(span, question).labelled(LABEL).helped(help);
    found.declarations = declarations;
    found
}

/// What is written at the place.
const LABEL: &str = "counts what is no longer there";
