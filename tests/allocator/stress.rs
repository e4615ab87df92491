//! Random work of many threads, checked block by block (`stress.c`): as it is, with forks of all kinds, and under limits.
//!
//! `MCRX_STRESS=N` multiplies the number of seeds.

use crate::programs::{compiled, expect_success, prepare, under_the_library};
use mcrx_harness::{Context, Invocation, Result, Suite, program};
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    let long = Duration::from_secs(120 * rounds());
    suite
        .test([], blocks_keep_their_bytes_whoever_frees_them)
        .within(long)
        .test([], a_child_of_a_threaded_program_goes_on_with_the_heap_for_five_generations)
        .within(long)
        .test([], a_child_by_a_bare_system_call_does_too)
        .within(long)
        .test([program("prlimit")], little_address_space_fails_allocations_and_nothing_else)
        .within(long)
        .test([program("prlimit")], little_data_fails_allocations_and_nothing_else)
        .within(long)
        .test([program("prlimit")], an_unlimited_and_a_small_stack_are_both_fine)
}

/// How often each seed is varied.
pub(crate) fn rounds() -> u64 {
    std::env::var("MCRX_STRESS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn all_pass(test: &Context, seeds: u64, arguments: &str) -> Result<()> {
    for seed in 1..=seeds * rounds() {
        let seed = seed.to_string();
        let arguments: Vec<&str> = [seed.as_str()].into_iter().chain(arguments.split(' ')).collect();
        let launch = prepare(test, "stress.c", &arguments)?;
        expect_success(launch, Duration::from_secs(100))
            .map_err(|error| error.context(format!("stress {}", arguments.join(" "))))?;
    }
    Ok(())
}

fn blocks_keep_their_bytes_whoever_frees_them(test: &Context) -> Result<()> {
    all_pass(test, 2, "4 4000 12000 lives=3 max=3000000")?;
    all_pass(test, 2, "8 20000 40000 max=2000")?;
    // Many short lives: heaps change hands all the time.
    all_pass(test, 2, "3 500 6000 lives=100 max=100000")?;
    // Few slots, much of it large.
    all_pass(test, 1, "2 40 3000")
}

fn a_child_of_a_threaded_program_goes_on_with_the_heap_for_five_generations(test: &Context) -> Result<()> {
    all_pass(test, 5, "5 3000 10000 lives=2 forks=4 max=300000 how=fork")
}

fn a_child_by_a_bare_system_call_does_too(test: &Context) -> Result<()> {
    all_pass(test, 5, "5 3000 10000 lives=2 forks=4 max=300000 how=clone")
}

fn under_a_limit(test: &Context, limit: &str, arguments: &[&str]) -> Result<()> {
    let launch = under_the_library(test, Invocation::new(&compiled("stress.c")?, arguments.iter().copied()))?;
    let prlimit = test.program("prlimit")?.display().to_string();
    expect_success(launch.under([prlimit, limit.to_owned()]), Duration::from_secs(100))
        .map_err(|error| error.context(format!("under {limit}")))
        .map(drop)
}

fn little_address_space_fails_allocations_and_nothing_else(test: &Context) -> Result<()> {
    // In MiB. The first is hardly enough for the threads' stacks.
    for limit in [90, 150, 300, 1000] {
        let limit = format!("--as={}", limit << 20);
        under_a_limit(test, &limit, &["3", "4", "2000", "8000", "max=20000000", "tight=1"])?;
        under_a_limit(
            test,
            &limit,
            &["4", "3", "2000", "4000", "max=100000", "tight=1", "forks=2", "depth=2"],
        )?;
    }
    Ok(())
}

fn little_data_fails_allocations_and_nothing_else(test: &Context) -> Result<()> {
    for limit in [60, 150, 500] {
        let limit = format!("--data={}", limit << 20);
        under_a_limit(test, &limit, &["5", "4", "2000", "8000", "max=20000000", "tight=1"])?;
    }
    Ok(())
}

fn an_unlimited_and_a_small_stack_are_both_fine(test: &Context) -> Result<()> {
    for limit in ["--stack=unlimited", "--stack=262144"] {
        under_a_limit(test, limit, &["6", "4", "1000", "3000", "max=100000", "forks=1"])?;
    }
    Ok(())
}
