//! MCX602

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(602),
    name: "unused-change",
    severity: Severity::Warning,
    title: "a change on what is the same in both releases",
    text: "Types that are the same, and members that have the same name and type, need no rule. A rule is needed where \
a value has another meaning than before, and then says how the new value comes about.",
    wrong: "type conn { fd = old.fd }",
    right: "",
};

pub(crate) fn report(what: &str, span: Span) -> Diagnostic {
    ENTRY.at(span, format!("{what} without this rule")).labelled("changes nothing").helped("take it away")
}
