//! MCX302

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(302),
    name: "contradiction",
    severity: Severity::Error,
    title: "two rules say what becomes of one member",
    text: "A member of the new type has one value: from one old member by a rename, from an expression, from start-up \
by `reset`, or by `keep` from one of the two releases. A member of the old type is renamed or dropped, not \
both.",
    wrong: "type conn { state = 1  reset state }",
    right: "type conn { state = 1 }",
};

pub(crate) fn report(member: &str, said: &str, span: Span, earlier: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("what becomes of `{member}` was said before"))
        .labelled(format!("{said} here"))
        .beside(earlier, "said here")
        .helped("one of the two is wrong: take it away")
}
