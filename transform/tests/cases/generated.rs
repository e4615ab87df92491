//! Pairs of releases made up at random.
//!
//! The usual run takes a fixed few hundred cases; `MCRX_CASES=N` takes N, of another seed each time or of `MCRX_SEED=S`.

use super::case::{Case, Ready};
use super::emit::source;
use super::made_up::{MadeUp, asked};
use super::model::{Program, Release};
use super::revived::run::goes_on_as_its_own;
use super::rules::rules;
use super::run::{BUILDS, Fault};
use super::strategy::world;
use super::transformed::{both_ways_agree, is_as_expected};
use rayon::prelude::*;
use std::sync::OnceLock;

/// Cases of the usual run, and their seed.
const USUAL: (usize, u64) = (320, 1);

/// What has to be true of each program.
type Check = fn(&Ready) -> Result<(), Fault>;

/// Of all programs of the usual run, compiled and run once for all tests. In a longer one [`all_holds_in_a_longer_run`] is there.
fn hold(check: Check) {
    static READY: OnceLock<Vec<Result<Ready, Fault>>> = OnceLock::new();
    if asked().is_some() {
        return;
    }
    let made_up = MadeUp::of(&world(), USUAL, "case");
    let usual = READY.get_or_init(|| made_up.programs().par_iter().map(ready).collect());
    let tried = usual.par_iter().map(|ready| ready.as_ref().map_err(Fault::clone).and_then(check));
    made_up.tell(tried.collect(), case, |program| ready(program).and_then(|ready| check(&ready)));
}

fn ready(program: &Program) -> Result<Ready, Fault> {
    Ready::of(&case(program), (BUILDS[program.builds.0], BUILDS[program.builds.1]))
}

fn case(program: &Program) -> Case {
    let release = |release| source(program, release);
    let (old, new) = (release(Release::Old), release(Release::New));
    Case { old, new, rules: rules(program), library: None }
}

fn has_right_rules(ready: &Ready) -> Result<(), Fault> {
    ready.rules_are_right().and_then(|()| ready.rehearsal_refuses_nothing())
}

fn has_one_form(ready: &Ready) -> Result<(), Fault> {
    let (first, again) = (ready.expected()?, ready.again()?);
    if first == again { Ok(()) } else { Err(again.difference(&first, 10)) }
}

#[test]
fn what_is_made_up_has_right_rules_that_refuse_no_object() {
    hold(has_right_rules);
}

#[test]
fn what_is_made_up_has_the_same_form_whenever_it_runs() {
    hold(has_one_form);
}

#[test]
fn made_up_memory_transformed_is_what_the_new_release_would_have() {
    hold(is_as_expected);
}

#[test]
fn made_up_memory_is_gone_on_with_as_with_the_new_releases_own() {
    hold(goes_on_as_its_own);
}

#[test]
fn for_made_up_memory_the_plan_made_by_types_is_the_one_made_block_by_block() {
    hold(both_ways_agree);
}

/// Each program is compiled once, and let go when it is done with.
#[test]
fn all_holds_in_a_longer_run() {
    let Some(asked) = asked() else { return };
    let all = |program: &Program| {
        let ready = ready(program)?;
        let checks: [Check; 5] =
            [has_right_rules, has_one_form, is_as_expected, goes_on_as_its_own, both_ways_agree];
        checks.iter().try_for_each(|check| check(&ready))
    };
    let made_up = MadeUp::of(&world(), asked, "case");
    let tried = made_up.programs().par_iter().map(all).collect();
    made_up.tell(tried, case, all);
}
