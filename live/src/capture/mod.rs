//! An image of live processes, all as they were at one instant.
//!
//! ```text
//!  before      survey: what is mapped, files opened, buffers made and their pages touched
//!  held        the list of mappings again (what changed is surveyed again), which pages were written, copy of those
//!  afterwards  the rest: modules, thread-local storage, the image put together
//! ```
//!
//! Copied is what a process has of its own, page by page: its heap, stacks, data, what the dynamic linker relocated. Code and read-only
//! data come from the files, opened while the process had them, if the same file is still found by its path; otherwise they are copied
//! too. Shared memory is copied once for all processes that share it.
//!
//! The time held grows with what is copied, at several gigabytes a second.
//!
//! What it does not do: write files, or say what anything means. Writers outside of the held processes are not stopped: shared memory
//! that they write to is not of one instant.

mod copy;
mod describe;
mod files;
mod instant;
mod kept;
mod loaded;
mod modules;
mod plan;
mod shared;

pub use loaded::loaded;

use crate::hold::{Hands, Held, HoldError, Scope, while_held_then};
use crate::process::pages::Pages;
use crate::process::status::{Status, live_thread};
use crate::process::tree;
use describe::Facts;
use files::Files;
use kept::Prepared;
use mcrx_tracer::image::{Image, Memory, Overlap, Process, Segment, Taken, Thread};
use nix::unistd::Pid;
use plan::Plan;
use shared::SharedMemory;
use std::collections::HashMap;
use std::io;
use std::time::SystemTime;

/// From so many bytes on, a process is cloned: there a clone takes as long as a copy.
const CLONED_FROM: u64 = 8 << 20;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The processes could not be held.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// It ended as it was looked at. If it was the one that was named, there is nothing to ask again for.
    #[error("process {0} ended while it was read")]
    Gone(Pid),
    /// The kernel does not say what must be known of it.
    #[error("process {process} cannot be read: {source}")]
    Unreadable {
        /// Which.
        process: Pid,
        /// What the kernel said instead.
        source: io::Error,
    },
    /// We have no memory for it.
    #[error("no room for the memory of process {process}: {source}")]
    NoRoom {
        /// Which.
        process: Pid,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel's list of mappings has two for one address. It never does.
    #[error("process {process}: {source}")]
    Overlap {
        /// Which.
        process: Pid,
        /// Where.
        source: Overlap,
    },
}

impl CaptureError {
    /// What an error of reading something below `/proc/PID` means.
    fn of(process: Pid, source: io::Error) -> CaptureError {
        let gone =
            source.kind() == io::ErrorKind::NotFound || source.raw_os_error() == Some(nix::libc::ESRCH);
        if gone { CaptureError::Gone(process) } else { CaptureError::Unreadable { process, source } }
    }
}

/// One process on its way into an image.
struct Subject {
    pid: Pid,
    facts: Facts,
    plan: Plan,
    threads: Vec<Thread>,
    /// It may be cloned.
    prepared: Option<Prepared>,
}

/// What all processes have in common.
#[derive(Default)]
struct Common {
    files: Files,
    shared: SharedMemory,
}

/// How the memory of held processes is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// By a clone of each process that has so much memory of its own that this takes less time, and can be cloned.
    #[default]
    Quickest,
    /// Copied while they are held.
    Copy,
    /// By a clone of each process that can be cloned, however small.
    Clone,
}

/// Captures one process, or a server with all its processes, in the quickest way. They are held while what they have written is copied or
/// cloned; how long that was is in [`Taken::held`], which of both it was in [`Taken::method`].
///
/// # Errors
/// [`CaptureError`]: whatever happens, nothing is held any more, and no clone is left.
pub fn capture(scope: Scope) -> Result<Image, CaptureError> {
    capture_by(scope, Choice::Quickest)
}

/// As [`capture`], in a way that is chosen.
///
/// # Errors
/// [`CaptureError`]: whatever happens, nothing is held any more, and no clone is left.
pub fn capture_by(scope: Scope, choice: Choice) -> Result<Image, CaptureError> {
    match attempt(scope, choice)? {
        Some(image) => Ok(image),
        // A clone was killed, or the process has changed what its children get just now.
        None => attempt(scope, Choice::Copy)?.ok_or(CaptureError::Gone(scope.root())),
    }
}

