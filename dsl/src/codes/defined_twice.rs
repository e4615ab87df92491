//! MCX144

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(144),
    name: "defined-twice",
    severity: Severity::Error,
    title: "two definitions of one name, or a name that the language has",
    text: "What is defined is known by its name alone, whatever its parameters, in all files that are imported. The \
language's own functions cannot be defined anew.",
    wrong: "define len(x) = 0",
    right: "define length(x) = 0",
};

pub(crate) fn report(name: &str, span: Span, earlier: Option<Span>) -> Diagnostic {
    let found = ENTRY.at(
        span,
        match earlier {
            Some(_) => format!("`{name}` is defined twice"),
            None => format!("`{name}` is a function of the language"),
        },
    );
    match earlier {
        Some(earlier) => found
            .labelled("again here")
            .beside(earlier, "defined here")
            .helped("give one of them another name"),
        None => found.labelled("cannot be defined anew").helped("give it another name"),
    }
}
