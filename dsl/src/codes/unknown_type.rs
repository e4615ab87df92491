//! MCX101

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Release, Severity};
use crate::rules::Symbol;
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(101),
    name: "unknown-type",
    severity: Severity::Error,
    title: "the program has no type of this name",
    text: "A type is named by its tag or by a typedef, as the source does; which of the two does not matter. The name was looked up in the \
debug info of the release that the statement is about: what is on the left of an arrow in the old one, what is on its right in the new one.

A type that no code uses is not in debug info, and a macro is no type. `mcrx types PROGRAM` lists what there is.",
    wrong: "field ngx_conection_s.data : opaque",
    right: "field ngx_connection_s.data : opaque",
};

pub(crate) fn report(cx: &Context<'_>, release: Release, symbol: &Symbol, span: Span) -> Diagnostic {
    let name = symbol.name.as_str();
    let found =
        ENTRY.at(span, format!("`{name}` is no type of {}", cx.called(release))).labelled("no such type");
    if let Some(unit) = &symbol.unit
        && let [first, ..] = cx.types_of_name(release, name).as_slice()
    {
        // There is one, but in another file.
        let file = first.unit().map_or(first.declared().file, |unit| unit.name());
        return found
            .about(cx.declare(release, *first))
            .helped(format!("no file of that name (`{unit}`) has it; `{file}` does"));
    }
    if let Some(elsewhere) = cx.type_elsewhere(release, name) {
        let is_there = found.about(cx.declare(release.other(), elsewhere));
        let other = cx.called(release.other());
        return match cx.similar_type(release, elsewhere) {
            Some(like) => {
                let (new, own) = (cx.type_name(like), cx.called(release));
                {
                    let (from, to) = match release {
                        Release::Old => (new.as_str(), name),
                        Release::New => (name, new.as_str()),
                    };
                    is_there.about(cx.declare(release, like)).helped(format!(
                    "only {other} has it, and only {own} has `{new}`, which is most like it: say `type {from} -> {to} {{ }}` if that is what became of it"
                ))
                }
            }
            None => is_there.helped(match release {
                Release::Old => format!("only {other} has it: nothing of it can be there before the update"),
                Release::New => format!("only {other} has it: it is gone, and there is nothing like it"),
            }),
        };
    }
    cx.did_you_mean(
        found,
        span,
        &cx.near_types(release, name),
        "`mcrx types PROGRAM` lists the types that there are",
    )
}
