//! A new release that starts out of sight of the old one: as that was started, with its pids, and without touching anything.

use mcrx_harness::{Suite, program, root};
use std::process::ExitCode;

#[path = "shadow/death.rs"]
mod death;
#[path = "shadow/failures.rs"]
mod failures;
#[path = "shadow/old.rs"]
mod old;
#[path = "shadow/servers.rs"]
mod servers;
#[path = "shadow/unseen.rs"]
mod unseen;

fn main() -> ExitCode {
    mcrx_live::shadow::take_over();
    if let Some(code) = death::starter() {
        return code;
    }
    let needs = || [program("cc"), root()];
    let suites = [death::tests, failures::tests, unseen::tests];
    let suite = suites.into_iter().fold(Suite::new(), |suite, tests| tests(suite, &needs));
    servers::tests(suite).run()
}
