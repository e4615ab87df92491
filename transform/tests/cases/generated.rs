//! Pairs of releases made up at random.
//!
//! The usual run takes a fixed few programs, each of several cases; `MCRX_CASES=N` takes N programs, of another seed each time or of
//! `MCRX_SEED=S`. All that fail are told; the first is made smaller, and written down where the message says: as C and rules, to be kept among the
//! fixed ones.

use super::case::{Case, Ready};
use super::emit::source;
use super::model::{Program, Release};
use super::revived::run::goes_on_as_its_own;
use super::rules::rules;
use super::run::{BUILDS, Build, Fault};
use super::strategy::program;
use super::transformed::{both_ways_agree, is_as_expected};
use proptest::strategy::{Strategy as _, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use rayon::prelude::*;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Programs of the usual run.
const USUAL: u64 = 12;
/// The most cases in each: they cost one compilation.
const WORLDS: usize = 6;
/// Programs that are held in memory at once.
const AT_ONCE: usize = 32;
/// How often a failure is tried in another form.
const TRIES: u32 = 120;

type Tree = Box<dyn ValueTree<Value = Program>>;

/// How many programs, and of which seed; whether it is the usual run.
fn wanted() -> (u64, u64, bool) {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    match number("MCRX_CASES") {
        Some(count) => (count, number("MCRX_SEED").unwrap_or_else(now), false),
        None => (USUAL, 1, true),
    }
}

/// Makes up programs: always the same for one seed.
fn made_up(count: u64, seed: u64) -> Vec<Tree> {
    let config = Config { rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let tree = |_| program(WORLDS).new_tree(&mut runner).ok().map(|tree| Box::new(tree) as Tree);
    (0..count).filter_map(tree).collect()
}

/// Those of the usual run, compiled and run once for all tests.
fn usual(programs: &[Program]) -> &'static [Result<Ready, Fault>] {
    static READY: OnceLock<Vec<Result<Ready, Fault>>> = OnceLock::new();
    READY.get_or_init(|| programs.par_iter().map(ready).collect())
}

/// Holds programs against something.
fn hold(with: impl Fn(&Ready) -> Result<(), Fault> + Sync) {
    let (count, seed, is_usual) = wanted();
    let mut trees = made_up(count, seed);
    let programs: Vec<Program> = trees.iter().map(|tree| tree.current()).collect();
    let tried: Vec<Result<(), Fault>> = if is_usual {
        let tried = usual(&programs).par_iter();
        tried.map(|ready| ready.as_ref().map_err(Fault::clone).and_then(&with)).collect()
    } else {
        let tried = programs.chunks(AT_ONCE).map(|some| {
            let each = some.par_iter().map(|program| ready(program).and_then(|ready| with(&ready)));
            each.collect::<Vec<_>>()
        });
        tried.flatten().collect()
    };
    let failed: Vec<(usize, Fault)> =
        (0..).zip(tried).filter_map(|(n, tried)| Some((n, tried.err()?))).collect();
    let Some((first, why)) = failed.first() else { return };
    let mut told = String::new();
    for (number, why) in &failed {
        let folder = written(&programs[*number], &format!("{seed}-{number}"));
        told.push_str(&format!("{}: {why}\n", folder.display()));
    }
    let (smallest, why) = smaller(trees[*first].as_mut(), why.clone(), &with);
    let folder = written(&smallest, &format!("{seed}-smallest"));
    panic!(
        "seed {seed}: {} of {count} programs failed:\n{told}\nThe first, smaller: {} {:?}: {why}",
        failed.len(),
        folder.display(),
        builds(&smallest)
    );
}

/// A smaller program that fails too.
fn smaller(
    tree: &mut dyn ValueTree<Value = Program>,
    mut why: Fault,
    with: &(impl Fn(&Ready) -> Result<(), Fault> + Sync),
) -> (Program, Fault) {
    let mut smallest = tree.current();
    let mut may_go_on = tree.simplify();
    for _ in 0..TRIES {
        if !may_go_on {
            break;
        }
        let program = tree.current();
        may_go_on = match ready(&program).and_then(|ready| with(&ready)) {
            Err(fault) => {
                (smallest, why) = (program, fault);
                tree.simplify()
            }
            Ok(()) => tree.complicate(),
        };
    }
    (smallest, why)
}

fn ready(program: &Program) -> Result<Ready, Fault> {
    Ready::of(&case(program), builds(program))
}

fn case(program: &Program) -> Case {
    let release = |release| source(program, release);
    Case { old: release(Release::Old), new: release(Release::New), rules: rules(program), library: None }
}

fn builds(program: &Program) -> (Build, Build) {
    (BUILDS[program.builds.0], BUILDS[program.builds.1])
}

/// Writes a failure down.
fn written(program: &Program, name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("case-{name}"));
    let Case { old, new, rules, .. } = case(program);
    // What cannot be written is told all the same.
    let _ = std::fs::create_dir_all(&folder);
    for (name, text) in [("old.c", old), ("new.c", new), ("rules.mcrx", rules)] {
        let _ = std::fs::write(folder.join(name), text);
    }
    folder
}

#[test]
fn what_is_made_up_has_right_rules_that_refuse_no_object() {
    hold(|ready| ready.rules_are_right().and_then(|()| ready.rehearsal_refuses_nothing()));
}

#[test]
fn what_is_made_up_has_the_same_form_whenever_it_runs() {
    hold(|ready| {
        let (first, again) = (ready.expected()?, ready.again()?);
        if first == again { Ok(()) } else { Err(again.difference(&first, 10)) }
    });
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
