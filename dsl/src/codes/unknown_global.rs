//! MCX104

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Release, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(104),
    name: "unknown-global",
    severity: Severity::Error,
    title: "the program has no global or static variable of this name",
    text: "Variables are global ones, static ones of a file, and static locals of functions. One that the compiler left out of the program \
is not there, and neither is a macro. On the left of `global a -> b` stands a variable of the old release, on the right one of the new.",
    wrong: "global setings keep new",
    right: "global settings keep new",
};

pub(crate) fn report(cx: &Context<'_>, release: Release, name: &str, span: Span) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("`{name}` is no variable of {}", cx.called(release)))
        .labelled("no such variable");
    if let Some(declaration) = cx.global_elsewhere(release, name) {
        let help = match release {
            Release::Old => format!("only {} has it", cx.called(Release::New)),
            Release::New => {
                format!(
                    "only {} has it; `global {name} drop` gives it up on purpose",
                    cx.called(Release::Old)
                )
            }
        };
        return cx.did_you_mean(found.about(declaration), span, &cx.near_globals(release, name), &help);
    }
    cx.did_you_mean(
        found,
        span,
        &cx.near_globals(release, name),
        "debug info names global and static variables; a macro is none",
    )
}
