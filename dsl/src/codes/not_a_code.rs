//! MCX043

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(43),
    name: "not-a-code",
    severity: Severity::Error,
    title: "an `allow` of something that is no code",
    text: "Codes are `MCX` and three digits.",
    wrong: "allow unknown because \"it is so\"",
    right: "allow MCX401 because \"ports fit\"",
};

pub(crate) fn report(span: Span, text: &str) -> Diagnostic {
    ENTRY
        .at(span, format!("{} is no code of a finding", quoted(text)))
        .helped("codes are like MCX401; they stand before what `mcrx rules check` says")
}
