//! MCX207

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(207),
    name: "comes-back-otherwise",
    severity: Severity::Note,
    title: "some values come back as what the new release has made of them",
    text: "`mcrx rules reverse` derives the rules of the way back. This rule keeps most values, and puts another one in the \
place of some: of a number that does not fit, of what is not there. On the way back there is no telling, so the old release gets what the \
new one has. Nothing need be said; say otherwise in `down { ... }`.",
    wrong: "type endpoint { port = clamp(old.port) }   // 70000 comes back as 65535",
    right: "type endpoint { port = old.port }          // 70000 is refused",
};

pub(crate) fn report(what: &str, why: &str, span: Span) -> Diagnostic {
    ENTRY.at(span, format!("{what} may come back as another value: {why}")).labelled("not always as it was")
}
