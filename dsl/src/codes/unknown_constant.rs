//! MCX105

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Release, Severity};
use crate::names::{self, nearest};
use crate::source::Span;
use mcrx_debuginfo::table::Type;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(105),
    name: "unknown-constant",
    severity: Severity::Error,
    title: "no enumeration of the program has a constant of this name",
    text: "Constants of enumerations are known by name. What the source defines by a macro is not in debug info: write its number, or give \
it a name with `define`.

In the arms of a `match` the constants are those of the release that the value is of: of the old one for `match old.state`.",
    wrong: "field val.u : match type { KIND_TEXTT => .text  _ => pin }",
    right: "field val.u : match type { KIND_TEXT => .text  _ => pin }",
};

/// `wanted`: the enumeration whose constants are asked for, if the value is of one.
pub(crate) fn report(
    cx: &Context<'_>,
    release: Release,
    wanted: Option<Type<'_>>,
    name: &str,
    span: Span,
) -> Diagnostic {
    let whose = wanted
        .map_or_else(|| cx.called(release), |of| format!("`{}` in {}", cx.spelt(of), cx.called(release)));
    let found = ENTRY.at(span, format!("`{name}` is no constant of {whose}")).labelled("no such constant");
    let near = match wanted {
        Some(of) => {
            let own: Vec<&str> = names::constants(of).map(|constant| constant.name).collect();
            let near = nearest::names(name, own.iter().copied());
            if near.is_empty() && own.len() <= 4 { own } else { near }
        }
        None => nearest::names(name, cx.constants(release).into_iter().flat_map(|all| all.names())),
    };
    let found = match wanted {
        Some(of) => found.about(cx.declare(release, of)),
        None => found,
    };
    if cx.constants(release.other()).is_some_and(|all| !all.named(name).is_empty()) {
        let help = format!("only {} has it", cx.called(release.other()));
        return cx.did_you_mean(found, span, &near, &help);
    }
    cx.did_you_mean(found, span, &near, "if the source defines it by a macro, write its number")
}
