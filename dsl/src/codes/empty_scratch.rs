//! MCX129

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(129),
    name: "empty-scratch",
    severity: Severity::Error,
    title: "a part of an object ends where it begins",
    text: "`scratch T [a .. b]` is the bytes from `a` up to but not with `b`: from where `a` points to, up to where `b` \
does, or up to the end of the block.",
    wrong: "scratch pool [end .. last]",
    right: "scratch pool [last .. end]",
};

pub(crate) fn report(span: Span) -> Diagnostic {
    ENTRY
        .at(span, "this part of the object is empty")
        .labelled("nothing lies between these two")
        .helped("what is first is the beginning: `[last .. end]`")
}
