//! The types of call sites, against the compiler: programs in which the type of every allocation is known by its line.
//!
//! Each test compiles the same programs with one compiler at one level. A site is found again by the line of its call, through what was
//! inlined; what it makes is known by construction. Wrong types must be next to none; how many of the sites get a type is printed by
//! idiom.

#[path = "sites/cache.rs"]
mod cache;
#[path = "sites/idioms.rs"]
mod idioms;
#[path = "sites/measure.rs"]
mod measure;
#[path = "sites/program.rs"]
mod program;
#[path = "sites/random.rs"]
mod random;
#[path = "sites/servers.rs"]
mod servers;

use mcrx_harness::{Context, Result, Suite, ensure, program as needed};
use measure::{Measured, Options};
use std::process::ExitCode;
use std::time::Duration;

/// Programs for each compiler and level, and how often each idiom is in one.
const PROGRAMS: u64 = 2;
const TIMES: usize = 3;

/// Of the sites that get a type, how many must get the right one.
const PRECISION: f64 = 0.999;

/// Sites that get a type, of those that make one, at least, over all idioms: far below what is measured, so that only a loss is noticed.
const RECALL: f64 = 0.75;

/// Idioms that say too little, at some level, for all of their sites to be typed: sizes that are rounded or fit a larger type, members
/// of unions, `void *` all the way. Of every other idiom all sites must be.
const OPEN: [&str; 10] = [
    "aligned",
    "argument only",
    "array of pointers",
    "base only",
    "by kind",
    "constant array",
    "element of a global",
    "member of a union",
    "structure copied",
    "void member, then a variable",
];

/// Each test compiles and reads some programs; on a busy machine that takes its time.
const DEADLINE: Duration = Duration::from_secs(300);

fn main() -> ExitCode {
    let gcc = [needed("gcc")];
    let clang = [needed("clang")];
    cache::tests(servers::tests(Suite::new()))
        .test(gcc.clone(), gcc_without_optimisation_is_typed_right)
        .within(DEADLINE)
        .test(gcc.clone(), gcc_at_level_1_is_typed_right)
        .within(DEADLINE)
        .test(gcc.clone(), gcc_at_level_2_is_typed_right)
        .within(DEADLINE)
        .test(gcc, gcc_at_level_3_is_typed_right)
        .within(DEADLINE)
        .test(clang.clone(), clang_without_optimisation_is_typed_right)
        .within(DEADLINE)
        .test(clang.clone(), clang_at_level_1_is_typed_right)
        .within(DEADLINE)
        .test(clang.clone(), clang_at_level_2_is_typed_right)
        .within(DEADLINE)
        .test(clang, clang_at_level_3_is_typed_right)
        .within(DEADLINE)
        .run()
}

fn is_typed_right(test: &Context, compiler: &'static str, level: u8) -> Result<()> {
    let programs = std::env::var("MCRX_SITE_PROGRAMS").ok().and_then(|count| count.parse().ok());
    for binary_only in [true, false] {
        let mut measured = Measured::default();
        for dwarf in [4, 5] {
            for seed in 1..=programs.unwrap_or(PROGRAMS) {
                let program = idioms::program(seed + 1000 * u64::from(level), TIMES);
                measured.add(test, Options { compiler, level, dwarf, binary_only }, &program)?;
            }
        }
        let (precision, recall) = (measured.precision(), measured.recall());
        let with = if binary_only { "the binary alone" } else { "the binary and its source" };
        println!("{compiler} -O{level}, {with}: precision {precision:.4}, recall {recall:.4}\n{measured}");
        ensure!(precision >= PRECISION, "precision {precision:.4}: {:#?}", measured.wrong);
        ensure!(recall >= RECALL, "recall {recall:.4}");
        let lost = measured.partly_typed(&OPEN);
        ensure!(lost.is_empty(), "not all sites of {lost:?} are typed");
    }
    Ok(())
}

fn gcc_without_optimisation_is_typed_right(test: &Context) -> Result<()> {
    is_typed_right(test, "gcc", 0)
}

fn gcc_at_level_1_is_typed_right(test: &Context) -> Result<()> {
    is_typed_right(test, "gcc", 1)
}

fn gcc_at_level_2_is_typed_right(test: &Context) -> Result<()> {
    is_typed_right(test, "gcc", 2)
}

fn gcc_at_level_3_is_typed_right(test: &Context) -> Result<()> {
    is_typed_right(test, "gcc", 3)
}

fn clang_without_optimisation_is_typed_right(test: &Context) -> Result<()> {
    is_typed_right(test, "clang", 0)
}

fn clang_at_level_1_is_typed_right(test: &Context) -> Result<()> {
    is_typed_right(test, "clang", 1)
}

fn clang_at_level_2_is_typed_right(test: &Context) -> Result<()> {
    is_typed_right(test, "clang", 2)
}

fn clang_at_level_3_is_typed_right(test: &Context) -> Result<()> {
    is_typed_right(test, "clang", 3)
}
