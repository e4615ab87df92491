//! Threads that wait, in every way there is, and are held again and again.

use super::program_under_test::Program;
use mcrx_harness::{Context, Explain as _, Need, Result, Suite, ensure};
use mcrx_live::hold::{Code, Hands, Held, Scope, while_held_then};
use mcrx_live::process::maps;
use std::time::{Duration, Instant};

pub(crate) fn tests(suite: Suite, compiler: &dyn Fn() -> [Need; 1]) -> Suite {
    suite
        .test(compiler(), no_call_returns_early_or_late_or_with_eintr_when_held_a_hundred_times)
        .test(compiler(), no_call_returns_early_or_late_or_with_eintr_when_its_thread_makes_twins)
}

/// How long the timed calls of the program wait.
const SECONDS: Duration = Duration::from_secs(4);
/// How late they may come back at least, on a machine that is not busy.
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
    let count = |held: &Held, _: &Hands<'_>| Ok(held.processes[0].threads.len());
    check(test, count)
}

/// Each in turn is led away from its call and back to it, more than once.
fn no_call_returns_early_or_late_or_with_eintr_when_its_thread_makes_twins(test: &Context) -> Result<()> {
    let (mut next, mut made, mut code) = (0, 0, None);
    check(test, |held, hands| {
        let process = &held.processes[0];
        if code.is_none() {
            code = Code::find(process.pid, &maps::read(process.pid)?);
        }
        let code = code.context("no system call instructions in its C library")?;
        for _ in 0..2 {
            let thread = &process.threads[next % process.threads.len()];
            // One that sleeps in the kernel for good cannot.
            made += usize::from(hands.twin_by(process.pid, thread.id, &code).is_ok());
            next += 1;
        }
        ensure!(next < 10 || made > next / 2, "{made} of {next} were made");
        Ok(process.threads.len())
    })
}

/// Holds all of them again and again; `work` says how many there are.
fn check(test: &Context, mut work: impl FnMut(&Held, &Hands<'_>) -> Result<usize> + Send) -> Result<()> {
    let mut program = Program::start_of(test, "hold", "blocked", &[])?;
    let start = Instant::now();
    let (mut threads, mut longest, mut held) = (0usize, Duration::ZERO, Duration::ZERO);
    for _ in 0..100 {
        let (count, pause) = while_held_then(Scope::Tree(program.pid()), &mut work, |count| count)?;
        // On a slow machine some have had their time by the last.
        threads = threads.max(count?);
        longest = longest.max(pause);
        held += pause;
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
            // The kernel counts what was left when the hold began (ppoll writes it down): they are late by the time held.
            "deadline" => SECONDS + LATE + held,
            "anew" => span + SECONDS + LATE,
            _ => continue,
        };
        // The kernel counts poll's time in ticks of its own.
        let earliest = SECONDS - Duration::from_millis(5);
        ensure!(call.elapsed >= earliest, "{call:?} was too early");
        ensure!(call.elapsed <= latest, "{call:?} was too late");
    }
    // In less time, a call that begins anew with each hold would pass for one that keeps its deadline.
    ensure!(span > LATE + held, "held for {span:?} only");
    Ok(())
}
