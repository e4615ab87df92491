//! `mcrx update`: a running server becomes its next release.

mod course;
mod report;

pub(crate) use course::{Course, claim};
pub(crate) use report::{UndoFacts, print_lost};

use crate::exit::Failure;
use crate::output::Output;
use crate::subject;
use anyhow::Result;
use mcrx_dsl::load::{self, Loaded};
use mcrx_dsl::source::Only;
use mcrx_live::managed::Kind;
use mcrx_live::undo::Undo;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Update a running server to its next release, in place
///
/// The new release is started beside the server, out of sight: in namespaces of its own, where nothing that it does is seen. When it waits for
/// work, the server's threads are held for a moment; what changed in the server since its own start-up is carried over into the new release's
/// memory as types and rules say, that memory takes the old one's place, and the server goes on: with its process numbers, its descriptors, its
/// connections, and new code. What cannot be carried over refuses the update before anything is touched. What fails later is undone.
#[derive(clap::Args)]
#[command(after_help = "\
The server must have been started by `mcrx run`. The new release is started as it was: with its arguments, in its directory, with its environment.

Without --rules only what debug info tells is carried over. Where that leaves a question, the update is refused and the question is told.

`mcrx undo PID` brings the release before back: the rules for that are derived, and remembered, at each update.

Exit codes: 0 done (with --dry-run: it could be done), 2 wrong usage, 3 something is missing or not permitted on this machine, 4 something stops \
it, and the server was not touched, 5 it failed and was undone: the old release goes on, 6 it failed and could not be undone.

Examples:
  mcrx update 4711 ./server-2 --rules server-2.mcrx
  mcrx update 4711 ./server-2 --rules server-2.mcrx --dry-run
  mcrx update 4711 /usr/sbin/nginx --json | jq .pause_ms")]
pub(crate) struct Args {
    /// A process of the server, or the `mcrx run` that looks after it
    #[arg(value_name = "PID")]
    pid: i32,
    /// The new release's program
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,
    /// How memory reads and how it migrates
    #[arg(long, value_name = "RULES")]
    rules: Option<PathBuf>,
    /// Do everything but the switch, and say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Give the new release so many seconds to start
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let (managed, record, alone) = claim(args.pid)?;
    let loaded = rules(args.rules.as_deref(), output)?;
    let executable = args
        .program
        .canonicalize()
        .map_err(|error| Failure::Usage(format!("{}: {error}", args.program.display())))?;
    let course = Course {
        kind: Kind::Update,
        managed,
        record,
        _alone: alone,
        executable: executable.clone(),
        loaded: &loaded,
        file: args.rules.as_deref(),
        dry_run: args.dry_run,
        patience: Duration::from_secs(args.patience),
        lost: &[],
    };
    course.run(&|start| Undo::of(start, &executable, &loaded), output)
}

/// The rules of a file; without one, those of an empty one.
pub(crate) fn rules(file: Option<&Path>, output: &Output) -> Result<Loaded> {
    let loaded = subject::rules::loaded(file, output)?;
    Ok(loaded.unwrap_or_else(|| load::rules(Path::new("no-rules.mcrx"), &Only(""))))
}
