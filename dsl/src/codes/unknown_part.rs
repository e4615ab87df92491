//! MCX140

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(140),
    name: "unknown-part",
    severity: Severity::Error,
    title: "a path does not begin with one of the types that are split or merged",
    text: "Where a statement makes several types, or merges several, each path begins with the name of the one that has \
the member: `auth.user`.",
    wrong: "type session -> session + auth { user = old.user }",
    right: "type session -> session + auth { auth.user = old.user }",
};

pub(crate) fn report(cx: &Context<'_>, name: &str, types: &[&str], span: Span) -> Diagnostic {
    let found =
        ENTRY.at(span, format!("`{name}` is none of the types of this statement")).labelled("of which one?");
    let near = crate::names::nearest::names(name, types.iter().copied());
    let known: Vec<String> = types.iter().map(|name| format!("`{name}.`")).collect();
    cx.did_you_mean(found, span, &near, &format!("begin the path with {}", known.join(" or ")))
}
