//! MCX304

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(304),
    name: "rename-onto-kept",
    severity: Severity::Error,
    title: "a member is renamed to one that the old release has too",
    text: "Both releases have a member of this name, so its value would be carried over by name. With the rename it \
would have two. Say what becomes of the old one of this name: another rename, or `drop`.",
    wrong: "type conn { id -> fd }          // both releases have fd",
    right: "type conn { id -> fd  drop fd }",
};

pub(crate) fn report(from: &str, to: &str, declarations: Vec<Declaration>, span: Span) -> Diagnostic {
    let mut found = ENTRY
        .at(span, format!("`{from}` is to become `{to}`, and the old release has a `{to}` of its own"))
        .labelled(format!("two values for `{to}`"))
        .helped(format!("say what becomes of the old `{to}`: `{to} -> ...`, or `drop {to}`; or say which: `{to} = old.{from}`"));
    found.declarations = declarations;
    found
}
