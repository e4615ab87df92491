//! Frames, variables, lines and caller tables, against those who know: gdb for stopped programs and servers, addr2line for lines, and the
//! allocator itself for the tables that it is to follow.

#[path = "frames/agree.rs"]
mod agree;
#[path = "frames/callers.rs"]
mod callers;
#[path = "frames/damage.rs"]
mod damage;
#[path = "frames/gdb.rs"]
mod gdb;
#[path = "frames/process.rs"]
mod process;
#[path = "frames/programs.rs"]
mod programs;
#[path = "frames/servers.rs"]
mod servers;
#[path = "frames/source.rs"]
mod source;

use mcrx_harness::Suite;
use std::process::ExitCode;

fn main() -> ExitCode {
    let areas = [programs::tests, servers::tests, source::tests, callers::tests, damage::tests];
    areas.into_iter().fold(Suite::new(), |suite, tests| tests(suite)).run()
}
