//! `mcrx diff` and its kin as their users run them: on programs whose growth is known, and on servers.

use mcrx_harness::Suite;
use std::process::ExitCode;

#[path = "trace/command.rs"]
mod command;
#[path = "analysis/diff.rs"]
mod diff;
#[path = "analysis/growing.rs"]
mod growing;
#[path = "analysis/redis.rs"]
mod redis;

fn main() -> ExitCode {
    let suites = [diff::tests, redis::tests];
    suites.into_iter().fold(Suite::new(), |suite, tests| tests(suite)).run()
}
