//! An update from its beginning to what is written down of it: the same for one that leads forward and for one that leads back.

use super::report;
use crate::exit::Failure;
use crate::output::Output;
use crate::run::tables_of_release;
use anyhow::{Context as _, Result};
use mcrx_dsl::load::Loaded;
use mcrx_live::birth::Birth;
use mcrx_live::control;
use mcrx_live::managed::{self, Attempt, Kind, Lock, Managed, Record};
use mcrx_live::undo::{Lost, Undo};
use mcrx_live::update::{Outcome, Phase, Report, Request, UpdateError, update};
use mcrx_tracer::image::Image;
use nix::unistd::Pid;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is to be done.
pub(crate) struct Course<'a> {
    pub(crate) kind: Kind,
    pub(crate) managed: Managed,
    pub(crate) record: Record,
    /// Nobody else updates it meanwhile.
    pub(crate) _alone: Lock,
    /// What the server is to run.
    pub(crate) executable: PathBuf,
    pub(crate) loaded: &'a Loaded,
    /// The file that the rules are in; nothing where they come from elsewhere.
    pub(crate) file: Option<&'a Path>,
    pub(crate) dry_run: bool,
    pub(crate) patience: Duration,
    /// What the rules are known not to bring back.
    pub(crate) lost: &'a [Lost],
}

/// What it takes to undo what is about to be done, by the memory of the release that runs, as its start-up left it.
pub(crate) type Undoing<'a> = &'a dyn Fn(&Image) -> Undo;

impl Course<'_> {
    /// Does it, writes down what came of it, and prints that.
    pub(crate) fn run(&self, undoing: Undoing<'_>, output: &Output) -> Result<()> {
        let began = Instant::now();
        // Whoever looks after the server hears when it is over, too, and if we are killed. It may be gone itself.
        let _told = (!self.dry_run).then(|| control::announce(&self.managed, &self.executable).ok());
        let birth = Birth::read(&self.managed.birth())?;
        let start = self.managed.start()?;
        let phase = output.phase("reading both releases");
        if let Err(error) = tables_of_release(&birth, &self.executable, &self.loaded.rules, output) {
            output.narrate(format_args!("blocks are not followed through wrappers of malloc: {error:#}"));
        }
        let undo = undoing(&start);
        drop(phase);
        let descriptors = self.managed.start_descriptors()?;
        let draws = self.managed.draws()?;
        if let Some(missing) = &draws.missing {
            output.narrate(format_args!(
                "not all random numbers of the server's start-up are known: {missing}"
            ));
        }
        let lineage = self.managed.lineage()?;
        let kept = Mutex::new(Ok(()));
        let request = Request {
            root: self.record.root(),
            birth: &birth,
            start: &start,
            start_descriptors: &descriptors,
            draws: &draws,
            lineage: &lineage,
            executable: &self.executable,
            rules: &self.loaded.rules,
            dry_run: self.dry_run,
            patience: self.patience,
            keep: &|report| {
                let outcome = self.keep(report, &undo, began.elapsed());
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
            },
        };
        let showing = Mutex::new(None);
        let report = update(&request, &|phase: Phase| {
            let mut shown = showing.lock().unwrap_or_else(PoisonError::into_inner);
            *shown = None;
            // Nothing that draws may run while the server is held.
            *shown = (!phase.is_held()).then(|| output.phase(phase.described()));
        });
        drop(showing);
        report::print(&report.map_err(|error| self.failure(error))?, self, &undo, output)?;
        kept.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next update begins with this one's outcome.
    fn keep(&self, report: &Result<Report, UpdateError>, undo: &Undo, took: Duration) -> Result<()> {
        if let Ok(Report {
            outcome: Outcome::Committed { start, start_descriptors, draws, lineage }, ..
        }) = report
        {
            let build_id = start.processes.first().and_then(|process| {
                let program = process.modules.iter().find(|module| module.path == process.executable);
                Some(program?.build_id.as_ref()?.to_string())
            });
            let record = self.record.clone().updated(&self.executable, build_id, self.release());
            let kept = || -> Result<(), managed::ManagedError> {
                self.managed.keep_lineage(lineage)?;
                self.managed.keep_draws(draws)?;
                self.managed.keep_start(start, start_descriptors)?;
                self.managed.keep_undo(undo)?;
                self.managed.keep(&record)
            };
            kept().context("the update is done, but the next one will not be possible")?;
        }
        let Some((outcome, held)) = outcome(report).filter(|_| !self.dry_run) else { return Ok(()) };
        let programs = (self.record.executable.as_path(), self.executable.as_path());
        let attempt = Attempt::now(self.kind, programs, outcome, held, took);
        self.managed.add_attempt(attempt).context("it cannot be written down that this was tried")
    }

    /// What the rules call what the server is to run.
    pub(super) fn release(&self) -> Option<String> {
        self.loaded.rules.to.as_ref().map(|name| name.is.clone())
    }

    /// What it means for the server that there is no report.
    fn failure(&self, error: UpdateError) -> anyhow::Error {
        match error {
            UpdateError::Plan(error) => {
                Failure::Refused(format!("the {} was refused: {error}", self.kind.name())).into()
            }
            UpdateError::Stuck { .. } => Failure::Unknown(error.to_string()).into(),
            error => error.into(),
        }
    }
}

/// A server that nobody else updates from here on.
pub(crate) fn claim(pid: i32) -> Result<(Managed, Record, Lock)> {
    let (managed, _) = Managed::find(Pid::from_raw(pid))?;
    let alone = managed.lock()?;
    // Whoever had it before may have changed that.
    let record = managed.record()?;
    Ok((managed, record, alone))
}

/// What came of it for the server. Nothing: something on this machine was missing, and nothing was tried.
fn outcome(report: &Result<Report, UpdateError>) -> Option<(managed::Outcome, Option<Duration>)> {
    Some(match report {
        Ok(report) => {
            let outcome = match &report.outcome {
                Outcome::Committed { .. } => managed::Outcome::Committed,
                Outcome::Possible => return None,
                Outcome::Refused(_) => managed::Outcome::Refused,
                Outcome::RolledBack(_) => managed::Outcome::RolledBack,
            };
            (outcome, report.held)
        }
        Err(UpdateError::Plan(_)) => (managed::Outcome::Refused, None),
        Err(UpdateError::Stuck { .. }) => (managed::Outcome::Unknown, None),
        Err(_) => return None,
    })
}
