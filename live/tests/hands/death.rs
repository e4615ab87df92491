//! Whoever has hands in a process is killed, at any moment.

use super::{check, server, with_hands};
use mcrx_harness::{Context, Explain as _, Pid, Result, ensure};
use mcrx_live::hold::{NewThread, Registers};
use mcrx_live::process::maps;
use nix::libc;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// Set to a process: this program has its threads make calls without end, until it is killed.
pub(crate) const CALL_FOR_EVER: &str = "MCRX_TEST_CALL_FOR_EVER";

pub(crate) fn call_for_ever(process: Pid) -> ExitCode {
    loop {
        if all_calls(process).is_err() || writeln!(std::io::stdout(), "called").is_err() {
            return ExitCode::FAILURE;
        }
    }
}

/// Calls, functions, and threads that come and go.
fn all_calls(process: Pid) -> Result<()> {
    let negated = super::calls::address_in(process, libc::labs as *const () as usize)?;
    with_hands(process, |held, hands| {
        for thread in &held.processes[0].threads {
            let (scratch, _) = hands.scratch(thread.id)?;
            hands.system_call(thread.id, libc::SYS_uname, [scratch, 0, 0, 0, 0, 0])?;
            hands.system_call(thread.id, libc::SYS_sched_yield, [0; 6])?;
            let calls = [libc::SYS_getppid, libc::SYS_gettid].map(|call| (call, [0; 6])).repeat(4);
            hands.system_calls(&[(thread.id, calls)])?;
            let own = hands.registers(thread.id)?;
            let with = Registers { rsp: own.rsp - 10_000, ..own };
            ensure!(hands.call(thread.id, &with, negated, &[5], Duration::from_secs(5))? == 5);
        }
        let own = hands.registers(process)?;
        // Far below anything that is in use.
        let stack_pointer = own.rsp - 20_000;
        let new = NewThread { stack_pointer, thread_pointer: own.fs_base, number: stack_pointer - 10_000 };
        let made = hands.make_thread(process, &new)?;
        hands.system_call(made, libc::SYS_gettid, [0; 6])?;
        hands.end_thread(made)?;
        Ok(())
    })?;
    Ok(())
}

pub(crate) fn a_process_is_unharmed_when_whoever_has_hands_in_it_is_killed(test: &Context) -> Result<()> {
    let mut program = server(test, &["heap=4", "interrupted"])?;
    let pid = program.pid();
    let (threads, mappings) = (mcrx_live::process::status::threads(pid), maps::read(pid)?.len());
    let rounds =
        std::env::var("MCRX_TEST_DEATHS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(60u64);
    for round in 0..rounds {
        let mut caller = Command::new(std::env::current_exe()?)
            .env(CALL_FOR_EVER, pid.to_string())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        // Kept open: it goes on saying so.
        let mut said = BufReader::new(caller.stdout.take().context("piped")?);
        said.read_line(&mut line)?;
        ensure!(line == "called\n", "no calls were made: {line:?}");
        // Moments spread over the few milliseconds that all of it takes.
        std::thread::sleep(Duration::from_micros(round * 379 % 4001));
        caller.kill()?;
        caller.wait()?;
        check(&mut program).with_context(|| format!("after {round} deaths"))?;
    }
    mcrx_harness::until(Duration::from_secs(20), "threads that were made to end", || {
        Ok((mcrx_live::process::status::threads(pid) == threads).then_some(()))
    })?;
    ensure!(maps::read(pid)?.len() == mappings);
    check(&mut program)
}
