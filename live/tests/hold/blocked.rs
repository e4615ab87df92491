//! Threads that wait, in every way there is, and are held again and again.

use super::program_under_test::Program;
use mcrx_harness::{Context, Need, Result, Suite, ensure};
use mcrx_live::hold::{Scope, while_held};
use std::time::{Duration, Instant};

pub(crate) fn tests(suite: Suite, compiler: &dyn Fn() -> [Need; 1]) -> Suite {
    suite.test(compiler(), no_call_returns_early_or_late_or_with_eintr_when_held_a_hundred_times)
}

/// How long the timed calls of the program wait.
const SECONDS: Duration = Duration::from_secs(4);
/// How late they may come back on a busy machine. One that began anew with the last hold would be later.
const LATE: Duration = Duration::from_millis(1500);

/// A call of the program that has returned.
#[derive(Debug)]
struct Returned {
    name: String,
    expected: i64,
    result: i64,
    error: i32,
    elapsed: Duration,
    kind: String,
}

impl Returned {
    fn parse(line: &str) -> Result<Returned> {
        let fields: Vec<&str> = line.split(' ').collect();
        let [name, expected, result, error, elapsed, kind] = fields[..] else {
            mcrx_harness::bail!("it says {line:?}")
        };
        Ok(Returned {
            name: name.to_owned(),
            expected: expected.parse()?,
            result: result.parse()?,
            error: error.parse()?,
            elapsed: Duration::from_millis(elapsed.parse()?),
            kind: kind.to_owned(),
        })
    }
}

fn no_call_returns_early_or_late_or_with_eintr_when_held_a_hundred_times(test: &Context) -> Result<()> {
    let mut program = Program::start_of(test, "hold", "blocked", &[])?;
    let start = Instant::now();
    let (mut threads, mut longest) = (0, Duration::ZERO);
    for _ in 0..100 {
        let (held, pause) = while_held(Scope::Tree(program.pid()), |held| held.processes[0].threads.len())?;
        threads = held;
        longest = longest.max(pause);
        // Each waits again before it is held again, most of the time.
        std::thread::sleep(Duration::from_millis(20));
    }
    let span = start.elapsed();
    eprintln!("held {threads} threads a hundred times in {span:.1?}, at most {longest:.1?} at a time");
    let early = program.ask("list")?;
    let early: Vec<Returned> = early.iter().map(|line| Returned::parse(line)).collect::<Result<_>>()?;
    let too_early = early.iter().find(|call| call.kind == "event" || call.elapsed < SECONDS);
    ensure!(too_early.is_none(), "{too_early:?} returned before its time");
    let all = program.ask("wake")?;
    let all: Vec<Returned> = all.iter().map(|line| Returned::parse(line)).collect::<Result<_>>()?;
    ensure!(all.len() + 1 == threads, "{} of {threads} threads returned", all.len());
    for call in &all {
        ensure!(call.result == call.expected, "{call:?}: not what it should return");
        let may_be_interrupted = matches!(call.name.as_str(), "pause" | "sigsuspend");
        ensure!(call.error != nix::libc::EINTR || may_be_interrupted, "{call:?} leaked EINTR");
        let latest = match call.kind.as_str() {
            "deadline" => SECONDS + LATE,
            "anew" => span + SECONDS + LATE,
            _ => continue,
        };
        // The kernel counts poll's time in ticks of its own.
        let earliest = SECONDS - Duration::from_millis(5);
        ensure!(call.elapsed >= earliest, "{call:?} was too early");
        ensure!(call.elapsed <= latest, "{call:?} was too late");
    }
    // In less time, a call that begins anew with each hold would pass for one that keeps its deadline.
    ensure!(span > LATE, "held for {span:?} only");
    Ok(())
}
