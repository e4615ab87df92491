//! Threads that are in the middle of something are run on until they wait.

use super::{Program, with_hands};
use mcrx_allocator::reader::{Address, Memory as _};
use mcrx_harness::{Context, Explain as _, Result, ensure, until};
use mcrx_live::hold::waits_for_work;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

fn start(test: &Context, arguments: &[&str]) -> Result<(Program, Address)> {
    let mut program = Program::start_of(test, "hands", "rest", arguments)?;
    let line = program.line()?;
    let lock = line.strip_prefix("0x").context("an address")?;
    Ok((program, Address(u64::from_str_radix(lock, 16)?)))
}

/// It says that it is fine, and how far it has come.
fn rounds(program: &mut Program) -> Result<u64> {
    let said = program.ask("how")?;
    let [how, rounds] = &said[..] else { mcrx_harness::bail!("it says {said:?}") };
    ensure!(how == "fine", "{how}");
    Ok(rounds.parse()?)
}

pub(crate) fn threads_are_run_on_until_they_wait_and_hold_no_lock(test: &Context) -> Result<()> {
    let (mut program, lock) = start(test, &[])?;
    let process = program.pid();
    let mut ran = 0;
    for _ in 0..40 {
        let before = rounds(&mut program)?;
        with_hands(process, |held, hands| {
            ran += held.processes[0].threads.iter().filter(|thread| !waits_for_work(thread)).count();
            let unrest = hands.run_to_rest(process, &waits_for_work, Instant::now() + PATIENCE)?;
            ensure!(unrest.is_empty(), "{unrest:?} do not rest");
            let threads = hands.threads(process);
            ensure!(threads.iter().all(|thread| thread.blocked_in.is_some() && waits_for_work(thread)));
            let mut word = [1; 4];
            hands.memory(process)?.read(lock, &mut word)?;
            ensure!(word == [0; 4], "the lock is held: {word:?}");
            Ok(())
        })?;
        until(PATIENCE, "it to go on", || Ok((rounds(&mut program)? > before + 6).then_some(())))?;
    }
    // Otherwise nothing was shown.
    ensure!(ran > 20, "{ran} threads were in the middle of something");
    Ok(())
}

pub(crate) fn threads_that_wait_for_a_lock_for_ever_are_told(test: &Context) -> Result<()> {
    let (mut program, _) = start(test, &["stuck"])?;
    let process = program.pid();
    for _ in 0..5 {
        with_hands(process, |_, hands| {
            let threads = || hands.threads(process).iter().map(|thread| thread.id).collect::<Vec<_>>();
            let before = threads();
            let unrest =
                hands.run_to_rest(process, &waits_for_work, Instant::now() + Duration::from_millis(30))?;
            // The main thread, and the one that has the lock, wait for work.
            ensure!(unrest.len() == 6 && before.len() == 8, "{unrest:?} of {before:?}");
            ensure!(threads() == before, "{:?} were {before:?}", threads());
            Ok(())
        })?;
        ensure!(rounds(&mut program)? == 0);
    }
    Ok(())
}
