//! The pairs of `cases/fixed`, there and back.
//!
//! What the rules give up, or what has no inverse, is said here, as their author would in `down { … }`: the state is the same but for that.
//! A new pair has to come back as it was, or be among those of which this is said.

use super::case::{Case, Ready};
use super::run::{BUILDS, Build, Fault};
use super::way::{comes_back, reversed, there_and_back};
use rayon::prelude::*;
use std::path::Path;

/// What is said for the way back, by case; and the members and variables of which the state is then another.
const DOWN: &[(&str, &str, &[&str])] = &[
    (
        "pointers_into_what_is_merged",
        "down { type user -> user + profile { profile.theme = zero } }",
        &["theme"],
    ),
    (
        "pointers_to_members_of_what_is_merged",
        "down { type user -> user + profile { profile.theme = zero } }",
        &["theme"],
    ),
    // The new release has room for more, and uses it only when it has gone on.
    ("arrays_grown", "down { type table { slots = old.slots[0 .. 3] } }", &[]),
    ("open_question_before_other_members", "down { type stats { drop limit } }", &[]),
    ("static_variable_in_another_file", "down { global total = from.total }", &[]),
    ("globals_come_and_go", "down { global stale = 0 }", &["stale"]),
    ("merged", "down { type user -> user + profile { profile.theme = zero } }", &["theme"]),
    (
        "reset_in_the_place_of_what_is_dropped",
        "down { type conn { weight = zero }\ntype slot { stamp = zero } }",
        &["weight", "stamp"],
    ),
    ("members_reordered_and_dropped", "down { type item { legacy = zero } }", &["legacy"]),
];

/// What does not come back, with all that is told of it: whoever takes these rules back has to say it.
const LOST: &[(&str, &[&str])] = &[
    ("drained_and_gone", &["`requests` does not come back: the update gives it up"]),
    (
        "type_given_up",
        &[
            "`keeper` does not come back: the update gives it up",
            "what objects of `history` held may come back as another value: the update gives them up",
        ],
    ),
    (
        "given_up_with_its_targets",
        &[
            "`last` of `user` does not come back: the update gives it up",
            "`traces` does not come back: the update gives it up",
            "`logged` does not come back: the update gives it up",
        ],
    ),
    (
        "list_given_up_and_gone_through",
        &[
            "`users` does not come back: the update gives it up",
            "`next` of `user` does not come back: the update gives it up",
        ],
    ),
    (
        "changed_where_only_a_rule_leads",
        &[
            "`first.next` of `queue` may come back as another value: what had no value, or one that does not fit, has become another",
            "`first` of `queue` does not come back: the update gives it up",
        ],
    ),
    (
        "values_of_rules_inside_other_objects",
        &[
            "`first.next` of `queue` may come back as another value: what had no value, or one that does not fit, has become another",
            "`first` of `queue` does not come back: the update gives it up",
        ],
    ),
    ("reached_by_what_is_done_at_last", &["`info` of `conn` does not come back: the update gives it up"]),
    (
        "table_hashed_anew",
        &[
            "`hash` of `entry` has no way back: no inverse is known of it",
            "`next` of `entry` does not come back: the update gives it another value",
            "`buckets` of `table` may come back as another value: each release's start-up makes its own",
            "what is done for each `entry` has no way back: a function has none",
            "`total` has no way back: no inverse is known of it",
        ],
    ),
];

/// What is refused on the way back, and by which conflict.
const REFUSED: &[(&str, &str)] = &[
    // On the way back it is the new start-up that a client has come before.
    (
        "client_before_start_up_was_done",
        "the new start-up has made one that would be lost: in `workers[0].open`, which leads to it, what the old one has there takes its place",
    ),
    // A `down` that sets a variable from the one of its own name is left out, as if they paired by themselves.
    ("static_variable_in_another_file", " total` is gone: what becomes of what it says?"),
];

/// The cases, by name: the programs' text and the rules.
fn cases() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/fixed");
    let mut found: Vec<(String, Case)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let read = |path: &Path| std::fs::read_to_string(path).unwrap();
            let down = DOWN.iter().find(|(case, ..)| *case == name).map_or("", |(_, down, _)| down);
            let rules = format!("{}\n{down}\n", read(&path.with_extension("mcrx")));
            (name, Case::of_one(&read(&path), &rules))
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

#[test]
fn what_the_rules_make_of_a_process_comes_back_as_it_was() {
    let cases = cases();
    let tried = cases.par_iter().enumerate().map(|(index, (name, case))| {
        let build = |index: usize| -> Build { BUILDS[index % BUILDS.len()] };
        let builds = (build(index), build(index + index / BUILDS.len()));
        let changed = DOWN.iter().find(|(case, ..)| case == name).map_or(&[][..], |(_, _, changed)| changed);
        let lost = LOST.iter().find(|(case, _)| case == name).map(|(_, lost)| *lost);
        let refused = REFUSED.iter().find(|(case, _)| case == name).map(|(_, why)| *why);
        let done = Ready::of(case, builds).and_then(|ready| match lost {
            Some(lost) => tells(&ready, lost),
            None if refused.is_some() => is_refused(&ready, refused.unwrap_or_default()),
            None if changed.is_empty() => comes_back(&ready),
            None => comes_back_but_for(&ready, changed),
        });
        done.map_err(|why| format!("{name} {builds:?}: {why}"))
    });
    let failed: Vec<Fault> = tried.filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

/// The way back has holes, and these are told.
fn tells(ready: &Ready, lost: &[&str]) -> Result<(), Fault> {
    let reversed = reversed(ready);
    let told: Vec<&str> = reversed.lost.iter().map(|one| one.message.as_str()).collect();
    match reversed.holes > 0 && told == lost {
        true => Ok(()),
        false => Err(format!("{} holes, and this is told: {told:#?}", reversed.holes)),
    }
}

/// The way back has no hole, and this stops it.
fn is_refused(ready: &Ready, why: &str) -> Result<(), Fault> {
    match there_and_back(ready) {
        Err(fault) if fault.contains("back: refused, 1 times") && fault.contains(why) => Ok(()),
        Err(fault) => Err(fault),
        Ok(_) => Err("it is not refused".to_owned()),
    }
}

/// All is as it was but for some members, which differ.
pub(crate) fn comes_back_but_for(ready: &Ready, members: &[&str]) -> Result<(), Fault> {
    let (found, expected) = there_and_back(ready)?;
    let is_one = |place: &str| {
        let last = place.rsplit('.').next().unwrap_or(place);
        members.contains(&last.split('[').next().unwrap_or(last))
    };
    let left = |form: &super::oracle::Form| {
        let lines = form.lines.iter().filter(|line| !is_one(&line.place));
        lines.map(ToString::to_string).collect::<Vec<_>>()
    };
    match (left(&found) == left(&expected), found == expected) {
        (true, false) => Ok(()),
        (true, true) => Err(format!("{members:?} came back too")),
        (false, _) => Err(format!("it did not come back as it was:\n{}", found.difference(&expected, 12))),
    }
}
