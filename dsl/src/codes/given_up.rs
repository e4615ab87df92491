//! MCX206

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(206),
    name: "given-up",
    severity: Severity::Warning,
    title: "the new release does not have what the old one is to get back",
    text: "`mcrx rules reverse` derives the rules of the way back. A member or variable that the update gives up, or sets \
to something that does not depend on what it was, is nowhere in the new release. On the way back it needs a first value, which only a \
person can know. The derived file has a hole in its place. Say the value in `down { ... }`; or fill in the hole.",
    wrong: "type account { drop legacy }",
    right: "type account { drop legacy }\ndown { type account { legacy = 0 } }",
};

pub(crate) fn report(what: &str, why: &str, help: &str, span: Span) -> Diagnostic {
    let found = ENTRY.at(span, format!("{what} does not come back: {why}"));
    found.labelled("is not kept").helped(format!("say `{help}`"))
}
