//! MCX402

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Release, Severity};
use crate::source::Span;
use mcrx_debuginfo::table::Type;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(402),
    name: "values-left-over",
    severity: Severity::Warning,
    title: "a `match` on an enumeration leaves constants out and has no `_`",
    text: "What happens to a value that no arm is for depends on what the process holds: in an expression the update is refused, with the \
object's address and path; in a reading the memory is read conservatively, and what it may point to is pinned. Say what is meant with an \
arm for each constant, or with `_`: in an expression `_ => fail(\"why\")` refuses in words of yours.",
    wrong: "state = match old.state { IDLE => WAITING }",
    right: "state = match old.state { IDLE => WAITING  _ => fail(\"a busy connection\") }",
};

pub(crate) fn report(
    cx: &Context<'_>,
    release: Release,
    of: Type<'_>,
    left: &[&str],
    span: Span,
    what_then: &str,
) -> Diagnostic {
    const MOST: usize = 5;
    let mut shown: Vec<String> = left.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    if left.len() > MOST {
        shown.push(format!("{} more", left.len() - MOST));
    }
    let it = if left.len() == 1 { "it" } else { "them" };
    ENTRY
        .at(span, format!("no arm is for {} of `{}`", joined(&shown), cx.spelt(of)))
        .labelled("not all of its constants have an arm")
        .about(cx.declare(release, of))
        .helped(format!("add an arm for {it}, or `_`: {what_then}"))
}

fn joined(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
