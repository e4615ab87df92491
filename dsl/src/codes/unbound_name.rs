//! MCX153

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(153),
    name: "unbound-name",
    severity: Severity::Error,
    title: "`enter` uses a name that is not bound",
    text: "What the function is given is taken from the stack of the old process: `bind NAME = frame.variable@entry` \
says where each value comes from.",
    wrong: "enter serve(session)",
    right: "bind session = frame.s@entry\nenter serve(session)",
};

pub(crate) fn report(cx: &Context<'_>, name: &str, bound: &[&str], span: Span) -> Diagnostic {
    let found = ENTRY.at(span, format!("nothing is bound to `{name}`")).labelled("not bound");
    let near = crate::names::nearest::names(name, bound.iter().copied());
    cx.did_you_mean(found, span, &near, &format!("say where it comes from: `bind {name} = frame.VARIABLE`"))
}
