//! Pairs of releases made up at random.
//!
//! The usual run takes a fixed few; `MCRX_CASES=N` takes N programs of another seed each time, `MCRX_SEED=S` those of this one. What fails is made
//! smaller, and written down where the message says: as C and rules, to be kept among the found ones. `MCRX_SURVEY=N` tries N small ones, goes
//! on after failures, makes none smaller, and tells all of them.

use super::case::{Case, Ready};
use super::emit::source;
use super::model::{Program, Release};
use super::rules::rules;
use super::run::{BUILDS, Fault};
use super::strategy::program;
use super::transformed::is_as_expected;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use rayon::prelude::*;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Programs of the usual run.
const USUAL: u32 = 10;
/// Cases in each: they cost one compilation.
const WORLDS: usize = 6;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Holds programs against something. `seed` is that of the usual run.
fn hold(seed: u64, usual: u32, with: impl Fn(&Ready) -> Result<(), Fault> + Sync) {
    let cases = number("MCRX_CASES");
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seed = number("MCRX_SEED").unwrap_or_else(|| if cases.is_some() { now() } else { seed });
    if let Some(count) = number("MCRX_SURVEY") {
        return survey(count, seed, &with);
    }
    let config = Config {
        cases: cases.and_then(|cases| u32::try_from(cases).ok()).unwrap_or(usual),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 150,
        ..Config::default()
    };
    let tried = TestRunner::new(config).run(&program(WORLDS), |program| {
        let ready = Ready::of(&case(&program), builds(&program));
        ready.and_then(|ready| with(&ready)).map_err(TestCaseError::fail)
    });
    match tried {
        Ok(()) => {}
        Err(TestError::Fail(why, program)) => {
            let folder = written(&program, &std::process::id().to_string());
            panic!("{why}\nseed {seed}; see {} {:?}\n{program:#?}", folder.display(), builds(&program));
        }
        Err(other) => panic!("seed {seed}: {other}"),
    }
}

/// All that fails of so many programs of one world each.
fn survey(count: u64, seed: u64, with: &(impl Fn(&Ready) -> Result<(), Fault> + Sync)) {
    let config = Config { rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let made = (0..count).filter_map(|_| program(1).new_tree(&mut runner).ok());
    let programs: Vec<Program> = made.map(|tree| tree.current()).collect();
    let tried = programs.par_iter().enumerate().filter_map(|(number, program)| {
        let why = Ready::of(&case(program), builds(program)).and_then(|ready| with(&ready)).err()?;
        let folder = written(program, &format!("{seed}-{number}"));
        Some(format!("{} {:?}: {why}", folder.display(), builds(program)))
    });
    let failed: Vec<Fault> = tried.collect();
    assert!(failed.is_empty(), "seed {seed}: {} of {count} failed:\n{}", failed.len(), failed.join("\n"));
}

fn case(program: &Program) -> Case {
    let release = |release| source(program, release);
    Case { old: release(Release::Old), new: release(Release::New), rules: rules(program) }
}

fn builds(program: &Program) -> (super::run::Build, super::run::Build) {
    (BUILDS[program.builds.0], BUILDS[program.builds.1])
}

/// Writes a failure down.
fn written(program: &Program, name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("case-{name}"));
    let Case { old, new, rules } = case(program);
    let _ = std::fs::create_dir_all(&folder);
    for (name, text) in [("old.c", old), ("new.c", new), ("rules.mcrx", rules)] {
        let _ = std::fs::write(folder.join(name), text);
    }
    folder
}

#[test]
fn what_is_made_up_compiles_and_runs_and_its_rules_are_right() {
    hold(1, USUAL, |ready| {
        ready.rules_are_right()?;
        ready.rehearsal_refuses_nothing()?;
        let (first, again) = (ready.expected()?, ready.again()?);
        if first == again { Ok(()) } else { Err(again.difference(&first, 10)) }
    });
}

#[test]
fn made_up_memory_transformed_is_what_the_new_release_would_have() {
    hold(2, USUAL, is_as_expected);
}
