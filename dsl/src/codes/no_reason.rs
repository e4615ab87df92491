//! MCX607

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(607),
    name: "no-reason",
    severity: Severity::Warning,
    title: "an `allow` without a reason",
    text: "Whoever reads the rules next has to be able to see why a finding does not matter.",
    wrong: "allow MCX401 because \"\"",
    right: "allow MCX401 because \"ports are below 65536: getaddrinfo gave them\"",
};

pub(crate) fn report(code: Code, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("why {code} does not matter is not said"))
        .labelled("no reason")
        .helped("write why, for whoever reads this next")
}
