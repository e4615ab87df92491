//! MCX151

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(151),
    name: "unknown-role",
    severity: Severity::Error,
    title: "a role waits for one that there is not",
    text: "`wait for ROLE within 30s` names another `role` of these rules.",
    wrong: "wait for sesion within 30s",
    right: "wait for session within 30s",
};

pub(crate) fn report(cx: &Context<'_>, name: &str, known: &[&str], span: Span) -> Diagnostic {
    let found = ENTRY.at(span, format!("there is no role `{name}`")).labelled("no such role");
    let near = crate::names::nearest::names(name, known.iter().copied());
    cx.did_you_mean(found, span, &near, "say `role NAME in frame FUNCTION { ... }`")
}
