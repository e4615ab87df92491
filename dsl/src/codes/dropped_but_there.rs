//! MCX201

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(201),
    name: "dropped-but-there",
    severity: Severity::Error,
    title: "a member is dropped that the new release still has",
    text: "`drop` gives up what the old member says. The new release has the member too, and would find it empty. If \
its value is to be the one of a fresh start, say `reset`; if it is to be something else, say what: `member = \
...`.",
    wrong: "type conn { drop fd }",
    right: "type conn { reset fd }",
};

pub(crate) fn report(member: &str, declarations: Vec<Declaration>, new: &str, span: Span) -> Diagnostic {
    let mut found = ENTRY
        .at(span, format!("`{member}` is dropped, and {new} still has it"))
        .labelled("its value would be lost")
        .helped(format!(
            "let it be carried over, or say what it is to be: `{member} = ...`, or `reset {member}`"
        ));
    found.declarations = declarations;
    found
}
