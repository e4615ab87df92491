//! MCX133

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(133),
    name: "wrong-arguments",
    severity: Severity::Error,
    title: "a function of the language is given too few, too many or the wrong values",
    text: "How each function is called: `min(A, B, ...)`, `max(A, B, ...)`, `clamp(VALUE)` where it is stored, \
`clamp(VALUE, LEAST, MOST)`, `len(SEQUENCE)`, `text(CHARACTERS)`, `chain(FIRST, via MEMBER)`, \
`list(SEQUENCE, via MEMBER)`, `array(SEQUENCE)`, `alloc(VALUE)`, `fail(\"why\")`. A function that is defined \
takes as many values as it has parameters.",
    wrong: "count = len()",
    right: "count = len(chain(old.head, via next))",
};

pub(crate) fn report(message: String, label: String, usage: &str, span: Span) -> Diagnostic {
    ENTRY.at(span, message).labelled(label).helped(format!("it is called `{usage}`"))
}

/// The same with the place of the definition.
pub(crate) fn defined(name: &str, wanted: usize, given: usize, span: Span, definition: Span) -> Diagnostic {
    ENTRY
        .at(
            span,
            format!(
                "`{name}` takes {} and is given {}",
                crate::check::values(wanted),
                crate::check::values(given)
            ),
        )
        .labelled("not as many")
        .beside(definition, "defined here")
        .helped("give a value for each parameter")
}