/// `None`: a clone was not what it should be.
fn attempt(scope: Scope, choice: Choice) -> Result<Option<Image>, CaptureError> {
    let mut survey = Survey::by(scope, choice)?;
    let at = SystemTime::now();
    let (outcome, held) = while_held_then(
        scope,
        |held, hands| instant::read(held, hands, scope.root(), &mut survey.subjects, &mut survey.common),
        |instant| instant?.finish(),
    )?;
    let Some((subjects, method)) = outcome? else { return Ok(None) };
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    let taken = Taken { at, held, method, kernel, redacted: false };
    Ok(Some(Image { processes: finished(subjects, survey.common)?, taken }))
}

/// What is known of processes before they are held, for who holds them himself and needs their image meanwhile.
pub struct Survey {
    root: Pid,
    subjects: HashMap<Pid, Subject>,
    common: Common,
}

impl Survey {
    /// Looks at the processes as they run, so that little is left to do while they are held.
    ///
    /// # Errors
    /// See [`CaptureError`].
    pub fn of(scope: Scope) -> Result<Survey, CaptureError> {
        Survey::by(scope, Choice::Copy)
    }

    fn by(scope: Scope, choice: Choice) -> Result<Survey, CaptureError> {
        copy::processors();
        let mut common = Common::default();
        let subjects = survey(scope, &mut common, choice)?;
        Ok(Survey { root: scope.root(), subjects, common })
    }

    /// Copies what the processes have at this moment, in which they are held.
    ///
    /// # Errors
    /// See [`CaptureError`].
    pub fn copy(mut self, held: &Held, hands: &Hands<'_>) -> Result<Vec<Process>, CaptureError> {
        let instant = instant::read(held, hands, self.root, &mut self.subjects, &mut self.common)?;
        match instant.finish()? {
            Some((subjects, _)) => finished(subjects, self.common),
            None => Err(CaptureError::Gone(self.root)),
        }
    }
}

fn finished(subjects: Vec<Subject>, common: Common) -> Result<Vec<Process>, CaptureError> {
    let shared = common.shared.finish();
    subjects.into_iter().map(|subject| finish(subject, &shared)).collect()
}

/// Looks at the processes as they run, so that little is left to do while they are held. What cannot be looked at is left for then.
fn survey(scope: Scope, common: &mut Common, choice: Choice) -> Result<HashMap<Pid, Subject>, CaptureError> {
    let root = scope.root();
    let members = match scope {
        Scope::Process(pid) => vec![pid],
        Scope::Tree(pid) => tree::with_descendants(pid),
    };
    let mut surveyed = HashMap::new();
    for pid in members {
        if pid == Pid::this() {
            continue;
        }
        match Subject::survey(pid, common) {
            Ok(mut subject) => {
                subject.plan.touch(pid).map_err(|source| CaptureError::of(pid, source))?;
                let worth = match choice {
                    Choice::Quickest => subject.plan.bytes() >= CLONED_FROM,
                    Choice::Copy => false,
                    Choice::Clone => true,
                };
                subject.prepared = if worth { Prepared::of(pid) } else { None };
                surveyed.insert(pid, subject);
            }
            // It comes and goes. The root is told of when it cannot be held, in better words.
            Err(CaptureError::Gone(_)) => {}
            Err(error) if pid == root => return Err(error),
            Err(_) => {}
        }
    }
    Ok(surveyed)
}

impl Subject {
    fn survey(pid: Pid, common: &mut Common) -> Result<Subject, CaptureError> {
        let unreadable = |source| CaptureError::of(pid, source);
        let thread = live_thread(pid).ok_or(CaptureError::Gone(pid))?;
        let facts = Facts::of(pid, thread).map_err(unreadable)?;
        let maps = plan::list(thread).map_err(unreadable)?;
        let mut pages = Pages::of(thread).map_err(unreadable)?;
        let plan = Plan::new(thread, maps, common, &mut pages, Vec::new()).map_err(|error| error.of(pid))?;
        Ok(Subject { pid, facts, plan, threads: Vec::new(), prepared: None })
    }
}

/// What needs no process any more.
fn finish(subject: Subject, shared: &shared::Contents) -> Result<Process, CaptureError> {
    let Subject { pid: process, facts, plan, threads, .. } = subject;
    let (mappings, segments): (_, Vec<Segment>) = plan.finish(shared);
    let memory = Memory::new(segments).map_err(|source| CaptureError::Overlap { process, source })?;
    let modules = modules::find(&mappings, &memory);
    Ok(Process {
        pid: facts.pid,
        parent: facts.parent,
        name: facts.name,
        executable: facts.executable,
        modules,
        mappings: mappings.iter().map(describe::mapping).collect(),
        threads,
        memory,
    })
}
