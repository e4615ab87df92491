//! MCX050

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(50),
    name: "cannot-import",
    severity: Severity::Error,
    title: "a file that cannot be imported",
    text: "The path of an imported file begins at the folder of the file that imports it.",
    wrong: "import \"no-such-file.mcrx\"",
    right: "import \"nginx-facts.mcrx\"",
};

pub(crate) fn report(span: Span, path: &str, why: &str) -> Diagnostic {
    ENTRY
        .at(span, format!("{path} cannot be imported: {why}"))
        .helped("a path begins at the folder of the importing file")
}
