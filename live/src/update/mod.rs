//! An update: a running server becomes its next release, in the same processes, with all that it has in memory and all its connections.
//!
//! | phase | what happens | the server |
//! |---|---|---|
//! | prepare | rules, debug info, how it was started | serves |
//! | shadow | the new release starts out of sight, and is read when it waits for work | serves |
//! | pair | both start-ups are traced | serves |
//! | hold | all threads stop, each at a point where it only waits | held |
//! | plan | what changed since start-up, what becomes of it, and whether the result holds together | held |
//! | graft | the new release's memory is put beside the old one's | held |
//! | write | what is carried over is written; what the kernel keeps is reconciled | held |
//! | switch | each thread gets what its partner has | held |
//! | clean | the old release's memory goes; each thread gets its partner's registers | held, then new code |
//!
//! Until `graft` nothing of the server has been touched; what is found wrong before refuses the update. What goes wrong later is undone
//! step by step, the last one first.
//!
//! Whoever does this may be killed at any time: see the module `guardian`.
//!
//! What it does not do: print, or keep records of what it did.

mod guardian;
mod lineage;
mod operate;
mod parked;
mod parking;
mod partners;
mod patient;
mod phase;
mod planned;
mod quiescent;
mod shared;
mod succession;
mod waits;

pub use lineage::Lineage;
pub use phase::{Phase, Timed};
pub use planned::PlanError;

use crate::adapters::TellingError;
use crate::birth::{Birth, BirthError};
use crate::capture::{self, CaptureError};
use crate::descriptors::{MergeError, StartUp};
use crate::graft::{ContentError, GraftError, WriteError};
use crate::hold::{HandsError, HoldError, Scope, while_held_then};
use crate::kernel;

use crate::park::Patience;
use crate::process::tree;
use crate::randomness::Draws;
use crate::shadow::{Shadow, ShadowError, Wanted};
use crate::switch::SwitchError;
use guardian::Guardian;
use mcrx_allocator::abi::{ARENA_BASE, REGION_SIZE};
use mcrx_dsl::rules::{Change, Rules};
use mcrx_tracer::image::Image;
use mcrx_tracer::trace::Trace;
use mcrx_transform::pairs::Counts;
use mcrx_transform::plan::{Conflict, Totals};
use mcrx_transform::target::Unwritable;
use mcrx_transform::verify::Finding;
use nix::unistd::Pid;
use operate::{Done, Operation};
use parked::Parked;
use phase::Clock;
use planned::{Planned, Reading, Ready};
use waits::Waits;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// For how long a server may be in the middle of something, whenever it is looked at.
const QUIESCENCE: Duration = Duration::from_secs(5);
/// For how long threads that are in the middle of something may run on while the others are held: the first time, and at most.
const HELD_FOR: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(160)];
/// How much longer a server goes on before it is held once more than it was held in vain.
const BREATH: u32 = 4;

/// How soon it is looked again whether objects that are waited for have gone.
const DRAINING: Duration = Duration::from_millis(50);

/// What is asked for.
pub struct Request<'a> {
    /// The server's first process.
    pub root: Pid,
    /// How it was started.
    pub birth: &'a Birth,
    /// Its memory when its start-up was done.
    pub start: &'a Image,
    /// The descriptors that its start-up had made.
    pub start_descriptors: &'a StartUp,
    /// What its start-up has drawn at random.
    pub draws: &'a Draws,
    /// What earlier updates have carried over.
    pub lineage: &'a Lineage,
    /// The new release's program.
    pub executable: &'a Path,
    /// How memory reads, and how it migrates.
    pub rules: &'a Rules,
    /// Find out all, change nothing.
    pub dry_run: bool,
    /// How long the new release's start-up may take.
    pub patience: Duration,
    /// Writes down what came of it: here, or in another process if this one is killed.
    pub keep: &'a (dyn Fn(&Result<Report, UpdateError>) + Sync),
}

/// How an update went.
pub struct Report {
    /// What came of it.
    pub outcome: Outcome,
    /// How long each phase took.
    pub phases: Vec<Timed>,
    /// For how long no thread of the server executed anything.
    pub held: Option<Duration>,
    /// The processes that were to be updated.
    pub processes: usize,
    /// What was to become of their objects, all processes together.
    pub totals: Totals,
    /// Blocks that the old start-up made.
    pub own_blocks: Counts,
    /// What became of their descriptors.
    pub descriptors: Descriptors,
    /// What could not be tidied up afterwards, and does no harm.
    pub notes: Vec<String>,
}

