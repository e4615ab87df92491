//! Whether rules can be what is meant: each name, path, reading and expression held against the debug info of the releases.
//!
//! ```text
//!   Rules ---+--> facts: what they speak of, what they take it for        (facts, reading, arms, slab)
//!   Releases +--> changes: both sides, and values that become others      (changes, types, expression, operators, functions, store)
//!            +--> processes; tests; definitions; what is said twice       (processes, said, defines)
//!            +--> what changed and nobody speaks of                       (questions)
//!                     |
//!                     v
//!               diagnostics --- allow ---> those that are left, by their places
//! ```
//!
//! Without any debug info it says what can be said of the rules alone; with one release, what can be said of facts.
//!
//! What it does not do: parse, print, or read a process. What the kinds of diagnostics are, how they are put and what would mend them is in
//! [`crate::codes`].

mod allow;
mod arms;
mod changes;
mod context;
mod declared;
mod defines;
mod expression;
mod facts;
mod functions;
mod kind;
pub(crate) mod operators;
mod processes;
mod questions;
mod reading;
mod resolve;
mod said;
mod slab;
mod store;
mod types;

pub(crate) use context::Context;
pub(crate) use facts::{arguments, values};

use crate::codes;
use crate::diagnostic::{Class, Diagnostic, Release, Severity};
use crate::load::Loaded;
use crate::pairing::Live;
use crate::releases::Releases;
use crate::rules::Rules;
use crate::source::Files;

/// All that is to be said of some rules, by their places. Of what changed and no rule speaks of, only in types that rules speak of.
pub fn check(rules: &Rules, files: &Files, releases: Releases<'_>) -> Vec<Diagnostic> {
    check_living(rules, files, releases, None)
}

/// The same with where objects of the old release can be: so that what changed is asked about wherever an object can have it.
pub fn check_living(
    rules: &Rules,
    files: &Files,
    releases: Releases<'_>,
    live: Option<&Live>,
) -> Vec<Diagnostic> {
    checked(rules, files, releases, live, true)
}

/// `is_whole`: the rules are all that the files say.
fn checked(
    rules: &Rules,
    files: &Files,
    releases: Releases<'_>,
    live: Option<&Live>,
    is_whole: bool,
) -> Vec<Diagnostic> {
    let context = Context::new(rules, files, releases);
    context.check_headers();
    context.check_order();
    context.check_said_twice();
    context.check_facts();
    context.check_defines();
    context.check_changes(&rules.changes);
    context.check_processes();
    context.check_tests();
    let mut found = context.take_from(0);
    found.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.code));
    // What is wrong in both releases alike is said once.
    found.dedup_by(|later, first| later.code == first.code && later.span == first.span);
    // Rules that are wrong do not yet say what they are to say.
    let is_open = |diagnostic: &Diagnostic| diagnostic.code == codes::hole::ENTRY.code;
    if is_whole
        && found.iter().all(|diagnostic| diagnostic.severity != Severity::Error || is_open(diagnostic))
    {
        context.check_questions(live);
        found.extend(context.take_from(0));
    }
    found = context.without_allowed(found);
    found.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.code));
    found
}

/// All that is to be said of rules that were loaded: what is wrong with how they are written too.
///
/// What was not understood is not among the rules. So if there is such, nothing is said of what seems to be unused, out of order, or not
/// spoken of.
pub fn loaded(loaded: &Loaded, releases: Releases<'_>, live: Option<&Live>) -> Vec<Diagnostic> {
    let mut found = loaded.diagnostics.clone();
    let is_whole = found.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
    let checked = checked(&loaded.rules, &loaded.files, releases, live, is_whole).into_iter();
    found.extend(checked.filter(|one| is_whole || !matches!(one.code.class(), Class::Unused | Class::Style)));
    found.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.code));
    found
}

/// What a release is called in messages: `nginx 1.22.1`, if the rules say so.
pub fn called(rules: &Rules, releases: Releases<'_>, release: Release) -> String {
    let version = match release {
        Release::Old => &rules.from,
        Release::New => &rules.to,
    };
    let program = rules.program.as_ref().map(|program| program.is.as_str());
    let is_one_of_two = releases.old.is_some() && releases.new.is_some();
    match (program, version, release) {
        (Some(program), Some(version), _) if is_one_of_two => format!("{program} {}", version.is),
        (_, _, Release::Old) if is_one_of_two => "the old release".to_owned(),
        (_, _, Release::New) if is_one_of_two => "the new release".to_owned(),
        (Some(program), _, _) => program.to_owned(),
        _ => "the program".to_owned(),
    }
}
