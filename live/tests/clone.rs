//! Copy-on-write twins of held processes: they have what the process had, and the process notices nothing, whatever becomes of us.

use mcrx_harness::{Context, Pid, Result, Suite, ensure, program};
use mcrx_live::hold::{Code, Hands, Held, Scope, Twin, while_held_then};
use mcrx_live::process::maps;
use program_under_test::Program;
use std::process::ExitCode;
use std::time::Duration;

#[path = "clone/death.rs"]
mod death;
#[path = "clone/kinds.rs"]
mod kinds;
#[path = "clone/memory.rs"]
mod memory;
#[path = "hold/program.rs"]
mod program_under_test;
#[path = "clone/unnoticed.rs"]
mod unnoticed;

fn main() -> ExitCode {
    if let Some(process) = std::env::var(death::CLONE_FOR_EVER).ok().and_then(|pid| pid.parse().ok()) {
        return death::clone_for_ever(Pid::from_raw(process));
    }
    let cc = || [program("cc")];
    let suite = Suite::new()
        .test(cc(), memory::a_twin_has_what_the_process_has_byte_for_byte)
        .test(cc(), memory::a_twin_keeps_what_it_has_when_the_process_goes_on_or_is_killed)
        .test(cc(), unnoticed::any_thread_can_make_a_twin_and_notices_nothing)
        .test(cc(), unnoticed::a_process_that_waits_for_its_children_sees_no_other)
        .test(cc(), unnoticed::what_the_process_closes_is_closed)
        .test(cc(), unnoticed::a_signal_that_stops_it_meanwhile_is_not_lost)
        .test(cc(), kinds::a_filtered_process_is_cloned_where_its_filter_can_be_suspended)
        .test(cc(), kinds::a_process_that_may_make_no_other_is_copied)
        .test(cc(), kinds::a_stopped_process_is_copied)
        .test(cc(), kinds::a_small_process_is_copied_and_a_large_one_cloned)
        .test(cc(), death::a_process_is_unharmed_when_whoever_clones_it_is_killed)
        .within(Duration::from_secs(180));
    suite.run()
}

/// What the server tells at its start.
struct Told {
    /// The end of its pipe that can be read.
    pipe: i32,
    /// Its main thread's `struct rseq`.
    rseq: u64,
}

fn server(test: &Context, arguments: &[&str]) -> Result<(Program, Told)> {
    let mut program = Program::start_of(test, "clone", "server", arguments)?;
    let line = program.line()?;
    let fields: Vec<&str> = line.split(' ').collect();
    let [pipe, _, rseq] = fields[..] else { mcrx_harness::bail!("it says {line:?}") };
    Ok((program, Told { pipe: pipe.parse()?, rseq: rseq.parse()? }))
}

/// It says so itself.
fn check(program: &mut Program) -> Result<()> {
    let said = program.ask("check")?.concat();
    ensure!(said == "fine", "{said}");
    Ok(())
}

fn code(process: Pid) -> Result<Code> {
    let found = Code::find(process, &maps::read(process)?);
    mcrx_harness::Explain::context(found, "no system call instructions in its C library")
}

/// Holds a process, has its main thread make a twin of it, lets it go, and does something with the twin.
fn with_twin<T: Send>(
    process: Pid,
    work: impl FnOnce(&Held, &Twin) -> Result<()> + Send,
    then: impl FnOnce(&Twin) -> Result<T> + Send,
) -> Result<T> {
    let code = code(process)?;
    let held = |held: &Held, hands: &Hands<'_>| -> Result<Twin> {
        let twin = hands.twin_by(process, held.processes[0].threads[0].id, &code)?;
        work(held, &twin)?;
        Ok(twin)
    };
    let (outcome, _) = while_held_then(Scope::Process(process), held, |twin| then(&twin?))?;
    outcome
}