/// Why there is no report: before anything of the server was touched, but for [`UpdateError::Stuck`].
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// How it was started is not known.
    #[error(transparent)]
    Birth(#[from] BirthError),
    /// The new release does not start.
    #[error(transparent)]
    Shadow(#[from] ShadowError),
    /// A process cannot be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// It cannot be held.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// It cannot be worked in.
    #[error(transparent)]
    Hands(#[from] HandsError),
    /// Nothing can be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The new release's memory cannot be put into it.
    #[error(transparent)]
    Graft(#[from] GraftError),
    /// Or not all of it.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// Nothing can be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The plan writes where nothing is.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// Descriptors could not be reconciled.
    #[error(transparent)]
    Descriptors(#[from] MergeError),
    /// A library could not be told what it is to know.
    #[error(transparent)]
    Telling(#[from] TellingError),
    /// A thread cannot take another's part.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// What a process has mapped is not to be had.
    #[error("what process {pid} has mapped cannot be read: {source}")]
    Unlisted {
        /// Which.
        pid: Pid,
        /// Why.
        source: io::Error,
    },
    /// Nobody would finish or undo it if we were killed.
    #[error("there can be no second process that would undo the update if this one were killed: {0}")]
    NoGuardian(io::Error),
    /// What is done cannot be written down for whoever would have to undo it.
    #[error("what is done cannot be written down in memory: {0}")]
    Ledger(io::Error),
    /// The new release's program.
    #[error("{}: {source}", program.display())]
    Unopened {
        /// Its file.
        program: PathBuf,
        /// Why it cannot be opened.
        source: io::Error,
    },
    /// There is no memory for new blocks.
    #[error("there is no room for new blocks: {0}")]
    NoRoom(io::Error),
    /// It has ended.
    #[error("process {0} has ended")]
    Gone(Pid),
    /// It failed, and could not be undone.
    #[error("the update failed ({because}), and could not be undone: {undone}")]
    Stuck {
        /// Why it failed.
        because: String,
        /// What could not be undone.
        undone: String,
    },
}

/// How many descriptors fared how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Descriptors {
    /// They stay, with all that the kernel has behind them.
    pub kept: usize,
    /// Only the new release has them.
    pub added: usize,
}

impl Descriptors {
    fn add(&mut self, more: Descriptors) {
        self.kept += more.kept;
        self.added += more.added;
    }
}

/// What came of an update.
pub enum Outcome {
    /// The server runs the new release. Its memory as that release's start-up left it is the next update's baseline.
    Committed {
        /// That memory.
        start: Image,
        /// The descriptors that its start-up made.
        start_descriptors: StartUp,
        /// What its start-up has drawn at random.
        draws: Box<Draws>,
        /// What was carried over, for the next update.
        lineage: Lineage,
    },
    /// It could have been done: only that was asked.
    Possible,
    /// Something stops it. The server was not touched.
    Refused(Vec<Refusal>),
    /// Something went wrong, and everything was put back: the old release goes on.
    RolledBack(String),
}

/// What stops an update.
pub enum Refusal {
    /// The plan of a process has a conflict.
    Conflict {
        /// Which process.
        pid: u32,
        /// What.
        conflict: Conflict,
    },
    /// The image that a plan leaves does not hold together.
    Finding {
        /// Which process.
        pid: u32,
        /// What.
        finding: Finding,
    },
    /// Anything else.
    Other(String),
}

/// Updates a server. `told` hears of each phase as it begins; while the server is held it must not take long.
///
/// # Errors
/// [`UpdateError`]
pub fn update(request: &Request<'_>, told: &(dyn Fn(Phase) + Sync)) -> Result<Report, UpdateError> {
    // It is dismissed when all is written down.
    let guardian = Mutex::new(None);
    let report = updated(request, told, &guardian);
    (request.keep)(&report);
    drop(guardian);
    report
}

fn updated(
    request: &Request<'_>,
    told: &(dyn Fn(Phase) + Sync),
    guardian: &Mutex<Option<Guardian>>,
) -> Result<Report, UpdateError> {
    let mut clock = Clock::telling(told);
    clock.enter(Phase::Prepare);
    let reading = Reading::by(request.rules);
    let birth = request.birth.of_release(request.executable)?;
    let wanted = wanted(request)?;
    clock.enter(Phase::Shadow);
    let patience = Patience { limit: request.patience, ..Patience::default() };
    let shadow = Shadow::start(&birth, &wanted, patience)?;
    let parked = Parked::of(&shadow)?;
    let draws = shadow.draws().map_err(ShadowError::Other)?;
    drop(shadow);
    clock.enter(Phase::Pair);
    let none = Lineage::default();
    let start = &request.start.processes;
    let known = (reading.known(start)?, reading.known(&parked.processes)?);
    let (done, planned, held) = reading.traced((start, &known.0), &none, |start| {
        reading.traced((&parked.processes, &known.1), &none, |new| {
            operated(request, &reading, (start, new), (&parked, &draws), guardian, &mut clock)
        })
    })?;
    let mut report = Report::of(&planned, held);
    report.outcome = match done {
        Done::Switched(descriptors, notes, lineage) => {
            report.descriptors = descriptors;
            report.notes = notes;
            committed(request, &parked, &draws, lineage)
        }
        Done::Possible => Outcome::Possible,
        Done::Refused(refusals) => Outcome::Refused(refusals),
        Done::Busy(why) | Done::Elsewhere(why) => Outcome::Refused(vec![Refusal::Other(why)]),
        Done::Undone(why) => Outcome::RolledBack(why),
    };
    report.phases = clock.finish();
    Ok(report)
}

/// Rehearses, and then holds the server until it is found to be only waiting. What rules say is to be waited for is waited for in between.
fn operated<'t>(
    request: &Request<'_>,
    reading: &'t Reading<'_>,
    (start, new): (&'t [Trace<'t>], &'t [Trace<'t>]),
    (parked, draws): (&Parked, &Draws),
    guardian: &Mutex<Option<Guardian>>,
    clock: &mut Clock<'_>,
) -> Result<(Done, Vec<Planned>, Duration), UpdateError> {
    let mut attempts = Attempts {
        request,
        reading,
        parked,
        draws,
        guardian,
        ready: reading.prepared(start, new)?,
        waits: Waits::of(start, new, request.rules),
    };
    let drained = Instant::now() + drained_within(request.rules);
    loop {
        clock.enter(Phase::Rehearse);
        let (outcome, planned, held) = attempts.until_it_rests(&mut |operation, survey| {
            let scope = Scope::Tree(request.root);
            let (copied, held) =
                while_held_then(scope, |held, hands| operation.copy(held, hands, survey), |copied| copied)?;
            let (outcome, planned) = match copied? {
                Err(busy) => (Some(Done::Busy(busy)), Vec::new()),
                Ok(copied) => operation.rehearse(&copied)?,
            };
            Ok((outcome, planned, held))
        })?;
        let attempt = match outcome {
            Some(done) => (done, planned, held),
            None => attempts
                .until_it_rests(&mut |operation, survey| {
                    clock.enter(Phase::Hold);
                    let scope = Scope::Tree(request.root);
                    let (outcome, held) = while_held_then(
                        scope,
                        |held, hands| operation.run(held, hands, survey, clock),
                        |outcome| outcome,
                    )?;
                    let (done, planned) = outcome?;
                    Ok((Some(done), planned, held))
                })
                .map(|(done, planned, held)| (done.unwrap_or(Done::Possible), planned, held))?,
        };
        if request.dry_run || !attempt.0.waits_for_objects() || Instant::now() > drained {
            return Ok(attempt);
        }
        std::thread::sleep(DRAINING.max(attempt.2 * BREATH));
    }
}

/// What each attempt works with.
struct Attempts<'a, 't> {
    request: &'a Request<'a>,
    reading: &'a Reading<'a>,
    parked: &'a Parked,
    draws: &'a Draws,
    guardian: &'a Mutex<Option<Guardian>>,
    ready: Vec<Ready<'t>>,
    waits: Waits,
}

/// What came of one, nothing if nothing stops what is to follow; and for how long the server was held.
type Attempt = (Option<Done>, Vec<Planned>, Duration);

impl Attempts<'_, '_> {
    /// Once more as long as a thread is in the middle of something, but not for ever.
    fn until_it_rests(
        &mut self,
        attempt: &mut dyn FnMut(&mut Operation<'_, '_>, capture::Survey) -> Result<Attempt, UpdateError>,
    ) -> Result<Attempt, UpdateError> {
        let Attempts { request, reading, parked, draws, guardian, ready, waits } = self;
        let deadline = Instant::now() + QUIESCENCE;
        let ([mut patience, longest], mut elsewhere) = (HELD_FOR, None);
        loop {
            let survey = capture::Survey::of(Scope::Tree(request.root))?;
            let members = tree::with_descendants(request.root).into_iter();
            let kernel: Vec<_> = members.map(|pid| (pid, kernel::Survey::of(pid))).collect();
            let mut operation = Operation {
                reading,
                ready,
                parked,
                kernel: &kernel,
                lineage: request.lineage,
                request,
                draws,
                guardian,
                waits,
                start_descriptors: request.start_descriptors,
                patience,
                dry_run: request.dry_run,
            };
            let (mut done, planned, held) = attempt(&mut operation, survey)?;
            if let Some(Done::Elsewhere(why)) = &done {
                elsewhere = Some(why.clone());
            }
            match (&done, &elsewhere) {
                (Some(Done::Busy(_) | Done::Elsewhere(_)), _) if Instant::now() < deadline => {
                    std::thread::sleep(held * BREATH);
                    patience = longest.min(patience * 2);
                    continue;
                }
                // That says more.
                (Some(Done::Busy(_)), Some(why)) => done = Some(Done::Elsewhere(why.clone())),
                _ => {}
            }
            return Ok((done, planned, held));
        }
    }
}

/// For how long rules want to wait for objects to go, at most.
fn drained_within(rules: &Rules) -> Duration {
    let within = rules.changes.iter().filter_map(|change| match &change.is {
        Change::Drain { within, .. } => Some(Duration::from_millis(within.is.0)),
        _ => None,
    });
    within.max().unwrap_or_default()
}

/// What the server runs on from now.
fn committed(request: &Request<'_>, parked: &Parked, draws: &Draws, lineage: Lineage) -> Outcome {
    let start_descriptors = parked.start_descriptors();
    let start = Image { processes: parked.processes.clone(), taken: request.start.taken.clone() };
    Outcome::Committed { start, start_descriptors, draws: Box::new(draws.clone()), lineage }
}

/// What the new release is to have of the old one's, and what not.
fn wanted(request: &Request<'_>) -> Result<Wanted, UpdateError> {
    let root = request.root;
    let unreadable = |source| CaptureError::Unreadable { process: root, source };
    let mut wanted = Wanted::of(root).map_err(unreadable)?;
    let started = request.birth.started.as_ref().map(|started| started.pid);
    wanted.daemonised = started.is_some_and(|pid| pid != root.as_raw());
    wanted.epoch = free_epoch(&wanted);
    wanted.taken = request.start_descriptors.later(tree::with_descendants(root));
    wanted.draws.clone_from(&request.draws.draws);
    Ok(wanted)
}

/// An epoch whose region no process of the server has.
fn free_epoch(wanted: &Wanted) -> Option<u32> {
    /// So many regions there are room for.
    const MOST: u32 = 32;
    let is_free = |epoch: &u32| {
        let start = ARENA_BASE + u64::from(*epoch) * REGION_SIZE;
        let overlaps = |range: &std::ops::Range<u64>| range.start < start + REGION_SIZE && start < range.end;
        !wanted.avoided.iter().any(overlaps)
    };
    (0..MOST).find(is_free)
}

impl Report {
    fn of(planned: &[Planned], held: impl Into<Option<Duration>>) -> Report {
        let mut totals = Totals::default();
        let mut own_blocks = Counts::default();
        for one in planned {
            totals.add(&one.plan.totals);
            own_blocks.add(&one.own_blocks);
        }
        Report {
            outcome: Outcome::Possible,
            phases: Vec::new(),
            held: held.into(),
            processes: planned.len(),
            totals,
            own_blocks,
            descriptors: Descriptors::default(),
            notes: Vec::new(),
        }
    }
}
