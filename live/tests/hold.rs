//! What held processes notice: nothing, whatever they were doing, and whatever becomes of whoever holds them.

use mcrx_harness::{Pid, Suite, program};
use mcrx_live::hold::{Scope, while_held};
use std::io::Write;
use std::process::ExitCode;

#[path = "hold/blocked.rs"]
mod blocked;
#[path = "hold/crowd.rs"]
mod crowd;
#[path = "hold/program.rs"]
mod program_under_test;
#[path = "hold/refusals.rs"]
mod refusals;
#[path = "hold/servers.rs"]
mod servers;

fn main() -> ExitCode {
    if let Some(root) = std::env::var(HOLD_FOR_EVER).ok().and_then(|pid| pid.parse().ok()) {
        return hold_for_ever(Pid::from_raw(root));
    }
    let areas = [blocked::tests, crowd::tests, refusals::tests, servers::tests];
    let compiler = || [program("cc")];
    areas.into_iter().fold(Suite::new(), |suite, tests| tests(suite, &compiler)).run()
}

/// Set to a process: this program holds it and what descends from it, says so, and waits to be killed.
const HOLD_FOR_EVER: &str = "MCRX_TEST_HOLD_FOR_EVER";

fn hold_for_ever(root: Pid) -> ExitCode {
    let outcome = while_held(Scope::Tree(root), |_| {
        println!("held");
        let _ = std::io::stdout().flush();
        loop {
            std::thread::park();
        }
    });
    // It came back, so it was refused.
    let ((), _) = match outcome {
        Ok(never) => never,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    ExitCode::SUCCESS
}
