//! Frames, variables, lines and caller tables, against those who know: gdb for stopped programs and servers, addr2line for lines, and the
//! allocator itself for the tables that it is to follow.

#[path = "frames/agree.rs"]
mod agree;
#[path = "frames/gdb.rs"]
mod gdb;
#[path = "frames/process.rs"]
mod process;
#[path = "frames/programs.rs"]
mod programs;

use mcrx_harness::Suite;
use std::process::ExitCode;

fn main() -> ExitCode {
    let areas = [programs::tests];
    areas.into_iter().fold(Suite::new(), |suite, tests| tests(suite)).run()
}
