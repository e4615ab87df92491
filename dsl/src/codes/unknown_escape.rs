//! MCX004

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(4),
    name: "unknown-escape",
    severity: Severity::Error,
    title: "a backslash before something that it gives no meaning",
    text: "In texts and characters a backslash begins an escape, as in C: \\n, \\t, \\r, \\0, \\\\, \\\", \\' and \\x \
with two digits.",
    wrong: "string \"C:\\q\" -> \"D:\"",
    right: "string \"C:\\\\q\" -> \"D:\"",
};

pub(crate) fn report(escape: &str, span: Span) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("{} is no escape", quoted(escape)))
        .helped(r#"escapes are \n \t \r \0 \\ \" \' and \xHH with two digits; a backslash itself is \\"#);
    if escape.starts_with("\\x") {
        return found;
    }
    found.fixed_by("double the backslash", Span { end: span.start, ..span }, "\\")
}
