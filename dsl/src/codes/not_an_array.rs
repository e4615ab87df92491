//! MCX113

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Release, Severity};
use crate::source::Span;
use mcrx_debuginfo::table::Type;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(113),
    name: "not-an-array",
    severity: Severity::Error,
    title: "an element is asked of something that has none",
    text: "Elements are of arrays, and of what a pointer points to. A number or a structure has none.",
    wrong: "field conn.fd[0] : opaque",
    right: "field conn.bufs[0] : opaque",
};

pub(crate) fn report(
    cx: &Context<'_>,
    release: Release,
    what: &str,
    ty: Option<Type<'_>>,
    span: Span,
    owner: Option<Type<'_>>,
) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("`{what}` is `{}`, which has no elements", cx.spelt_declared(ty)))
        .labelled("neither an array nor a pointer")
        .helped("elements are of arrays, and of what pointers point to");
    match owner {
        Some(owner) => {
            let last = what.rsplit('.').next().unwrap_or(what);
            found.about(cx.declare_members(release, owner, &[last]))
        }
        None => found,
    }
}

/// The same of something that is no member: what it is is said in words.
pub(crate) fn described(found: Diagnostic, what: &str, is: &str) -> Diagnostic {
    Diagnostic { message: format!("`{what}` is {is}, which has no elements"), ..found }
}
