//! Hands in held processes: what is done by them is done, and nothing else.

use mcrx_harness::{Context, Pid, Result, Suite, ensure, program};
use mcrx_live::hold::{Hands, Held, Scope, while_held_then};
use program_under_test::Program;
use std::process::ExitCode;
use std::time::Duration;

#[path = "hands/calls.rs"]
mod calls;
#[path = "hands/death.rs"]
mod death;
#[path = "hold/program.rs"]
mod program_under_test;
#[path = "hands/rest.rs"]
mod rest;

fn main() -> ExitCode {
    if let Some(process) = std::env::var(death::CALL_FOR_EVER).ok().and_then(|pid| pid.parse().ok()) {
        return death::call_for_ever(Pid::from_raw(process));
    }
    let cc = || [program("cc")];
    let suite = Suite::new()
        .test(cc(), calls::calls_are_made_and_leave_no_trace)
        .test(cc(), calls::an_error_of_a_call_is_told)
        .test(cc(), calls::many_calls_of_all_threads_are_made_at_once)
        .test(cc(), calls::a_function_is_called_and_what_it_returns_comes_back)
        .test(cc(), calls::a_function_that_fails_or_hangs_is_left_and_its_thread_goes_on)
        .test(cc(), calls::a_filtered_process_makes_calls_where_its_filter_can_be_suspended)
        .test(cc(), calls::descriptors_go_in_and_come_out)
        .test(cc(), rest::threads_are_run_on_until_they_wait_and_hold_no_lock)
        .test(cc(), rest::threads_that_wait_for_a_lock_for_ever_are_told)
        .test(cc(), death::a_process_is_unharmed_when_whoever_has_hands_in_it_is_killed)
        .within(Duration::from_secs(180));
    suite.run()
}

/// The program of the tests of clones: it checks itself.
fn server(test: &Context, arguments: &[&str]) -> Result<Program> {
    let mut program = Program::start_of(test, "clone", "server", arguments)?;
    program.line()?;
    Ok(program)
}

/// It says so itself.
fn check(program: &mut Program) -> Result<()> {
    let said = program.ask("check")?.concat();
    ensure!(said == "fine", "{said}");
    Ok(())
}

/// Does something while a process is held.
fn with_hands<T: Send>(
    process: Pid,
    work: impl FnOnce(&Held, &Hands<'_>) -> Result<T> + Send,
) -> Result<(T, Duration)> {
    let (outcome, time) = while_held_then(Scope::Process(process), work, |result| result)?;
    Ok((outcome?, time))
}
