//! MCX190

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(190),
    name: "impossible-expression",
    severity: Severity::Error,
    title: "an expression that cannot be evaluated",
    text: "The expression means nothing that could be computed, for the reason that is said.",
    wrong: "count = [1, 2].length",
    right: "count = len([1, 2])",
};

pub(crate) fn report(why: String, span: Span) -> Diagnostic {
    ENTRY.at(span, why).labelled("cannot be computed").helped("REFERENCE.md says what expressions can do")
}
