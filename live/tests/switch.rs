//! Threads take other threads' parts, and have their own back.

use mcrx_harness::{Context, Explain as _, Pid, Result, Suite, ensure, program, until};
use mcrx_live::hold::{Hands, Scope, while_held_then};
use mcrx_live::kernel::{KernelState, Survey};
use mcrx_live::switch::{Pairs, Switch};
use program_under_test::Program;
use std::process::ExitCode;
use std::time::Duration;

#[path = "switch/other.rs"]
mod other;
#[path = "hold/program.rs"]
mod program_under_test;
#[path = "switch/refused.rs"]
mod refused;

fn main() -> ExitCode {
    let cc = || [program("cc")];
    let suite = Suite::new()
        .test(cc(), other::a_thread_lives_anothers_life_and_a_missing_one_is_made)
        .test(cc(), other::ten_threads_live_others_lives_in_every_way_of_waiting)
        .test(cc(), other::signals_are_handled_as_the_other_would)
        .test(cc(), refused::what_is_undone_leaves_no_trace)
        .test(cc(), refused::a_switch_that_fails_halfway_is_undone)
        .test(cc(), refused::signals_that_come_meanwhile_arrive_once_each)
        .within(Duration::from_secs(120));
    suite.run()
}

const PATIENCE: Duration = Duration::from_secs(20);

/// The program, and where its functions are.
struct Lives {
    program: Program,
    first: u64,
    second: u64,
    handler: u64,
}

impl Lives {
    fn start(test: &Context, count: usize) -> Result<Lives> {
        let mut program = Program::start_of(test, "switch", "lives", &[&count.to_string()])?;
        let line = program.line()?;
        let address = |text: &str| u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16);
        let fields = line.split(' ').map(address).collect::<std::result::Result<Vec<u64>, _>>()?;
        let [first, second, handler] = fields[..] else { mcrx_harness::bail!("it says {line:?}") };
        let mut lives = Lives { program, first, second, handler };
        // Each has begun to wait.
        until(PATIENCE, "all to begin", || {
            let begun = [lives.rounds(0)?, lives.rounds(1)?].concat();
            Ok(begun.iter().all(|(rounds, _)| *rounds > 0).then_some(()))
        })?;
        Ok(lives)
    }

    fn pid(&self) -> Pid {
        self.program.pid()
    }

    /// How often each of a life has woken, and the number it saw itself under.
    fn rounds(&mut self, life: usize) -> Result<Vec<(u64, i32)>> {
        let lines = self.program.ask(&format!("rounds {life}"))?;
        let parse = |line: &String| -> Result<(u64, i32)> {
            let (rounds, tid) = line.split_once(' ').context("two numbers")?;
            Ok((rounds.parse()?, tid.parse()?))
        };
        lines.iter().map(parse).collect()
    }

    /// All of a life wake when they are woken, twice.
    fn ensure_lives(&mut self, life: usize) -> Result<()> {
        for _ in 0..2 {
            let before = self.rounds(life)?;
            self.program.ask(&format!("wake {life}"))?;
            until(PATIENCE, "all to wake", || {
                let now = self.rounds(life)?;
                Ok(now.iter().zip(&before).all(|(now, before)| now.0 > before.0).then_some(()))
            })?;
        }
        self.check()
    }

    fn check(&mut self) -> Result<()> {
        let said = self.program.ask("check")?.concat();
        ensure!(said == "fine", "{said}");
        Ok(())
    }

    /// Names of its threads, in their order.
    fn names(&self) -> Result<Vec<String>> {
        let threads = mcrx_live::process::status::threads(self.pid());
        let name = |thread: &Pid| std::fs::read_to_string(format!("/proc/{}/task/{thread}/comm", self.pid()));
        threads.iter().map(|thread| Ok(name(thread)?.trim_end().to_owned())).collect()
    }

    /// Those of the first life take the parts of those of the second, which are surplus; one part is left over.
    fn pairs(&self, state: &KernelState) -> Result<Pairs> {
        let of = |routine: u64| -> Vec<usize> {
            let threads = state.threads.iter().enumerate();
            threads.filter(|(_, thread)| thread.start_routine == Some(routine)).map(|(at, _)| at).collect()
        };
        let (first, second) = (of(self.first), of(self.second));
        ensure!(first.len() + 1 == second.len() && state.threads.len() == first.len() + second.len() + 1);
        let mut pairs = vec![(0, 0)];
        pairs.extend(first.iter().copied().zip(second.iter().copied()));
        Ok(Pairs { pairs, missing: second[first.len()..].to_vec(), surplus: second })
    }
}

/// Does something while the program is held, with what the kernel has for it.
fn with_state<T: Send>(
    lives: &Lives,
    work: impl FnOnce(&Hands<'_>, KernelState) -> Result<T> + Send,
) -> Result<T> {
    let survey = Survey::of(lives.pid());
    let held = |_: &_, hands: &Hands<'_>| work(hands, survey.read(hands)?);
    let (outcome, time) = while_held_then(Scope::Process(lives.pid()), held, |outcome| outcome)?;
    eprintln!("held {time:.1?}");
    outcome
}

fn switch<'h, 'w>(
    hands: &'h Hands<'w>,
    lives: &Lives,
    old: &KernelState,
    new: &KernelState,
) -> Result<Switch<'h, 'w>> {
    Ok(Switch::make(hands, lives.pid(), old, new, &lives.pairs(old)?)?)
}
