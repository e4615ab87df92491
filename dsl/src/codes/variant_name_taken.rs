//! MCX109

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Release, Severity};
use crate::source::Span;
use mcrx_debuginfo::table::Type;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(109),
    name: "variant-name-taken",
    severity: Severity::Error,
    title: "a variant has the name of a type of the program",
    text: "Readings say variants and types by their names alike, so a variant's name must be its own.",
    wrong: "variant dict of dictEntry { v : .d }",
    right: "variant dict_of_scores of dictEntry { v : .d }",
};

pub(crate) fn report(cx: &Context<'_>, release: Release, name: &str, ty: Type<'_>, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("the variant `{name}` has the name of a type of {}", cx.called(release)))
        .labelled("is a type")
        .about(cx.declare(release, ty))
        .helped("give it another name: readings could not tell it from the type")
}
