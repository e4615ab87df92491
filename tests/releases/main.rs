//! Updates of whole releases, offline: the rule files of examples/releases, on images of servers at work.

mod demo;
mod images;
mod larder;
mod memcached;
mod nginx;
mod redis;
mod walk;

use mcrx_harness::Suite;
use std::process::ExitCode;

fn main() -> ExitCode {
    let suites = [demo::tests, memcached::tests, nginx::tests, redis::tests];
    suites.into_iter().fold(Suite::new(), |suite, tests| tests(suite)).run()
}
