//! MCX139

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(139),
    name: "impossible-value",
    severity: Severity::Error,
    title: "a value of a kind that the member cannot hold",
    text: "Numbers go into numbers, pointers into pointers, objects into objects of a type that they can become, text \
into arrays of characters and `char *`, several elements into arrays. A pointer is never made from a number: \
where it leads to is not known. `&old.x` is a pointer to `old.x`, `alloc(...)` makes a block and gives a \
pointer to it, `array(...)` and `list(..., via next)` make several.",
    wrong: "peer = old.id          // struct peer *peer;",
    right: "peer = null",
};

pub(crate) fn report(
    what: String,
    member: &str,
    wanted: String,
    help: String,
    declaration: Option<Declaration>,
    span: Span,
) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("{what} is no value for `{member}`"))
        .labelled(format!("`{member}` is {wanted}"))
        .helped(help);
    found.about_what_is_known(declaration)
}
