//! MCX107

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(107),
    name: "unknown-variant",
    severity: Severity::Error,
    title: "no `variant` statement gives this name",
    text: "A reading ends in `as NAME` where what it leads to is of a variant: a type under another name, with facts of its own. The name is \
given by `variant NAME of TYPE { ... }`, in this file or in one that is imported.",
    wrong: "field set.entries : declared as setentry",
    right: "variant setentry of entry { value : bytes }\nfield set.entries : declared as setentry",
};

pub(crate) fn report(cx: &Context<'_>, name: &str, span: Span) -> Diagnostic {
    let found =
        ENTRY.at(span, format!("there is no variant `{name}`")).labelled("no `variant` says what it is");
    let near = cx.near_variants(name);
    cx.did_you_mean(
        found,
        span,
        &near,
        &format!("say `variant {name} of TYPE {{ ... }}` with the members that read otherwise"),
    )
}
