//! The allocator as users have it, `libmcrx.so` under `LD_PRELOAD`: every attempt to break it that was thought of.
//!
//! Programs of ours that do what no sane program does, real ones, and servers; from inside by what comes back, from outside by what
//! the reader sees. Unit tests of its parts are beside its code.

use mcrx_harness::Suite;
use std::process::ExitCode;

#[path = "allocator/callers.rs"]
mod callers;
#[path = "allocator/code.rs"]
mod code;
#[path = "allocator/contract.rs"]
mod contract;
#[path = "allocator/glibc.rs"]
mod glibc;
#[path = "allocator/held.rs"]
mod held;
#[path = "allocator/hooks.rs"]
mod hooks;
#[path = "allocator/journal.rs"]
mod journal;
#[path = "allocator/life.rs"]
mod life;
#[path = "allocator/placed.rs"]
mod placed;
#[path = "allocator/plugins.rs"]
mod plugins;
#[path = "allocator/programs.rs"]
mod programs;
#[path = "allocator/real.rs"]
mod real;
#[path = "allocator/stops.rs"]
mod stops;
#[path = "allocator/stress.rs"]
mod stress;
#[path = "allocator/takeover.rs"]
mod takeover;
#[path = "allocator/waiting.rs"]
mod waiting;
#[path = "allocator/witness.rs"]
mod witness;

fn main() -> ExitCode {
    let areas = [
        contract::tests,
        stress::tests,
        life::tests,
        takeover::tests,
        stops::tests,
        glibc::tests,
        callers::tests,
        hooks::tests,
        placed::tests,
        plugins::tests,
        real::tests,
    ];
    areas.into_iter().fold(Suite::new(), |suite, tests| tests(suite)).run()
}
