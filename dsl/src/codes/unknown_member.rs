//! MCX102

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Release, Severity};
use crate::names;
use crate::source::Span;
use mcrx_debuginfo::table::Type;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(102),
    name: "unknown-member",
    severity: Severity::Error,
    title: "the structure has no member of this name",
    text: "Members are named as C names them: those of an anonymous structure or union inside as if they were the outer one's. A path goes \
through pointers with a dot, as through what they point to.

If the member is in the other release only, it was renamed, moved into another structure, or given up. In a `type` statement, what is \
on the left of `->`, behind `drop` or behind `old.` is a member of the old release, everything else one of the new.",
    wrong: "field ngx_connection_s.daat : opaque",
    right: "field ngx_connection_s.data : opaque",
};

pub(crate) fn report(
    cx: &Context<'_>,
    release: Release,
    owner: Type<'_>,
    name: &str,
    span: Span,
) -> Diagnostic {
    let whose = cx.spelt(owner);
    let found = ENTRY
        .at(span, format!("`{whose}` has no member `{name}` in {}", cx.called(release)))
        .labelled("no such member");
    let members = names::member_names(owner);
    let near = names::nearest::names(name, members.iter().copied());
    if let Some((other, place)) = cx.member_elsewhere(release, owner, name) {
        let found = found.about(cx.declare_members(release.other(), other, &[name]));
        let where_it_is = format!("only {} has it", cx.called(release.other()));
        return match cx.similar_member(release, owner, other, name, place) {
            Some(like) => found
                .about(cx.declare_members(release, owner, &[&like]))
                .helped(format!(
                    "{where_it_is}; `{like}` has its type and place here: perhaps it was renamed"
                ))
                .fixed_by(format!("say `{like}`"), span, like),
            None => cx.did_you_mean(
                found.about(cx.declare_members(release, owner, &near)),
                span,
                &near,
                &where_it_is,
            ),
        };
    }
    let listing = format!("it has {}", listed(&members));
    cx.did_you_mean(found.about(cx.declare_members(release, owner, &near)), span, &near, &listing)
}

/// Some of them, for a line.
fn listed(names: &[&str]) -> String {
    const MOST: usize = 8;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    match names.len().checked_sub(MOST) {
        _ if names.is_empty() => "no members".to_owned(),
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}
