//! MCX506

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(506),
    name: "function-signature",
    severity: Severity::Warning,
    title: "a function becomes one that takes or returns other things",
    text: "Pointers to the old function lead to the new one after the update, and are called as the new release's own \
types of pointers say. If the two functions do not take the same, a pointer that lives on may be called with \
the wrong arguments.",
    wrong: "function on_read -> handle_read",
    right: "",
};

pub(crate) fn report(from: &str, to: &str, declarations: Vec<Declaration>, span: Span) -> Diagnostic {
    let mut found = ENTRY
        .at(span, format!("`{to}` does not take and return what `{from}` does"))
        .labelled("called otherwise")
        .helped("see that pointers to it are called as the new one wants to be");
    found.declarations = declarations;
    found
}
