//! `mcrx diff` and its kin as their users run them: on programs whose growth is known, and on servers.

use mcrx_harness::Suite;
use std::process::ExitCode;

#[path = "trace/command.rs"]
mod command;
#[path = "analysis/diff.rs"]
mod diff;
#[path = "analysis/dominators.rs"]
mod dominators;
#[path = "analysis/export.rs"]
mod export;
#[path = "analysis/growing.rs"]
mod growing;
#[path = "analysis/memcached.rs"]
mod memcached;
#[path = "analysis/redis.rs"]
mod redis;
#[path = "analysis/report.rs"]
mod report;
#[path = "analysis/suspects.rs"]
mod suspects;

fn main() -> ExitCode {
    let suites = [
        diff::tests,
        dominators::tests,
        export::tests,
        memcached::tests,
        redis::tests,
        report::tests,
        suspects::tests,
    ];
    suites.into_iter().fold(Suite::new(), |suite, tests| tests(suite)).run()
}
