//! MCX145

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(145),
    name: "impossible-rename",
    severity: Severity::Error,
    title: "a member or variable cannot become the other one",
    text: "`a -> b` says that `b` is what `a` was: numbers become numbers, pointers pointers, objects objects of a type \
that they can become. Where the value has to be made into something else, say how: `b = ...old.a...`.",
    wrong: "type conn { fd -> peer }        // int fd;  struct peer *peer;",
    right: "type conn { peer = null }",
};

pub(crate) fn report(
    from: (&str, String),
    to: (&str, String),
    declarations: Vec<Declaration>,
    help: String,
    span: Span,
    other: Span,
) -> Diagnostic {
    let ((from, from_is), (to, to_is)) = (from, to);
    let mut found = ENTRY
        .at(other, format!("`{from}` cannot become `{to}`: {from_is} is no {to_is}"))
        .labelled(format!("is {to_is}"))
        .beside(span, format!("is {from_is}"))
        .helped(help);
    found.declarations = declarations;
    found
}
