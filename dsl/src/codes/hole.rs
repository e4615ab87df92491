//! MCX501

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(501),
    name: "hole",
    severity: Severity::Error,
    title: "a question is not answered yet",
    text: "`todo \"question\"` stands where a person has to decide, mostly written by `mcrx rules new`. Rules with \
holes can be checked and tested as far as they go, and not used for an update: what the answer would have \
been is not guessed.",
    wrong: "- legacy becomes: flags = todo \"is flags what legacy was?\"",
    right: "flags = old.legacy",
};

pub(crate) fn report(question: &str, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("not answered yet: {question}"))
        .labelled("an update cannot be made before somebody decides")
        .helped("write what is right in its place")
}
