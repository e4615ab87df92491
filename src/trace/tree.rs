//! All processes of a server, a line for each.

use crate::output::{Output, shortened};
use crate::subject::{Subject, Times};
use crate::trace::{column, share};
use anyhow::Result;
use mcrx_tracer::graph::Totals;
use mcrx_tracer::image::Process;
use mcrx_tracer::trace::Trace;
use serde::Serialize;

/// A process of the tree, in `--json`.
#[derive(Debug, Serialize)]
pub(super) struct ProcessFacts {
    pid: u32,
    parent: u32,
    name: String,
    /// Why there are no counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_traced: Option<String>,
    #[serde(flatten)]
    counts: Option<Counts>,
}

/// What is counted of a process.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Counts {
    #[serde(flatten)]
    pub(super) totals: Totals,
    /// The same for blocks whose call is in the program itself.
    pub(super) own: Totals,
    /// Places whose types are in dispute.
    pub(super) disagreements: u64,
}

impl Counts {
    pub(super) fn of(trace: &Trace<'_>) -> Counts {
        let disagreements = u64::try_from(trace.marked.disagreements.len()).unwrap_or(u64::MAX);
        Counts { totals: trace.totals(), own: trace.own_totals(), disagreements }
    }
}

impl ProcessFacts {
    pub(super) fn traced(process: &Process, counts: Counts) -> ProcessFacts {
        ProcessFacts { counts: Some(counts), ..ProcessFacts::named(process) }
    }

    fn named(process: &Process) -> ProcessFacts {
        let Process { pid, parent, name, .. } = process;
        ProcessFacts { pid: *pid, parent: *parent, name: name.clone(), not_traced: None, counts: None }
    }
}

/// Traces all but the one that is asked about; says how long all of it took.
pub(super) fn others(subject: &Subject, output: &Output) -> (Vec<ProcessFacts>, Vec<Times>) {
    let mut times = Vec::new();
    let mut one = |process| match subject.trace(process, output, |trace, taken| (Counts::of(trace), taken)) {
        Ok((counts, taken)) => {
            times.push(taken);
            ProcessFacts::traced(process, counts)
        }
        Err(error) => ProcessFacts { not_traced: Some(error.to_string()), ..ProcessFacts::named(process) },
    };
    let chosen = subject.process().pid;
    let others = subject.processes().iter().filter(|process| process.pid != chosen);
    let facts = others.map(&mut one).collect();
    (facts, times)
}

/// Characters of a name. With the columns before it a line has some hundred.
const NAME: usize = 40;

pub(super) fn print(processes: &[ProcessFacts], subject: &Subject, output: &Output) -> Result<()> {
    let held =
        subject.pause_ms().map_or(String::new(), |pause| format!(", held still once, for {pause:.1} ms"));
    output.heading(format_args!("{} processes{held}", processes.len()))?;
    let titles = ["BLOCKS", "TYPED", "PRECISE", "LIKELY", "PINNED", "OWN PINNED", "UNREACHABLE"];
    output.line(format_args!("{:>8}{}  NAME", "PID", titles.map(column).concat()))?;
    for ProcessFacts { pid, name, not_traced, counts, .. } in processes {
        let name = shortened(name, NAME);
        let Some(Counts { totals, own, .. }) = counts else {
            let why = not_traced.as_deref().unwrap_or_default();
            output.line(format_args!("{pid:>8}  {name}: {why}"))?;
            continue;
        };
        let cells = [
            totals.blocks.live.to_string(),
            share(totals.blocks.typed, totals.blocks.live),
            totals.pointers.precise.to_string(),
            totals.pointers.likely.to_string(),
            share(totals.pinned.blocks, totals.blocks.live),
            share(own.pinned.blocks, own.blocks.live),
            totals.unreachable.blocks.to_string(),
        ];
        output.line(format_args!("{pid:>8}{}  {name}", cells.map(column).concat()))?;
    }
    Ok(())
}
