//! MCX701

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(701),
    name: "statement-order",
    severity: Severity::Warning,
    title: "statements are not in the order in which they are read",
    text: "A file begins with what it is for (`program`, `from`, `to`, `import`), then says how memory reads, then what \
changes, then what processes do. Who reads it knows then where to look.",
    wrong: "type conn { }\nfield conn.data : opaque",
    right: "field conn.data : opaque\ntype conn { }",
};

/// `what`: "a fact"; `before`: "changes".
pub(crate) fn report(what: &str, before: &str, span: Span, earlier: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("{what} behind {before}"))
        .labelled("belongs before them")
        .beside(earlier, "the first of them")
        .helped("the order is: header, facts, changes, processes")
}
