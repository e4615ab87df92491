//! Live updates of real servers: the same process, the same connections, the next release.

mod managed;
mod memcached;
mod napping;
mod nginx;
mod redis;

use mcrx_harness::Suite;
use std::process::ExitCode;

fn main() -> ExitCode {
    let suites = [memcached::tests, napping::tests, nginx::tests, redis::tests];
    suites.into_iter().fold(Suite::new(), |suite, tests| tests(suite)).run()
}
