//! `mcrx plan`: what an update would do, and what stops it.

use crate::exit::Failure;
use crate::output::Output;
use crate::subject::names;
use anyhow::Result;
use mcrx_tracer::trace::Trace;
use mcrx_transform::plan::{Conflict, Plan, Totals};
use serde::Serialize;
use transition::{Planned, Transition, Which};

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
    conflicts: Vec<ConflictFacts>,
}

#[derive(Serialize)]
struct ObjectFacts {
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

#[derive(Serialize)]
struct ConflictFacts {
    code: &'static str,
    message: String,
    /// The type or variable.
    object: String,
    member: String,
    /// How many objects.
    objects: u64,
    /// Of the first of them; nothing where it is about none.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// From a root to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// What settles it.
    rule: &'static str,
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
    let Planned { plan, now, pairs, .. } = planned;
    let Totals { kept, redirected, transformed, moved, pinned, untyped, paired, changed, bytes } =
        plan.totals;
    let (pid, new_pid) = transition.pids();
    PlanFacts {
        pid,
        new_pid,
        objects: ObjectFacts {
            kept,
            redirected,
            transformed,
            moved,
            pinned,
            untyped,
            paired,
            changed,
            start_up: pairs.own_blocks.reached,
            start_up_paired: pairs.own_blocks.paired,
        },
        bytes,
        conflicts: plan.conflicts.iter().map(|conflict| ConflictFacts::of(conflict, now)).collect(),
    }
}

pub(crate) fn print(planned: &Planned<'_>, transition: &Transition, output: &Output) -> Result<()> {
    let Planned { plan, now, pairs, .. } = planned;
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
    if !plan.conflicts.is_empty() {
        output.heading("\nWhat stops it")?;
    }
    for conflict in &plan.conflicts {
        let facts = ConflictFacts::of(conflict, now);
        let member = if facts.member.is_empty() { String::new() } else { format!(" {}", facts.member) };
        let many = if facts.objects > 1 { format!(", {} of them", facts.objects) } else { String::new() };
        output.line(format_args!("{} {}{member}: {}{many}", facts.code, facts.object, facts.message))?;
        if let (Some(address), path) = (facts.address, facts.path.unwrap_or_default()) {
            let by = if path.is_empty() { String::new() } else { format!(", by {path}") };
            output.line(format_args!("        at {address}{by}"))?;
        }
        output.line(format_args!("        {}", facts.rule))?;
    }
    Ok(())
}

impl ConflictFacts {
    fn of(conflict: &Conflict, now: &Trace<'_>) -> ConflictFacts {
        let there = (conflict.address != 0).then_some(conflict.address);
        ConflictFacts {
            code: conflict.code.id(),
            message: conflict.message.clone(),
            object: conflict.object.clone(),
            member: conflict.member.clone(),
            objects: conflict.objects,
            address: there.map(|address| format!("{address:#x}")),
            path: there.and_then(|address| names::path(now, address)),
            rule: conflict.code.advice(),
        }
    }
}
