//! Programs made up at random, each of many cases; and of one that fails the case that does, made small.
//!
//! A case is a world: it shares nothing with the others of its program, so many cost one compilation and one run of each release. When a program
//! fails, each of its worlds is tried alone; the first that fails is made smaller as long as it does.

use super::case::Case;
use super::model::{Program, World};
use super::run::{BUILDS, Fault};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use rayon::prelude::*;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Cases in each program.
const WORLDS: usize = 20;
/// How often a failure is tried in another form.
const TRIES: u32 = 300;

/// Some of them.
pub(crate) struct MadeUp {
    seed: u64,
    worlds: Vec<Box<dyn ValueTree<Value = World>>>,
    /// What fails is written to folders whose names begin with this.
    name: &'static str,
}

/// How many cases are asked for by `MCRX_CASES`, and of which seed. `None`: those of the usual run.
pub(crate) fn asked() -> Option<(usize, u64)> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let count = usize::try_from(number("MCRX_CASES")?).ok()?;
    Some((count, number("MCRX_SEED").unwrap_or_else(now)))
}

impl MadeUp {
    /// So many cases: always the same for one seed.
    pub(crate) fn of(
        world: &(impl Strategy<Value = World> + 'static),
        (cases, seed): (usize, u64),
        name: &'static str,
    ) -> MadeUp {
        let config =
            Config { rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new(config);
        let tree = |_| world.new_tree(&mut runner).ok().map(|tree| Box::new(tree) as Box<_>);
        MadeUp { seed, worlds: (0..cases).filter_map(tree).collect(), name }
    }

    /// The programs, in an order in which sixteen have all pairs of builds.
    pub(crate) fn programs(&self) -> Vec<Program> {
        let programs = 0..self.worlds.len().div_ceil(WORLDS);
        programs.map(|number| self.program(number, self.range(number))).collect()
    }

    fn range(&self, program: usize) -> Range<usize> {
        program * WORLDS..self.worlds.len().min((program + 1) * WORLDS)
    }

    fn program(&self, number: usize, worlds: Range<usize>) -> Program {
        let builds = (number % BUILDS.len(), (number + number / BUILDS.len()) % BUILDS.len());
        Program { worlds: self.worlds[worlds].iter().map(|tree| tree.current()).collect(), builds }
    }

    /// Fails if one of the programs did: all are told, and written down as C and rules, to be kept among the fixed ones; the first is made smaller.
    pub(crate) fn tell(
        mut self,
        tried: Vec<Result<(), Fault>>,
        case: impl Fn(&Program) -> Case,
        again: impl Fn(&Program) -> Result<(), Fault> + Sync,
    ) {
        let count = tried.len();
        let failed: Vec<(usize, Fault)> =
            (0..).zip(tried).filter_map(|(n, tried)| Some((n, tried.err()?))).collect();
        let Some((first, why)) = failed.first() else { return };
        let mut told = String::new();
        for (number, why) in &failed {
            let program = self.program(*number, self.range(*number));
            let folder = self.written(&case(&program), &number.to_string());
            told.push_str(&format!("{}: {why}\n", folder.display()));
        }
        let (smallest, why) = self.smaller(*first, why.clone(), &again);
        let builds = (BUILDS[smallest.builds.0], BUILDS[smallest.builds.1]);
        panic!(
            "seed {}: {} of {count} programs failed:\n{told}\nThe first, smaller: {} {builds:?}: {why}",
            self.seed,
            failed.len(),
            self.written(&case(&smallest), "smallest").display(),
        );
    }

    /// A smaller program that fails too.
    fn smaller(
        &mut self,
        number: usize,
        why: Fault,
        again: &(impl Fn(&Program) -> Result<(), Fault> + Sync),
    ) -> (Program, Fault) {
        let range = self.range(number);
        let alone: Vec<(usize, Program)> =
            range.clone().map(|world| (world, self.program(number, world..world + 1))).collect();
        let fails = |(world, program): &(usize, Program)| {
            let fault = again(program).err()?;
            Some((*world, program.clone(), fault))
        };
        let Some((world, mut smallest, mut why)) = alone.par_iter().find_map_first(fails) else {
            return (self.program(number, range), format!("only with all others of its program: {why}"));
        };
        let mut may_go_on = self.worlds[world].simplify();
        for _ in 0..TRIES {
            if !may_go_on {
                break;
            }
            let program = self.program(number, world..world + 1);
            may_go_on = match again(&program) {
                Err(fault) => {
                    (smallest, why) = (program, fault);
                    self.worlds[world].simplify()
                }
                Ok(()) => self.worlds[world].complicate(),
            };
        }
        (smallest, why)
    }

    /// Writes a failure down.
    fn written(&self, Case { old, new, rules, .. }: &Case, name: &str) -> PathBuf {
        let folder = format!("{}-{}-{name}", self.name, self.seed);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(folder);
        // What cannot be written is told all the same.
        let _ = std::fs::create_dir_all(&folder);
        for (name, text) in [("old.c", old), ("new.c", new), ("rules.mcrx", rules)] {
            let _ = std::fs::write(folder.join(name), text);
        }
        folder
    }
}
