//! `mcrx plan`: what an update would do, and what stops it.

use crate::exit::Failure;
use crate::output::Output;
use anyhow::Result;
use conflicts::ConflictFacts;
use mcrx_transform::pairs::Counts;
use mcrx_transform::plan::{Plan, Totals};
use serde::Serialize;
use transition::{Planned, Transition, Which};

pub(crate) mod conflicts;
pub(crate) mod transition;

/// Show what an update would do to each object, and what stops it
///
/// Three images say it: the old process parked after its start-up (--start), the same process as it is now, and a process of the new release,
/// started with the same configuration and parked after its own start-up. What changed in the old process since its start-up is carried over;
/// all else is as the new start-up has made it. Nothing is written anywhere.
#[derive(clap::Args)]
#[command(after_help = "\
The new release is to be started with MCRX_EPOCH=1 (the next one with 2, and so on), so that its heap does not lie where the old one's does.

Exit codes: 0 the update can be made, 3 a process or file cannot be read or traced, 4 something stops it.

Examples:
  mcrx run -- ./server-1 &                    mcrx snapshot PID -o start.snap, as soon as it waits for work
  MCRX_EPOCH=1 mcrx run -- ./server-2 &       mcrx snapshot PID -o new.snap
  mcrx plan 4711 new.snap --start start.snap --rules server-2.mcrx
  mcrx plan now.snap new.snap --start start.snap --json | jq .conflicts")]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    #[serde(flatten)]
    plan: PlanFacts,
}

/// What is said of a plan.
#[derive(Serialize)]
pub(crate) struct PlanFacts {
    pid: u32,
    new_pid: u32,
    objects: ObjectFacts,
    /// Bytes that are written.
    bytes: u64,
    /// Libraries that only a process can tell anew what the old one had told them.
    adapters: Vec<String>,
    conflicts: Vec<ConflictFacts>,
}

#[derive(Serialize)]
pub(crate) struct ObjectFacts {
    /// Blocks that stay where they are.
    kept: u64,
    /// Of these, those in which pointers are redirected.
    redirected: u64,
    /// Blocks that are made anew.
    transformed: u64,
    /// Of these, those that move.
    moved: u64,
    /// Blocks that words lead to which may be no pointers.
    pinned: u64,
    /// Blocks without a type.
    untyped: u64,
    /// Variables and blocks that both start-ups have made.
    paired: u64,
    /// Of these, those of which something is carried over.
    changed: u64,
    /// Blocks of the old start-up that the program made and that a root leads to.
    start_up: u64,
    /// Of these, those that the new start-up has made, too.
    start_up_paired: u64,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let transition = Transition::open(&args.which, output)?;
    transition.planned(output, |planned| {
        print(&planned, &transition, output)?;
        let Planned { plan, .. } = planned;
        let facts = facts(&planned, &transition);
        output.facts(&Facts { schema: "mcrx.plan/1", plan: facts })?;
        refused(plan)?;
        output.line(format_args!("\nNext: {}", transition.next()))?;
        Ok(())
    })
}

/// Nothing is done with a plan that has conflicts.
pub(crate) fn refused(plan: &Plan) -> Result<()> {
    match plan.conflicts.len() {
        0 => Ok(()),
        1 => Err(Failure::Refused("something stops the update: see above".to_owned()).into()),
        many => Err(Failure::Refused(format!("{many} things stop the update: see above")).into()),
    }
}

pub(crate) fn facts(planned: &Planned<'_>, transition: &Transition) -> PlanFacts {
    let Planned { plan, pairs, .. } = planned;
    let (pid, new_pid) = transition.pids();
    PlanFacts {
        pid,
        new_pid,
        objects: ObjectFacts::of(&plan.totals, &pairs.own_blocks),
        bytes: plan.totals.bytes,
        adapters: libraries(plan),
        conflicts: plan.conflicts.iter().map(ConflictFacts::of).collect(),
    }
}

pub(crate) fn print(planned: &Planned<'_>, transition: &Transition, output: &Output) -> Result<()> {
    let Planned { plan, pairs, .. } = planned;
    let totals = plan.totals;
    output.heading(format_args!("{}", transition.described()))?;
    let row = |what: &str, count: u64, note: String| {
        let note = if note.is_empty() { note } else { format!("  ({note})") };
        output.line(format_args!("  {what:<44}{count:>10}{note}"))
    };
    row(
        "variables and blocks of both start-ups",
        totals.paired,
        format!("{} changed since", totals.changed),
    )?;
    let own = pairs.own_blocks;
    let start_up =
        format!("{} of {} blocks of the old start-up, {} doubtful", own.paired, own.reached, own.doubtful);
    row("  start-up blocks without a counterpart", own.alone(), start_up)?;
    row("other blocks that stay", totals.kept, format!("{} with other pointers", totals.redirected))?;
    row("blocks that are made anew", totals.transformed, format!("{} move", totals.moved))?;
    row("blocks without a type", totals.untyped, String::new())?;
    row("blocks that must not move", totals.pinned, String::new())?;
    row("bytes that are written", totals.bytes, String::new())?;
    if !plan.adapters.is_empty() {
        let libraries = libraries(plan).join(", ");
        output.line(format_args!("  told anew what it had been told, in a process only: {libraries}"))?;
    }
    if !plan.conflicts.is_empty() {
        output.heading("\nWhat stops it")?;
    }
    for conflict in &plan.conflicts {
        ConflictFacts::of(conflict).print(output)?;
    }
    if let Some(first) = plan.conflicts.first() {
        output.line(format_args!("\nmcrx rules explain {} says more of one", first.code.id()))?;
    }
    Ok(())
}

impl ObjectFacts {
    /// `own`: blocks of the old start-up that the program made.
    pub(crate) fn of(totals: &Totals, own: &Counts) -> ObjectFacts {
        let Totals { kept, redirected, transformed, moved, pinned, untyped, paired, changed, .. } = *totals;
        let (start_up, start_up_paired) = (own.reached, own.paired);
        ObjectFacts {
            kept,
            redirected,
            transformed,
            moved,
            pinned,
            untyped,
            paired,
            changed,
            start_up,
            start_up_paired,
        }
    }
}

/// The files' names of libraries that are told anew what they had been told.
fn libraries(plan: &Plan) -> Vec<String> {
    plan.adapters.iter().map(|adapted| adapted.library.clone()).collect()
}
