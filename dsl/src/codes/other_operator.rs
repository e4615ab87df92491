//! MCX024

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(24),
    name: "other-operator",
    severity: Severity::Error,
    title: "one operator where another one is wanted",
    text: "`=` gives a value, `->` a new name, `:` says how memory reads, `=>` what follows from a value; `==` \
compares. None stands for another.",
    wrong: "field conn.data = opaque",
    right: "field conn.data : opaque",
};

/// `what`: what the operator is for.
pub(crate) fn report(span: Span, found: &str, wanted: &str, what: &str) -> Diagnostic {
    let what = what.trim_end_matches(',');
    ENTRY.at(span, format!("expected `{wanted}` {what}, found {}", quoted(found))).fixed_by(
        format!("write `{wanted}`"),
        span,
        wanted,
    )
}
