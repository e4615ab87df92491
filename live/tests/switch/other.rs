//! Other threads' lives.

use super::{Lives, switch, with_state};
use mcrx_harness::{Context, Result, ensure};
use nix::libc;

pub(crate) fn a_thread_lives_anothers_life_and_a_missing_one_is_made(test: &Context) -> Result<()> {
    all_live_others_lives(test, 1)
}

pub(crate) fn ten_threads_live_others_lives_in_every_way_of_waiting(test: &Context) -> Result<()> {
    all_live_others_lives(test, 10)
}

fn all_live_others_lives(test: &Context, count: usize) -> Result<()> {
    let mut lives = Lives::start(test, count)?;
    let before = lives.rounds(0)?;
    let made = with_state(&lives, |hands, state| {
        let switch = switch(hands, &lives, &state, &state)?;
        let made: Vec<i32> = switch.made().iter().map(|(_, thread)| thread.as_raw()).collect();
        switch.finish()?;
        Ok(made)
    })?;
    ensure!(made.len() == 1, "{made:?}");
    lives.ensure_lives(1)?;
    // Who was of the first life is of the second, and sees its own number there.
    let mut expected: Vec<i32> = before.iter().map(|(_, tid)| *tid).collect();
    expected.extend(made);
    let seen: Vec<i32> = lives.rounds(1)?.iter().map(|(_, tid)| *tid).collect();
    ensure!(seen == expected, "{seen:?} are not {expected:?}");
    let names = lives.names()?;
    let second: Vec<String> = (0..=count).map(|which| format!("life-1-{which}")).collect();
    ensure!(names[1..] == second, "{names:?}");
    // They end, and whoever waits for them is told.
    ensure!(lives.program.ask("join 1")?.concat() == "joined");
    ensure!(lives.names()?.len() == 1);
    lives.check()
}

pub(crate) fn signals_are_handled_as_the_other_would(test: &Context) -> Result<()> {
    let mut lives = Lives::start(test, 2)?;
    ensure!(lives.program.ask("signal")?.concat() == "1");
    let handler = lives.handler;
    with_state(&lives, |hands, state| {
        let mut new = super::Survey::of(lives.pid()).read(hands)?;
        let signal = usize::try_from(libc::SIGUSR1 - 1)?;
        ensure!(new.signals == state.signals && new.signals[signal].handler != 0);
        new.signals[signal].handler = handler;
        switch(hands, &lives, &state, &new)?.finish()?;
        Ok(())
    })?;
    ensure!(lives.program.ask("signal")?.concat() == "2");
    lives.ensure_lives(1)
}
