//! Whoever clones a process is killed, at any moment.

use super::{check, code, server};
use mcrx_harness::{Context, Explain as _, Pid, Result, ensure, process};
use mcrx_live::hold::{Scope, while_held_then};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// Set to a process: this program makes twins of it, one after the other, until it is killed.
pub(crate) const CLONE_FOR_EVER: &str = "MCRX_TEST_CLONE_FOR_EVER";

pub(crate) fn clone_for_ever(process: Pid) -> ExitCode {
    let Ok(code) = code(process) else { return ExitCode::FAILURE };
    loop {
        let outcome = while_held_then(Scope::Process(process), |_, hands| hands.twin(process, &code), drop);
        if outcome.is_err() {
            return ExitCode::FAILURE;
        }
        if writeln!(std::io::stdout(), "made").is_err() {
            return ExitCode::FAILURE;
        }
    }
}

/// Processes that run a program.
fn running(program: &std::path::Path) -> usize {
    let Ok(all) = std::fs::read_dir("/proc") else { return 0 };
    let links = all.flatten().filter_map(|entry| std::fs::read_link(entry.path().join("exe")).ok());
    links.filter(|link| link == program).count()
}

pub(crate) fn a_process_is_unharmed_when_whoever_clones_it_is_killed(test: &Context) -> Result<()> {
    // Of a thread that has just stopped, the kernel says EINTR until we have answered that: whoever dies then leaves it so.
    let (mut program, _) = server(test, &["heap=48", "children", "interrupted"])?;
    let pid = program.pid();
    let path = std::fs::read_link(format!("/proc/{pid}/exe"))?;
    let rounds =
        std::env::var("MCRX_TEST_DEATHS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(60u64);
    for round in 0..rounds {
        let mut cloner = Command::new(std::env::current_exe()?)
            .env(CLONE_FOR_EVER, pid.to_string())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        // Kept open: it goes on saying so.
        let mut said = BufReader::new(cloner.stdout.take().context("piped")?);
        said.read_line(&mut line)?;
        ensure!(line == "made\n", "no twin was made: {line:?}");
        // Moments spread over the few milliseconds that one takes; the clock gives them a random share.
        let spread = round * 379 % 4001;
        std::thread::sleep(Duration::from_micros(spread));
        cloner.kill()?;
        cloner.wait()?;
        check(&mut program).with_context(|| format!("after {round} deaths"))?;
    }
    // Its own come and go; none is there for ever.
    mcrx_harness::until(Duration::from_secs(20), "all twins and helpers to end", || {
        Ok((running(&path) == 1 && process::descendants(pid).is_empty()).then_some(()))
    })?;
    check(&mut program)
}
