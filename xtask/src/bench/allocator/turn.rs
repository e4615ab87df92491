//! One run of one program under one allocator, and what it cost.

use super::contender::Contender;
use super::program::{Command, Task};
use anyhow::{Context, Result, bail, ensure};
use mcrx_harness::{Batch, Exit, Kind, Launch, Scratch, Usage};
use std::collections::BTreeMap;
use std::time::Duration;

/// Nothing here takes a minute under any allocator, unless it hangs. Recorders are given more.
const PATIENCE: Duration = Duration::from_secs(300);

/// What one run used.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cost {
    /// User and system time of all processes: seconds, or microseconds for each request of a server.
    pub(super) cpu: f64,
    /// The largest resident set of any one process, in MiB.
    pub(super) peak_rss: f64,
    /// Others that the program reported itself: name and unit, value.
    pub(super) reported: BTreeMap<String, f64>,
    /// What the program printed besides: the same under every allocator.
    pub(super) output: String,
}

/// Runs it once.
pub(super) fn take(task: &Task, contender: &Contender) -> Result<Cost> {
    match task {
        Task::Batch(command) => batch(command, contender),
        Task::Server(serve) => serve(contender),
    }
}

/// Puts a program that is about to be started under an allocator.
pub(super) fn under<'a, K: Kind>(contender: &Contender, mut launch: Launch<'a, K>) -> Launch<'a, K> {
    for (name, value) in &contender.environment {
        launch = launch.environment(name, value);
    }
    if let Some(library) = &contender.preload {
        launch = launch.preload(library);
    }
    launch.under(contender.wrapper.iter().cloned())
}

fn batch(command: &Command, contender: &Contender) -> Result<Cost> {
    let scratch = Scratch::new("bench-turn")?;
    let mut launch = under(contender, scratch.launch(Batch(command.invocation.clone())));
    for (name, value) in &command.environment {
        launch = launch.environment(name, value);
    }
    let finished = launch.finish(PATIENCE)?;
    ensure!(finished.exit == Exit::Code(0), "it ended with {}: {}", finished.exit, finished.output.trim());
    let mut cost = Cost::of(&finished.usage, finished.usage.cpu().as_secs_f64());
    cost.read(&finished.output)?;
    Ok(cost)
}

impl Cost {
    /// The memory of a run, and its processor time as its kind of program states it.
    pub(super) fn of(usage: &Usage, cpu: f64) -> Cost {
        let kib = u32::try_from(usage.peak_rss >> 10).unwrap_or(u32::MAX);
        Cost { cpu, peak_rss: f64::from(kib) / 1024.0, reported: BTreeMap::new(), output: String::new() }
    }

    /// Takes figures out of what a program printed: lines `figure: NAME VALUE UNIT`.
    fn read(&mut self, output: &str) -> Result<()> {
        for line in output.lines() {
            let Some(figure) = line.strip_prefix("figure: ") else {
                // The dynamic linker says so and goes on: what was measured then is not what was asked for.
                if line.contains("cannot be preloaded") {
                    bail!("{line}");
                }
                self.output.push_str(line);
                self.output.push('\n');
                continue;
            };
            let (name, value) = parse_figure(figure).with_context(|| format!("not a figure: {line:?}"))?;
            self.reported.insert(name, value);
        }
        Ok(())
    }
}

/// `end rss 12.50 MiB` is 12.5 of `end rss (MiB)`.
fn parse_figure(text: &str) -> Option<(String, f64)> {
    let (rest, unit) = text.rsplit_once(' ')?;
    let (name, value) = rest.rsplit_once(' ')?;
    Some((format!("{name} ({unit})"), value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost() -> Cost {
        let usage = Usage { peak_rss: 3 << 19, ..Usage::default() };
        Cost::of(&usage, 2.5)
    }

    #[test]
    fn figures_are_told_from_results() {
        let mut cost = cost();
        cost.read("7 blocks\nfigure: end rss 12.50 MiB\nchecksum 9\n").unwrap();
        assert_eq!((cost.cpu, cost.peak_rss), (2.5, 1.5));
        assert_eq!(cost.reported, BTreeMap::from([("end rss (MiB)".to_owned(), 12.5)]));
        assert_eq!(cost.output, "7 blocks\nchecksum 9\n");
    }

    #[test]
    fn a_figure_that_is_none_is_an_error() {
        let error = cost().read("figure: end rss much MiB\n").unwrap_err();
        assert!(error.to_string().contains("end rss much MiB"), "{error}");
    }

    #[test]
    fn a_library_that_the_linker_passed_over_is_an_error() {
        let said =
            "ERROR: ld.so: object '/x.so' from LD_PRELOAD cannot be preloaded (wrong ELF class): ignored.\n";
        assert!(cost().read(said).is_err());
    }
}
