//! MCX612

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(612),
    name: "test-expects-nothing",
    severity: Severity::Warning,
    title: "a test that expects nothing",
    text: "A test with no `expect` comes true whatever the rules say.",
    wrong: "test \"an idle connection\" { given conn { id = 3 } }",
    right: "test \"an idle connection\" { given conn { id = 3 } expect conn { id = 3 } }",
};

pub(crate) fn report(name: &str, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("the test \"{name}\" expects nothing"))
        .labelled("comes true whatever the rules say")
        .helped("say what is to come true: `expect TYPE { ... }`, `expect fail`")
}
