//! MCX106

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(106),
    name: "unknown-name",
    severity: Severity::Error,
    title: "a name in an expression means nothing",
    text: "A name in an expression is one that the statement gives (`old`, the name behind `every` or in `for each`, a parameter of a \
`define`), or else a constant of an enumeration, a variable or a function of the program. `from.x` and `to.x` are variables of one release.

Members of the object have to be said of it: `old.length`, not `length`. Macros are not in debug info: write their number.",
    wrong: "type conn { bytes = length * 512 }",
    right: "type conn { bytes = old.length * 512 }",
};

/// `near`: names of the program that are like it.
pub(crate) fn report(
    cx: &Context<'_>,
    name: &str,
    span: Span,
    member_of: Option<&str>,
    near: &[&str],
) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("`{name}` is no object of this statement, and no constant, variable or function of the program"))
        .labelled("means nothing here");
    match member_of {
        Some(object) => found
            .helped(format!("`{object}` has a member of this name: say `{object}.{name}`"))
            .fixed_by(format!("say `{object}.{name}`"), span, format!("{object}.{name}")),
        None if is_like_a_macro(name) && !near.iter().any(|near| is_like_a_macro(near)) => {
            found.helped("it looks like a macro, which debug info does not know: write its number, or give it a name with `define`")
        }
        None => cx.did_you_mean(found, span, near, "if the source defines it by a macro, write its number"),
    }
}

/// Macros and constants are written in capitals.
fn is_like_a_macro(name: &str) -> bool {
    !name.chars().any(char::is_lowercase)
}
