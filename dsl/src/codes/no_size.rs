//! MCX135

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(135),
    name: "no-size",
    severity: Severity::Error,
    title: "`sizeof` a type whose size is not known",
    text: "Functions, `void`, arrays without a length and structures that are only declared have no size.",
    wrong: "size = sizeof(void)",
    right: "size = sizeof(struct conn)",
};

pub(crate) fn report(name: &str, declaration: Option<Declaration>, span: Span) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("`{name}` has no size"))
        .labelled("not known")
        .helped("name a type that is complete");
    found.about_what_is_known(declaration)
}
