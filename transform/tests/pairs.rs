//! Which of two releases' start-up blocks pair: small programs whose blocks say what they are, and real servers after start-up.

#[path = "pairs/programs.rs"]
mod programs;
#[path = "pairs/releases.rs"]
mod releases;
#[path = "pairs/servers.rs"]
mod servers;

use mcrx_harness::Suite;
use std::process::ExitCode;

fn main() -> ExitCode {
    let suites = [programs::tests, servers::tests];
    suites.into_iter().fold(Suite::new(), |suite, tests| tests(suite)).run()
}
