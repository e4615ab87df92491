//! What does not come about leaves no trace.

use super::{Lives, PATIENCE, Survey, switch, with_state};
use mcrx_harness::{Context, Result, bail, ensure, until};
use mcrx_live::hold::HandsError;
use mcrx_live::switch::{Switch, SwitchError};
use nix::errno::Errno;
use nix::libc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub(crate) fn what_is_undone_leaves_no_trace(test: &Context) -> Result<()> {
    let mut lives = Lives::start(test, 10)?;
    let (names, numbers) = (lives.names()?, [lives.rounds(0)?, lives.rounds(1)?]);
    for _ in 0..5 {
        with_state(&lives, |hands, state| {
            let mut new = Survey::of(lives.pid()).read(hands)?;
            new.signals[usize::try_from(libc::SIGUSR1 - 1)?].handler = lives.handler;
            let undone = switch(hands, &lives, &state, &new)?.undo();
            ensure!(undone.0.is_empty(), "{undone:?}");
            let again = Survey::of(lives.pid()).read(hands)?;
            ensure!(format!("{:?}", again.threads) == format!("{:?}", state.threads));
            ensure!(again.signals == state.signals && again.layout == state.layout);
            Ok(())
        })?;
        ensure!(lives.names()? == names, "{:?}", lives.names()?);
        lives.ensure_lives(0)?;
        lives.ensure_lives(1)?;
    }
    for (life, before) in numbers.iter().enumerate() {
        ensure!(lives.rounds(life)?.iter().zip(before).all(|(now, before)| now.1 == before.1));
        ensure!(lives.program.ask(&format!("join {life}"))?.concat() == "joined");
    }
    ensure!(lives.program.ask("signal")?.concat() == "1");
    lives.check()
}

pub(crate) fn a_switch_that_fails_halfway_is_undone(test: &Context) -> Result<()> {
    let mut lives = Lives::start(test, 5)?;
    let names = lives.names()?;
    let parts = with_state(&lives, |_, state| Ok(state.threads.len()))?;
    // In the part of each thread in turn; the last is made for it.
    for bad in (parts - 6)..parts {
        with_state(&lives, |hands, state| {
            let mut new = Survey::of(lives.pid()).read(hands)?;
            if let Some(rseq) = &mut new.threads[bad].rseq {
                rseq.len = 31;
            }
            let outcome = Switch::make(hands, lives.pid(), &state, &new, &lives.pairs(&state)?);
            let Err(SwitchError::Refused(HandsError::Call { errno: Errno::EINVAL, .. })) = outcome else {
                bail!("{outcome:?}")
            };
            Ok(())
        })?;
        ensure!(lives.names()? == names, "{:?}", lives.names()?);
        lives.ensure_lives(0)?;
        lives.ensure_lives(1)?;
    }
    Ok(())
}

/// They are of the kind that is counted: none may be lost or doubled, whatever its thread is doing for us.
pub(crate) fn signals_that_come_meanwhile_arrive_once_each(test: &Context) -> Result<()> {
    let mut lives = Lives::start(test, 3)?;
    let process = lives.pid();
    let (sent, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| -> Result<()> {
        let sender = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let signal = ["-s", "RTMIN", &process.to_string()].map(str::to_owned);
                let status = std::process::Command::new("kill").args(signal).status();
                sent.fetch_add(u64::from(status.is_ok_and(|it| it.success())), Ordering::Relaxed);
            }
        });
        // A busy machine takes its time to start so many programs.
        let mut rounds = 0;
        let outcome = loop {
            let round = with_state(&lives, |hands, state| {
                let undone = switch(hands, &lives, &state, &state)?.undo();
                ensure!(undone.0.is_empty(), "{undone:?}");
                Ok(())
            });
            rounds += 1;
            if round.is_err() || rounds >= 10 && sent.load(Ordering::Relaxed) > 10 {
                break round;
            }
        };
        done.store(true, Ordering::Relaxed);
        sender.join().map_err(|_| mcrx_harness::anyhow!("it panicked"))?;
        outcome
    })?;
    let sent = sent.into_inner();
    until(PATIENCE, "all to arrive", || {
        Ok((lives.program.ask("queued")?.concat() == sent.to_string()).then_some(()))
    })?;
    lives.ensure_lives(0)?;
    lives.ensure_lives(1)
}
