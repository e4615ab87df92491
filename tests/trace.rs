//! `mcrx trace`, `pins`, `whatis`, `why`, `refs` and `snapshot` as their users run them, on servers and on programs whose graphs are
//! known.

use mcrx_harness::Suite;
use std::process::ExitCode;

#[path = "trace/busy.rs"]
mod busy;
#[path = "trace/command.rs"]
mod command;
#[path = "trace/facts.rs"]
mod facts;
#[path = "trace/known.rs"]
mod known;
#[path = "trace/leaks.rs"]
mod leaks;
#[path = "trace/pins.rs"]
mod pins;
#[path = "trace/refusals.rs"]
mod refusals;
#[path = "trace/servers.rs"]
mod servers;
#[path = "trace/storm.rs"]
mod storm;
#[path = "trace/tree.rs"]
mod tree;
#[path = "trace/truth.rs"]
mod truth;

fn main() -> ExitCode {
    let suites = [
        facts::tests,
        known::tests,
        leaks::tests,
        pins::tests,
        refusals::tests,
        servers::tests,
        storm::tests,
        tree::tests,
        truth::tests,
    ];
    suites.into_iter().fold(Suite::new(), |suite, tests| tests(suite)).run()
}
