//! What a process notices of its twins: nothing.

use super::{check, code, server, with_twin};
use mcrx_harness::{Context, Result, ensure, process};
use mcrx_live::hold::{Scope, while_held_then};
use nix::sys::signal::{Signal, kill};
use std::fs::File;
use std::io::Read as _;
use std::time::Duration;

pub(crate) fn any_thread_can_make_a_twin_and_notices_nothing(test: &Context) -> Result<()> {
    let (mut program, _) = server(test, &["heap=4"])?;
    let process = program.pid();
    let code = code(process)?;
    let mut made = 0;
    for round in 0..120 {
        let (outcome, _) = while_held_then(
            Scope::Process(process),
            |held, hands| {
                let threads = &held.processes[0].threads;
                hands.twin_by(process, threads[round % threads.len()].id, &code)
            },
            |twin| twin.map(drop),
        )?;
        made += usize::from(outcome.is_ok());
        if round % 10 == 0 {
            check(&mut program)?;
        }
    }
    ensure!(made == 120, "{made} of 120 were made");
    check(&mut program)
}

pub(crate) fn a_process_that_waits_for_its_children_sees_no_other(test: &Context) -> Result<()> {
    for way in ["children", "signalfd"] {
        let (mut program, _) = server(test, &["heap=4", way])?;
        let process = program.pid();
        for round in 0..60 {
            with_twin(
                process,
                |_, _| Ok(()),
                |twin| {
                    let parent = process::Process::read(twin.id()).map(|twin| twin.parent());
                    ensure!(parent.is_some() && parent != Some(process), "it is the process's child");
                    Ok(())
                },
            )?;
            if round % 10 == 0 {
                check(&mut program)?;
            }
        }
        check(&mut program)?;
    }
    Ok(())
}

/// A connection that a server closes must be closed, though a twin lives.
pub(crate) fn what_the_process_closes_is_closed(test: &Context) -> Result<()> {
    let (mut program, told) = server(test, &[])?;
    let process = program.pid();
    let mut end = File::open(format!("/proc/{process}/fd/{}", told.pipe))?;
    with_twin(
        process,
        |_, _| Ok(()),
        |twin| {
            ensure!(program.ask("close")?.concat() == "closed");
            let mut byte = [0];
            ensure!(end.read(&mut byte)? == 0, "somebody has written");
            ensure!(twin.is_alive());
            Ok(())
        },
    )?;
    check(&mut program)
}

/// It cannot be blocked, as others are while the thread has other registers than its own.
pub(crate) fn a_signal_that_stops_it_meanwhile_is_not_lost(test: &Context) -> Result<()> {
    let (mut program, _) = server(test, &["heap=16", "interrupted"])?;
    let process = program.pid();
    let state = || process::Process::read(process).map(|process| process.state());
    for _ in 0..30 {
        std::thread::scope(|scope| -> Result<()> {
            let twins = scope.spawn(|| with_twin(process, |_, _| Ok(()), |_| Ok(())));
            // At any moment of it; a twin may be refused to a process that has stopped by then.
            kill(process, Signal::SIGSTOP)?;
            let _ = twins.join().map_err(|_| mcrx_harness::anyhow!("it panicked"))?;
            mcrx_harness::until(Duration::from_secs(20), "it to stop", || {
                Ok((state() == Some('T')).then_some(()))
            })?;
            kill(process, Signal::SIGCONT)?;
            Ok(())
        })?;
        check(&mut program)?;
    }
    Ok(())
}
