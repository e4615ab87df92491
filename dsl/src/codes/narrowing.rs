//! MCX401

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(401),
    name: "narrowing",
    severity: Severity::Warning,
    title: "a value may not fit where it goes, and nothing says what then",
    text: "The old member is wider than the new one, or can be negative and the new one cannot. If the process holds a \
value that does not fit, the update is refused with that object's address and path. Say what is meant: \
`clamp(old.x)` takes the nearest that fits, `old.x else 0` another value, `old.x & 0xff` some bits of it.",
    wrong: "port = old.port         // int port; -> uint16_t port;",
    right: "port = clamp(old.port)",
};

pub(crate) fn report(
    what: &str,
    member: &str,
    ranges: ((i128, i128), (i128, i128)),
    declarations: Vec<Declaration>,
    span: Span,
) -> Diagnostic {
    let ((from_least, from_most), (least, most)) = ranges;
    let mut found = ENTRY
        .at(span, format!("not every value of `{what}` fits into `{member}`"))
        .labelled(format!("is {from_least} to {from_most}, and `{member}` holds {least} to {most}"))
        .helped("say what is to be then: `clamp(...)` takes the nearest that fits, `... else 0` another value; else such an update is refused");
    found.declarations = declarations;
    found.fixed_by("take the nearest that fits", span, format!("clamp({what})"))
}

/// The same where no rule says anything of the member.
pub(crate) fn unsaid(question: &str, help: &str, declarations: Vec<Declaration>, span: Span) -> Diagnostic {
    let mut found = ENTRY.at(span, question).labelled("not said here").helped(help);
    found.declarations = declarations;
    found
}
