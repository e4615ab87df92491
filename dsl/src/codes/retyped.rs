//! MCX305

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(305),
    name: "retyped",
    severity: Severity::Warning,
    title: "a member is of another kind than before, and nothing says how one becomes the other",
    text: "A number became a pointer, an inline buffer a pointer, a structure another one. There is no way that is \
always right. Say how the new value comes about: `member = ...old.member...`.",
    wrong: "type conn { }                  // char name[16] became char *name",
    right: "type conn { name = text(old.name) }",
};

pub(crate) fn report(question: &str, help: &str, declarations: Vec<Declaration>, span: Span) -> Diagnostic {
    let mut found = ENTRY.at(span, question).labelled(LABEL).helped(help);
    found.declarations = declarations;
    found
}

/// What is written at the place.
const LABEL: &str = "not said here";
