//! `mcrx undo`: a server that was updated goes back to the release before.

use crate::exit::Failure;
use crate::output::Output;
use crate::update::{Course, UndoFacts, claim, print_lost, rules};
use anyhow::Result;
use mcrx_dsl::load::Loaded;
use mcrx_live::managed::Kind;
use mcrx_live::undo::{Lost, Undo, UndoError};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Go back to the release before the last update, in place
///
/// The same as an update, the other way: in the same processes, over the same connections, with all that the server has learnt since. The
/// rules that lead back were derived from those of the update when it was made. An undo that is undone is the update again.
#[derive(clap::Args)]
#[command(after_help = "\
The program of the release before, and the libraries that it was started with, must be there unchanged.

What the rules cannot bring back as it was is listed, and needs --accept-loss. A question that they leave open stops the undo: answer it in \
down { ... } of the rules before the update, or in a file for --rules, which `mcrx rules reverse` begins.

Exit codes: 0 done (with --dry-run: it could be done), 2 wrong usage, 3 something is missing or not permitted on this machine, 4 something stops \
it, and the server was not touched, 5 it failed and was put back: the new release goes on, 6 it failed and could not be put back.

Examples:
  mcrx undo 4711 --dry-run
  mcrx undo 4711
  mcrx undo 4711 --rules back.mcrx --json | jq .outcome")]
pub(crate) struct Args {
    /// A process of the server, or the `mcrx run` that looks after it
    #[arg(value_name = "PID")]
    pid: i32,
    /// How memory migrates back, instead of what was derived
    #[arg(long, value_name = "RULES")]
    rules: Option<PathBuf>,
    /// Go back though some things do not come back as they were
    #[arg(long)]
    accept_loss: bool,
    /// Do everything but the switch, and say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Give the release before so many seconds to start
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let (managed, record, alone) = claim(args.pid)?;
    let undo = managed.undo()?.ok_or(UndoError::Nothing).map_err(refused)?;
    undo.check(record.executable.as_path()).map_err(refused)?;
    let none: &[Lost] = &[];
    let (loaded, lost) = match &args.rules {
        Some(_) => (rules(args.rules.as_deref(), output)?, none),
        None => derived(&undo, args, output)?,
    };
    let release = record.release.clone();
    let course = Course {
        kind: Kind::Undo,
        managed,
        record,
        _alone: alone,
        executable: undo.program().to_owned(),
        loaded: &loaded,
        file: args.rules.as_deref(),
        dry_run: args.dry_run,
        patience: Duration::from_secs(args.patience),
        lost,
    };
    course.run(&|start| undo.turned(start, &loaded, release.clone()), output)
}

/// What `--json` prints where it is refused before anything is looked at.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    outcome: &'static str,
    pid: i32,
    reason: &'static str,
    /// What it would lead back to, and what it would lose.
    #[serde(flatten)]
    undo: UndoFacts,
}

/// The remembered rules, if they answer everything, and what they lose is accepted.
fn derived<'u>(undo: &'u Undo, args: &Args, output: &Output) -> Result<(Loaded, &'u [Lost])> {
    let way = undo.way_back().map_err(refused)?;
    let reason = if undo.holes() > 0 {
        "the rules of the way back leave something open: answer it with --rules FILE, which `mcrx rules reverse` begins"
    } else if !way.lost.is_empty() && !args.accept_loss && !args.dry_run {
        "some things would not come back as they were: go back all the same with --accept-loss"
    } else {
        print_lost(way.lost, output)?;
        return Ok((way.files.load(), way.lost));
    };
    print_lost(way.lost, output)?;
    let undo = UndoFacts::of(undo);
    output.facts(&Facts { schema: "mcrx.undo/1", outcome: "refused", pid: args.pid, reason, undo })?;
    Err(Failure::Refused(format!("the undo was refused, and the server was not touched: {reason}")).into())
}

/// Nothing was touched.
fn refused(error: UndoError) -> Failure {
    Failure::Refused(format!("the update cannot be undone: {error}"))
}
