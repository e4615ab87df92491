//! MCX125

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(125),
    name: "member-of-no-union",
    severity: Severity::Error,
    title: "a reading chooses a member of something that has none",
    text: "`.member` says which member of a union counts, or which member of a structure alone holds pointers. The path \
begins at the member that the fact is about, and does not go through pointers.",
    wrong: "field entry.key : .text         // void *key;",
    right: "field entry.value : .text       // union { char *text; long number; } value;",
};

pub(crate) fn report(member: &str, what: String, declaration: Option<Declaration>, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("`{member}` has no members to choose from: it is {what}"))
        .labelled("no union or structure")
        .about_what_is_known(declaration)
        .helped("what a pointer points to is said by its type alone: `field T.member : TYPE`")
}
