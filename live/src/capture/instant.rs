//! The instant itself: what is read of held processes, and what of their twins afterwards.

use super::copy::{self, Job};
use super::describe::{self, Facts};
use super::kept::{Kept, Prepared};
use super::plan::{self, Plan};
use super::{CaptureError, Common, Subject};
use crate::hold::{Hands, Held, Twin};
use crate::process::memory::ProcessMemory;
use crate::process::pages::Pages;
use mcrx_tracer::image::Method;
use nix::unistd::Pid;
use std::collections::HashMap;

/// Processes of which all is known, and of some only what their twins do not have.
pub(super) struct Instant(Vec<(Subject, Option<Cloned>)>);

/// Where the rest of a process's memory is.
struct Cloned {
    twin: Twin,
    kept: Kept,
    prepared: Prepared,
}

/// While nothing moves: what has changed since the survey, and the copy.
pub(super) fn read(
    held: &Held,
    hands: &Hands<'_>,
    root: Pid,
    surveyed: &mut HashMap<Pid, Subject>,
    common: &mut Common,
) -> Result<Instant, CaptureError> {
    let mut subjects = Vec::new();
    let mut direct = Vec::new();
    for process in &held.processes {
        let pid = process.pid;
        let unreadable = |source| CaptureError::of(pid, source);
        // Any thread that is held has memory.
        // Some may have been run on since they were held, have ended, or been made.
        let threads = hands.threads(pid);
        let thread = threads.first().map_or(pid, |thread| thread.id);
        let mut pages = Pages::of(thread).map_err(unreadable)?;
        let maps = plan::list(thread).map_err(unreadable)?;
        let mut subject = match surveyed.remove(&pid) {
            Some(subject) if subject.plan.is_of(&maps) => subject,
            Some(Subject { facts, plan, prepared, .. }) => {
                let plan = Plan::new(thread, maps, common, &mut pages, plan.into_areas())
                    .map_err(|error| error.of(pid))?;
                Subject { pid, facts, plan, threads: Vec::new(), prepared }
            }
            None => match Subject::survey(pid, common) {
                // Nothing ends while it is held, but it can be killed.
                Err(CaptureError::Gone(_)) if pid != root => continue,
                subject => subject?,
            },
        };
        // It may have called itself something else since.
        subject.facts = Facts::of(pid, thread).unwrap_or(subject.facts);
        subject.threads = threads.iter().map(|thread| describe::thread(pid, thread)).collect();
        let cloned = match subject.prepared.take() {
            Some(prepared) => cloned(pid, thread, prepared, hands, &mut pages)?,
            None => None,
        };
        if cloned.is_none() {
            subject.plan.look(thread, &mut pages).map_err(|error| error.of(pid))?;
            direct.push((subjects.len(), ProcessMemory::of(thread)));
        }
        subjects.push((subject, cloned));
    }
    copy(&mut subjects, &direct);
    common.shared.copy();
    Ok(Instant(subjects))
}

/// Clones a process, and keeps what the clone does not have. `None`: it cannot be cloned, but copied.
fn cloned(
    pid: Pid,
    thread: Pid,
    prepared: Prepared,
    hands: &Hands<'_>,
    pages: &mut Pages,
) -> Result<Option<Cloned>, CaptureError> {
    let Ok(twin) = hands.twin(pid, &prepared.code) else { return Ok(None) };
    let mut kept = prepared.keep(thread, pages).map_err(|source| CaptureError::of(pid, source))?;
    let (address, bytes) = twin.original();
    kept.add(address, bytes);
    Ok(Some(Cloned { twin, kept, prepared }))
}

/// Copies what the plans of some subjects want, from where it is.
fn copy(subjects: &mut [(Subject, Option<Cloned>)], from: &[(usize, ProcessMemory)]) {
    let mut jobs: Vec<Job<'_>> = Vec::new();
    let mut sources = from.iter().peekable();
    for (number, (subject, _)) in subjects.iter_mut().enumerate() {
        if let Some((_, memory)) = sources.next_if(|(wanted, _)| *wanted == number) {
            subject.plan.jobs(memory, &mut jobs);
        }
    }
    let unread = copy::run(jobs);
    for (number, memory) in from {
        let of_this = unread.iter().filter(|unread| unread.process == memory.thread());
        if let Some((subject, _)) = subjects.get_mut(*number) {
            subject.plan.leave_out(of_this.map(|unread| unread.range.clone()).collect());
        }
    }
}

impl Instant {
    /// When the processes have gone on: what their twins have. `None`: one was killed, or does not have what it should.
    pub(super) fn finish(self) -> Result<Option<(Vec<Subject>, Method)>, CaptureError> {
        let mut subjects = self.0;
        let mut sources = Vec::new();
        for (number, (subject, cloned)) in subjects.iter_mut().enumerate() {
            let Some(cloned) = cloned else { continue };
            let (pid, twin) = (subject.pid, cloned.twin.id());
            let whole = cloned.prepared.covers(&subject.plan, twin).unwrap_or(false);
            let pages = Pages::of(twin);
            let (true, Ok(mut pages)) = (whole, pages) else { return Ok(None) };
            match subject.plan.look(twin, &mut pages) {
                Err(_) if !cloned.twin.is_alive() => return Ok(None),
                outcome => outcome.map_err(|error| error.of(pid))?,
            }
            sources.push((number, ProcessMemory::of(twin)));
        }
        let method = if sources.is_empty() { Method::Copy } else { Method::Clone };
        copy(&mut subjects, &sources);
        for (subject, cloned) in &mut subjects {
            let Some(cloned) = cloned else { continue };
            if !cloned.twin.is_alive() {
                return Ok(None);
            }
            cloned.kept.put_into(&mut subject.plan);
        }
        Ok(Some((subjects.into_iter().map(|(subject, _)| subject).collect(), method)))
    }
}
