//! MCX138

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(138),
    name: "constant-does-not-fit",
    severity: Severity::Error,
    title: "a constant that the member cannot hold",
    text: "The member has so many bits, with or without sign, and the number is outside of what they hold. The update \
would be refused for each object.",
    wrong: "port = 70000        // uint16_t port;",
    right: "port = 7000",
};

pub(crate) fn report(
    value: i128,
    member: &str,
    range: (i128, i128),
    declaration: Option<Declaration>,
    span: Span,
) -> Diagnostic {
    let (least, most) = range;
    let found = ENTRY
        .at(span, format!("{value} does not fit into `{member}`"))
        .labelled(format!("it holds {least} to {most}"))
        .helped(
            match most
                .checked_add(1)
                .filter(|_| least == 0 && value < 0)
                .and_then(|all| all.checked_add(value))
            {
                Some(same) if same >= 0 => format!("it has no sign: the same bits are {same}"),
                _ => "write a number that fits".to_owned(),
            },
        );
    found.about_what_is_known(declaration)
}

/// Text that is longer than the array that it goes into.
pub(crate) fn text(
    len: u64,
    member: &str,
    room: u64,
    declaration: Option<Declaration>,
    span: Span,
) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("a text of {len} bytes does not fit into `{member}`"))
        .labelled(format!("it has room for {room}"))
        .helped("write a shorter text");
    found.about_what_is_known(declaration)
}
