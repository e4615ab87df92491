//! When a process tree is at rest, and who keeps it from being so.

use mcrx_harness::{Context, Need, Pid, Result, Suite, bail, ensure, program};
use mcrx_live::park::{Doing, ParkError, Parking, Patience, Restless, await_parked};
use program_under_test::Program;
use std::process::ExitCode;
use std::time::Duration;

#[path = "hold/program.rs"]
mod program_under_test;
#[path = "park/servers.rs"]
mod servers;

fn main() -> ExitCode {
    let compiler = || [program("cc")];
    let suites = [tests, servers::tests];
    suites.into_iter().fold(Suite::new(), |suite, tests| tests(suite, &compiler)).run()
}

fn tests(suite: Suite, compiler: &dyn Fn() -> [Need; 1]) -> Suite {
    suite
        .test(compiler(), threads_that_wait_and_a_child_are_at_rest)
        .test(compiler(), naps_are_no_unrest)
        .test(compiler(), one_who_computes_is_waited_for_and_named)
        .test(compiler(), threads_and_processes_that_come_and_go_are_unrest)
        .test(compiler(), the_caller_waits_for_its_own_children_by_its_own_number)
        .test([], one_who_is_not_there_is_gone)
}

/// Long enough on a busy machine.
const PATIENCE: Patience = Patience { settle: Duration::from_millis(60), limit: Duration::from_secs(60) };
/// For what never comes to rest.
const LITTLE: Patience = Patience { settle: Duration::from_millis(60), limit: Duration::from_millis(400) };

fn rest(test: &Context, threads: &[&str]) -> Result<Program> {
    Program::start_of(test, "park", "rest", threads)
}

fn restless(root: Pid) -> Result<Vec<Restless>> {
    match await_parked(root, LITTLE) {
        Err(ParkError::Restless { restless, .. }) => Ok(restless),
        Err(error) => bail!("{error}"),
        Ok(parking) => bail!("it was taken for being at rest: {parking:?}"),
    }
}

fn calls(parking: &Parking) -> Vec<Vec<String>> {
    let of = |process: &mcrx_live::park::ParkedProcess| {
        let mut calls: Vec<String> = process.threads.iter().map(|thread| thread.call.to_string()).collect();
        calls.sort();
        calls
    };
    parking.processes.iter().map(of).collect()
}

fn threads_that_wait_and_a_child_are_at_rest(test: &Context) -> Result<()> {
    let program = rest(test, &["epoll", "child", "epoll"])?;
    let parking = await_parked(program.pid(), PATIENCE)?;
    ensure!(calls(&parking) == [vec!["epoll_wait", "epoll_wait", "read"], vec!["pause"]], "{parking:?}");
    ensure!(parking.waited >= PATIENCE.settle);
    Ok(())
}

fn naps_are_no_unrest(test: &Context) -> Result<()> {
    let program = rest(test, &["nap", "epoll", "nap"])?;
    let parking = await_parked(program.pid(), PATIENCE)?;
    let calls = calls(&parking);
    ensure!(calls == [["clock_nanosleep", "clock_nanosleep", "epoll_wait", "read"]], "{parking:?}");
    Ok(())
}

fn one_who_computes_is_waited_for_and_named(test: &Context) -> Result<()> {
    let mut program = rest(test, &["epoll", "compute"])?;
    let restless = restless(program.pid())?;
    ensure!(restless.len() == 1 && restless[0].process == program.pid(), "{restless:?}");
    ensure!(matches!(restless[0].doing, Doing::Running | Doing::Busy(_)), "{restless:?}");
    program.ask("over")?;
    let parking = await_parked(program.pid(), PATIENCE)?;
    ensure!(calls(&parking) == [["epoll_wait", "futex", "read"]], "{parking:?}");
    Ok(())
}

fn threads_and_processes_that_come_and_go_are_unrest(test: &Context) -> Result<()> {
    for what in ["threads", "processes"] {
        let mut program = rest(test, &[what])?;
        restless(program.pid())?;
        program.ask("over")?;
        await_parked(program.pid(), PATIENCE)?;
    }
    Ok(())
}

fn the_caller_waits_for_its_own_children_by_its_own_number(test: &Context) -> Result<()> {
    let program = rest(test, &["epoll"])?;
    let parking = await_parked(Pid::this(), PATIENCE)?;
    let pids: Vec<Pid> = parking.processes.iter().map(|process| process.pid).collect();
    ensure!(pids.contains(&program.pid()) && !pids.contains(&Pid::this()), "{parking:?}");
    Ok(())
}

fn one_who_is_not_there_is_gone(_: &Context) -> Result<()> {
    // One past the largest that the kernel can be made to give.
    let nobody = Pid::from_raw(4_194_305);
    ensure!(matches!(await_parked(nobody, LITTLE), Err(ParkError::Gone(pid)) if pid == nobody));
    Ok(())
}
