//! MCX103

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Release, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(103),
    name: "unknown-function",
    severity: Severity::Error,
    title: "the program has no function of this name",
    text: "Functions are those that debug info knows: of the program itself, not of its libraries. A macro that looks like a function is \
none, and a static function that the compiler inlined everywhere has no code of its own; it is still known by name.

With a star at its end a name stands for all functions that begin so; if none does, that is this finding too.",
    wrong: "wrapper ngx_aloc",
    right: "wrapper ngx_alloc",
};

/// `shown`: with its star, if it has one.
pub(crate) fn report(
    cx: &Context<'_>,
    release: Release,
    name: &str,
    is_prefix: bool,
    span: Span,
) -> Diagnostic {
    if is_prefix {
        let message = format!("no function of {} begins with `{name}`", cx.called(release));
        return ENTRY.at(span, message).labelled("stands for no function");
    }
    let found = ENTRY
        .at(span, format!("`{name}` is no function of {}", cx.called(release)))
        .labelled("no such function");
    if let Some(declaration) = cx.function_elsewhere(release, name) {
        let help = format!("only {} has it", cx.called(release.other()));
        return cx.did_you_mean(found.about(declaration), span, &cx.near_functions(release, name), &help);
    }
    let help = "debug info names the program's own functions; a macro is none, and those of libraries are not among them";
    cx.did_you_mean(found, span, &cx.near_functions(release, name), help)
}
