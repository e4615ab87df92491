//! MCX604

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(604),
    name: "unused-variant",
    severity: Severity::Warning,
    title: "no reading leads to this variant",
    text: "A variant is a type under another name, and counts only where a reading leads to it: `... as NAME`, or a \
pointer to `NAME`.",
    wrong: "variant scores of dictEntry { v : .d }",
    right: "variant scores of dictEntry { v : .d }\nfield zset.dict : declared as scores",
};

pub(crate) fn report(name: &str, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("nothing leads to the variant `{name}`"))
        .labelled("never used")
        .helped(format!("say where it is met: `field T.member : declared as {name}`; or take it away"))
}
