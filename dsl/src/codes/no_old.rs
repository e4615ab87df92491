//! MCX134

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(134),
    name: "no-old",
    severity: Severity::Error,
    title: "`old` where there is no old object",
    text: "`old` is the object that migrates: in the items of a `type` statement, and the variable of the same name \
behind `global NAME =`. In `assert`, `for each`, `call` and `define` there is none: the statement names its \
objects itself, and `from.x` is a variable of the old release.",
    wrong: "assert old.count > 0",
    right: "assert from.count > 0",
};

pub(crate) fn report(span: Span, statement: &str) -> Diagnostic {
    ENTRY
        .at(span, format!("there is no `old` in {statement}"))
        .labelled("no object migrates here")
        .helped("`old` is the object of a `type` statement; a variable of the old release is `from.NAME`")
}
