//! MCX003

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(3),
    name: "no-quote",
    severity: Severity::Error,
    title: "a text or character that is not closed",
    text: "A text ends with its line at the latest. So a quote that was forgotten does not make one text of the rest \
of the file.",
    wrong: "from \"1.22.1",
    right: "from \"1.22.1\"",
};

pub(crate) fn report(text: &str, span: Span) -> Diagnostic {
    let quote = text.get(..1).unwrap_or("\"");
    let what = if quote == "\"" { "text" } else { "character" };
    ENTRY
        .at(span, format!("the {what} that begins here has no `{quote}` at its end"))
        .labelled("it ends with its line")
        .helped(format!("put a `{quote}` where it ends; one in it is written \\{quote}"))
}
