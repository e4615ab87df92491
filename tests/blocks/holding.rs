//! What a process notices of being held: that it is a little late, and nothing else, whatever becomes of whoever holds it.

use crate::resident::{PATIENCE, Resident, held_threads, state};
use crate::{facts, mcrx, row_of};
use mcrx_harness::{Pid, Signal, until};
use nix::sys::signal::kill;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `mcrx blocks` under way. It does not outlive the test, and is gone before the process that it may hold is waited for.
struct Blocks(Child);

impl Blocks {
    fn start(pid: Pid) -> Blocks {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
        command.args(["blocks", &pid.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        Blocks(command.spawn().expect("mcrx runs"))
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_process_with_many_threads_goes_on_afterwards() {
    let mut resident = Resident::start(&["64"]);
    for _ in 0..10 {
        let facts = facts(resident.pid(), &[]);
        assert_eq!(row_of(&facts, "make_small").unwrap()["count"], 100);
        assert!(held_threads(resident.pid()).is_empty());
    }
    resident.assert_goes_on();
}

#[test]
fn a_process_goes_on_when_whoever_held_it_is_killed() {
    let mut resident = Resident::start(&["16"]);
    let pid = resident.pid();
    let mut seen_held = 0;
    for round in 0..40u64 {
        let mut blocks = Blocks::start(pid);
        // Killed the moment it is seen to hold something, or a little later each time.
        let deadline = Instant::now() + Duration::from_millis(100);
        while held_threads(pid).is_empty()
            && Instant::now() < deadline
            && blocks.0.try_wait().unwrap().is_none()
        {}
        let until_killed = Instant::now() + Duration::from_micros(20 * round);
        while Instant::now() < until_killed {}
        blocks.0.kill().expect("it can be killed");
        let status = blocks.0.wait().expect("it has ended");
        seen_held += u64::from(!status.success());
        until(PATIENCE, "all threads to go on", || Ok(held_threads(pid).is_empty().then_some(()))).unwrap();
    }
    assert!(seen_held > 5, "killed in time only {seen_held} times");
    resident.assert_goes_on();
}

#[test]
fn a_process_goes_on_when_whoever_holds_it_is_stopped_from_the_keyboard() {
    let mut resident = Resident::start(&["16"]);
    let pid = resident.pid();
    for _ in 0..20 {
        let mut blocks = Blocks::start(pid);
        let deadline = Instant::now() + Duration::from_millis(100);
        while held_threads(pid).is_empty() && Instant::now() < deadline {}
        let holder = Pid::from_raw(blocks.0.id().try_into().unwrap());
        kill(holder, Signal::SIGTSTP).unwrap();
        until(PATIENCE, "all threads to go on", || Ok(held_threads(pid).is_empty().then_some(()))).unwrap();
        kill(holder, Signal::SIGCONT).unwrap();
        assert!(blocks.0.wait().unwrap().success());
    }
    resident.assert_goes_on();
}

#[test]
fn a_process_that_was_stopped_stays_stopped_and_can_go_on() {
    let mut resident = Resident::start(&["4"]);
    let pid = resident.pid();
    kill(pid, Signal::SIGSTOP).unwrap();
    until(PATIENCE, "it to stop", || Ok((state(pid) == Some('T')).then_some(()))).unwrap();
    let facts = facts(pid, &[]);
    assert_eq!(row_of(&facts, "make_small").unwrap()["count"], 100);
    until(PATIENCE, "it to be stopped as before", || Ok((state(pid) == Some('T')).then_some(()))).unwrap();
    kill(pid, Signal::SIGCONT).unwrap();
    resident.assert_goes_on();
}

#[test]
fn no_signal_is_lost_or_doubled() {
    let mut resident = Resident::start(&["0", "signals"]);
    let pid = resident.pid();
    for sent in 1..=30 {
        let mut blocks = Blocks::start(pid);
        kill(pid, Signal::SIGUSR1).unwrap();
        assert!(blocks.0.wait().unwrap().success());
        until(PATIENCE, "the signal to arrive", || Ok((resident.ask().usr1 >= sent).then_some(()))).unwrap();
        assert_eq!(resident.ask().usr1, sent);
    }
    assert_eq!(resident.ask().amiss, 0);
    resident.assert_goes_on();
}

#[test]
fn a_process_whose_main_thread_has_ended_is_read() {
    let mut resident = Resident::start(&["3", "leaderless"]);
    until(PATIENCE, "the main thread to end", || Ok((state(resident.pid()) == Some('Z')).then_some(())))
        .unwrap();
    // It says that the process is a zombie; its other threads say otherwise.
    let facts = facts(resident.pid(), &[]);
    assert_eq!(row_of(&facts, "make_small").unwrap()["count"], 100);
    resident.assert_goes_on();
}

#[test]
fn a_thread_that_sleeps_uninterruptibly_is_not_waited_for() {
    let resident = Resident::start(&["3", "vfork"]);
    until(PATIENCE, "the main thread to sleep", || Ok((state(resident.pid()) == Some('D')).then_some(())))
        .unwrap();
    let facts = facts(resident.pid(), &[]);
    assert_eq!(row_of(&facts, "make_big").unwrap()["count"], 3);
    assert!(facts["pause_ms"].as_f64().unwrap() < 1000.0, "{}", facts["pause_ms"]);
    until(PATIENCE, "all threads to go on", || Ok(held_threads(resident.pid()).is_empty().then_some(())))
        .unwrap();
}

#[test]
fn a_process_under_a_debugger_is_left_alone_but_can_be_read_as_it_runs() {
    let resident = Resident::start(&["0"]);
    let pid = resident.pid();
    nix::sys::ptrace::seize(pid, nix::sys::ptrace::Options::empty()).expect("it is our child");
    let output = mcrx(&["blocks", &pid.to_string()]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(text.contains(&format!("{pid} is traced by process {} (", std::process::id())), "{text}");
    assert_eq!(row_of(&facts(pid, &["--running"]), "make_small").unwrap()["count"], 100);
}
