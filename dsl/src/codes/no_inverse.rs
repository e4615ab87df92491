//! MCX205

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(205),
    name: "no-inverse",
    severity: Severity::Warning,
    title: "what a rule makes of the old state does not tell what it was",
    text: "`mcrx rules reverse` derives the rules of the way back, and this rule has no inverse: several old values would \
become the same, or a function of the new release does the work. The derived file has a hole in its place, `todo \"...\"`, so that nothing \
is guessed. Say in `down { ... }` what the old release is to get; or fill in the hole.

The update itself is none the worse for it.",
    wrong: "type file { blocks = old.bytes / 512 }",
    right: "type file { blocks = old.bytes / 512 }\ndown { type file { bytes = old.blocks * 512 } }",
};

pub(crate) fn report(what: &str, why: &str, help: &str, span: Span) -> Diagnostic {
    let found = ENTRY.at(span, format!("{what} has no way back: {why}")).labelled("has no inverse");
    match help {
        "" => found,
        help => found.helped(format!("say `{help}`")),
    }
}
