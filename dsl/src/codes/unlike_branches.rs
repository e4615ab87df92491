//! MCX142

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(142),
    name: "unlike-branches",
    severity: Severity::Error,
    title: "an expression that gives one kind of value here and another there",
    text: "Both sides of `? :` and of `else`, and all arms of a `match`, give the same kind of value.",
    wrong: "name = old.is_set ? \"set\" : 0",
    right: "name = old.is_set ? \"set\" : \"unset\"",
};

pub(crate) fn report(one: String, other: String, first: Span, second: Span) -> Diagnostic {
    ENTRY
        .at(second, format!("this gives {other}, and {one} elsewhere"))
        .labelled(format!("is {other}"))
        .beside(first, format!("is {one}"))
        .helped("give the same kind of value in all cases")
}
