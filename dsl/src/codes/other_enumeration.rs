//! MCX116

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Release, Severity};
use crate::names::{self, Constant};
use crate::source::Span;
use mcrx_debuginfo::table::Type;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(116),
    name: "other-enumeration",
    severity: Severity::Error,
    title: "a constant of another enumeration",
    text: "The value is of one enumeration and the constant of another, so what they have in common is chance.",
    wrong: "match old.state { COLOUR_RED => ... }        // enum state state;",
    right: "match old.state { STATE_IDLE => ... }",
};

pub(crate) fn report(
    cx: &Context<'_>,
    release: Release,
    wanted: Type<'_>,
    constant: Constant<'_>,
    span: Span,
    subject: Span,
) -> Diagnostic {
    let same = names::constants(wanted).find(|own| own.value == constant.value);
    let (own, other) = (cx.spelt(wanted), cx.spelt(constant.of));
    let found = ENTRY
        .at(span, format!("`{}` is a constant of `{other}`, not of `{own}`", constant.name))
        .labelled(format!("of `{other}`"))
        .beside(subject, format!("this is `{own}`"))
        .about(cx.declare(release, wanted))
        .about(cx.declare(release, constant.of));
    match same {
        Some(same) => found
            .helped(format!("`{}` is what `{own}` calls {}", same.name, constant.value))
            .fixed_by(format!("say `{}`", same.name), span, same.name),
        None => found.helped(format!("`{own}` has no constant of that value either")),
    }
}
