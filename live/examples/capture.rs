//! Captures a process and all that descend from it, and says for how long each capture held it: `capture PID quickest|copy|clone TIMES`.
//!
//! A line for each: how (`copy` or `clone`), nanoseconds held, nanoseconds from beginning to end, bytes of memory in the image. What the
//! benchmarks run, so that each turn is a process of its own.

use mcrx_live::capture::{Choice, capture_by};
use mcrx_live::hold::Scope;
use mcrx_tracer::image::Method;
use nix::unistd::Pid;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [pid, choice, times] = &arguments[..] else { return usage() };
    let choice = match choice.as_str() {
        "quickest" => Choice::Quickest,
        "copy" => Choice::Copy,
        "clone" => Choice::Clone,
        _ => return usage(),
    };
    let (Ok(pid), Ok(times)) = (pid.parse(), times.parse::<u32>()) else { return usage() };
    for _ in 0..times {
        let start = Instant::now();
        let image = match capture_by(Scope::Tree(Pid::from_raw(pid)), choice) {
            Ok(image) => image,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        };
        let elapsed = start.elapsed();
        let how = match image.taken.method {
            Method::Copy => "copy",
            Method::Clone => "clone",
        };
        let bytes: u64 = image.processes.iter().map(|process| process.memory.len()).sum();
        println!("{how} {} {} {bytes}", image.taken.held.as_nanos(), elapsed.as_nanos());
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: capture PID quickest|copy|clone TIMES");
    ExitCode::from(2)
}
