//! Pairs of releases written by hand, each with one kind of change, named by it.
//!
//! Each is one text for both releases, `fixed/NAME.c`, with `NEW` as 0 or 1, and the rules beside it.

use super::case::{Case, Ready};
use super::oracle::{Bit, Form, Subject};
use super::revived::run::goes_on_as_its_own;
use super::run::{BUILDS, Build, Fault, process};
use super::transformed::{both_ways_agree, is_as_expected};
use rayon::prelude::*;
use std::sync::OnceLock;

macro_rules! cases {
    ($($name:ident)*) => {
        /// All of them, by name.
        pub(crate) const ALL: &[(&str, &str, &str)] = &[$((
            stringify!($name),
            include_str!(concat!("fixed/", stringify!($name), ".c")),
            include_str!(concat!("fixed/", stringify!($name), ".mcrx")),
        )),*];
    };
}

cases! {
    arrays_behind_pointers
    arrays_grown
    block_freed_and_made_again_in_its_place
    changed_where_only_a_rule_leads
    client_before_start_up_was_done
    constants_renumbered
    cycles_and_trees
    drained_and_gone
    flexible_array
    flexible_elements_changed
    functions_variables_and_texts
    given_up_with_its_targets
    globals_come_and_go
    list_given_up_and_gone_through
    merged
    link_that_an_object_begins_with
    member_added
    member_moved_inside
    members_reordered_and_dropped
    numbers_widened_and_narrowed
    objects_freed_since_start_up
    objects_that_rules_take_whole
    odd_corners
    open_question_before_other_members
    pointer_just_past_the_end
    pointer_to_the_only_member
    pointers_into_what_is_merged
    pointers_into_what_is_split_off
    pointers_to_members
    pointers_to_members_of_what_is_merged
    pointers_to_what_is_split_off
    pointers_with_tags
    reached_by_what_is_done_at_last
    recompiled
    renamed
    reset_in_the_place_of_what_is_dropped
    split
    split_and_freed_since_start_up
    start_up_differs
    static_variable_in_another_file
    table_hashed_anew
    text_that_looks_like_an_address
    texts_inside_objects
    type_given_up
    union_told_by_a_tag
    values_of_rules_inside_other_objects
    void_pointer_told_by_a_kind
}

/// One of them, compiled and run.
struct Run {
    name: &'static str,
    builds: (Build, Build),
    ready: Result<Ready, Fault>,
}

/// All of them, run once for all tests. All builds are tried, and pairs of different ones.
fn runs() -> &'static [Run] {
    static RUNS: OnceLock<Vec<Run>> = OnceLock::new();
    RUNS.get_or_init(|| {
        let numbered = ALL.par_iter().enumerate();
        let run = |(index, (name, source, rules)): (usize, &(&'static str, &str, &str))| {
            let build = |index: usize| BUILDS[index % BUILDS.len()];
            let builds = (build(index), build(index + index / BUILDS.len()));
            Run { name, builds, ready: Ready::of(&Case::of_one(source, rules), builds) }
        };
        numbered.map(run).collect()
    })
}

/// Holds each of them against something.
fn each(with: impl Fn(&Ready) -> Result<(), Fault> + Sync) {
    one_of(1, with);
}

/// Holds one of so many against it.
fn one_of(many: usize, with: impl Fn(&Ready) -> Result<(), Fault> + Sync) {
    let tried = runs().par_iter().step_by(many).map(|run| {
        let done = run.ready.as_ref().map_err(Fault::clone).and_then(&with);
        done.map_err(|why| format!("{} {:?}: {why}", run.name, run.builds))
    });
    let failed: Vec<Fault> = tried.filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), ALL.len(), failed.join("\n"));
}

#[test]
fn the_rules_are_right_and_refuse_no_object() {
    each(|ready| ready.rules_are_right().and_then(|()| ready.rehearsal_refuses_nothing()));
}

#[test]
fn a_release_run_twice_has_the_same_form() {
    each(|ready| {
        let (first, again) = (ready.expected()?, ready.again()?);
        if first == again { Ok(()) } else { Err(again.difference(&first, 10)) }
    });
}

#[test]
fn a_flipped_bit_anywhere_is_another_form() {
    each(|ready| {
        let subject = ready.subject(process(&ready.images.expected)?, &ready.new)?;
        let form = Form::of(subject);
        for line in form.lines.iter().filter(|line| line.from.1 > 0) {
            let (address, bits) = line.from;
            let bit = bits / 2;
            let flipped = Bit { address: address + bit / 8, bit: u8::try_from(bit % 8).unwrap_or(0) };
            if Form::of(Subject { flipped: Some(flipped), ..subject }) == form {
                return Err(format!("{flipped:?} of {line} is not noticed"));
            }
        }
        Ok(())
    });
}

#[test]
fn the_old_memory_transformed_is_what_the_new_release_would_have() {
    each(is_as_expected);
}

#[test]
fn the_plan_made_by_types_is_the_one_made_block_by_block() {
    each(both_ways_agree);
}

#[test]
fn the_new_release_goes_on_from_the_old_memory_as_from_its_own() {
    // All of them with the longer run of the made-up ones.
    one_of(if std::env::var_os("MCRX_CASES").is_some() { 1 } else { 2 }, goes_on_as_its_own);
}
