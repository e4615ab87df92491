//! MCX605

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(605),
    name: "unused-allow",
    severity: Severity::Warning,
    title: "an `allow` that silences nothing",
    text: "`allow CODE because \"...\"` silences findings of one kind in the statements of the same file that follow \
it. If there are none, either what it was for is gone, or it stands behind it.",
    wrong: "allow MCX401 because \"ports fit\"     // and no narrowing follows",
    right: "",
};

pub(crate) fn report(code: Code, span: Span, is_before: Option<Span>) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("no finding {code} follows that this could silence"))
        .labelled("silences nothing");
    match is_before {
        Some(before) => {
            found.beside(before, "is found here, before it").helped("put it before what it is to silence")
        }
        None => found.helped("take it away"),
    }
}
