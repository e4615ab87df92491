//! Threads and processes being born and dying, and memory that goes back.

use crate::programs::{expect_success, passes, prepare};
use mcrx_harness::{Context, Result, Suite};
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([], ten_thousand_births_of_threads_leave_nothing)
        .test([], threads_that_allocate_after_their_last_destructor_leave_a_bounded_rest)
        .test([], a_thousand_threads_at_once_have_a_heap_each)
        .test([], there_is_a_heap_before_main_after_it_and_in_cancelled_threads)
        .test([], a_new_thread_of_a_child_may_be_the_first_to_allocate)
        .test([], trimming_in_a_child_takes_no_heap_from_its_owner)
        .test([], three_hundred_generations_of_forks_leave_nothing)
        .test([], vfork_and_spawn_run_beside_allocating_threads)
        .test([], fork_handlers_may_allocate)
        .test([], huge_blocks_go_back_at_once)
        .test([], small_blocks_go_back_after_the_delay)
        .test([], trimming_gives_everything_back_at_once)
        .test([], blocks_passed_from_thread_to_thread_do_not_pile_up)
        .test([], moving_large_blocks_leaves_few_mappings)
}

fn ten_thousand_births_of_threads_leave_nothing(test: &Context) -> Result<()> {
    passes(test, "threads.c", &["births", "10000"]).map(drop)
}

fn threads_that_allocate_after_their_last_destructor_leave_a_bounded_rest(test: &Context) -> Result<()> {
    passes(test, "threads.c", &["late", "4000"]).map(drop)
}

fn a_thousand_threads_at_once_have_a_heap_each(test: &Context) -> Result<()> {
    passes(test, "threads.c", &["crowd", "1000"]).map(drop)
}

fn there_is_a_heap_before_main_after_it_and_in_cancelled_threads(test: &Context) -> Result<()> {
    passes(test, "threads.c", &["edges"]).map(drop)
}

fn a_new_thread_of_a_child_may_be_the_first_to_allocate(test: &Context) -> Result<()> {
    passes(test, "forks.c", &["second"]).map(drop)
}

fn trimming_in_a_child_takes_no_heap_from_its_owner(test: &Context) -> Result<()> {
    passes(test, "forks.c", &["trim"]).map(drop)
}

fn three_hundred_generations_of_forks_leave_nothing(test: &Context) -> Result<()> {
    passes(test, "forks.c", &["chain", "300"]).map(drop)
}

fn vfork_and_spawn_run_beside_allocating_threads(test: &Context) -> Result<()> {
    passes(test, "forks.c", &["vfork"]).map(drop)
}

fn fork_handlers_may_allocate(test: &Context) -> Result<()> {
    passes(test, "forks.c", &["handlers"]).map(drop)
}

fn huge_blocks_go_back_at_once(test: &Context) -> Result<()> {
    passes(test, "memory.c", &["huge"]).map(drop)
}

fn small_blocks_go_back_after_the_delay(test: &Context) -> Result<()> {
    let launch = prepare(test, "memory.c", &["small"])?.environment("MCRX_PURGE_DELAY", "100");
    expect_success(launch, Duration::from_secs(50)).map(drop)
}

fn trimming_gives_everything_back_at_once(test: &Context) -> Result<()> {
    passes(test, "memory.c", &["trim"]).map(drop)
}

fn blocks_passed_from_thread_to_thread_do_not_pile_up(test: &Context) -> Result<()> {
    passes(test, "memory.c", &["passed"]).map(drop)
}

fn moving_large_blocks_leaves_few_mappings(test: &Context) -> Result<()> {
    passes(test, "memory.c", &["moved"]).map(drop)
}
