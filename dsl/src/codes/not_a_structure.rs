//! MCX110

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Release, Severity};
use crate::source::Span;
use mcrx_debuginfo::table::Type;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(110),
    name: "not-a-structure",
    severity: Severity::Error,
    title: "a path goes through something that has no members",
    text: "Behind a dot stands a member of a structure or union, or of what a pointer to one points to. A number, an array, a pointer to a \
pointer and `void *` have none. Elements of arrays are said by number: `a[0].b`.",
    wrong: "field conn.fd.owner : opaque",
    right: "field conn.owner : opaque",
};

/// `before`: the path up to what has no members, as it is written; `name`: the member that was wanted.
pub(crate) fn report(
    cx: &Context<'_>,
    release: Release,
    (before, ty): (&str, Option<Type<'_>>),
    name: &str,
    span: Span,
    owner: Option<Type<'_>>,
) -> Diagnostic {
    let what = cx.spelt_declared(ty);
    let found = ENTRY
        .at(span, format!("`{before}` is `{what}`, which has no members"))
        .labelled(format!("`{before}` has no member `{name}`"));
    let found = match owner {
        Some(owner) => {
            let last = before.rsplit('.').next().unwrap_or(before);
            let last = last.split('[').next().unwrap_or(last);
            found.about(cx.declare_members(release, owner, &[last]))
        }
        None => found,
    };
    if crate::names::pointee(ty).is_some_and(|ty| crate::names::aggregate(Some(ty)).is_some()) {
        return found.helped(format!("say of which element: `{before}[0].{name}`"));
    }
    found.helped("members are of structures, unions, and what pointers to them point to")
}
