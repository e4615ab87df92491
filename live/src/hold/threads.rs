//! All threads of what is to be held: finding them, stopping them, letting them go.
//!
//! The tracer of a thread is the thread that seized it, so all of this happens in one.

use super::error::is_restricted;
use super::kept;
use super::report;
use super::thread::{State, Thread};
use super::{Held, HeldProcess, HoldError, Scope};
use crate::process::status::Status;
use nix::errno::Errno;
use nix::unistd::Pid;
use std::collections::HashSet;
use std::fs;
use std::time::{Duration, Instant};

/// How soon threads that have not stopped are looked at again: first, and at the latest. They need the processor more than we do.
const INTERVALS: [Duration; 2] = [Duration::from_micros(20), Duration::from_millis(1)];
/// How often a thread's state is looked at: it may be in an uninterruptible sleep.
const DOUBT: Duration = Duration::from_millis(5);

#[derive(Debug, Default)]
pub(super) struct Threads {
    /// Processes in the order in which they were found, so a parent before its children.
    processes: Vec<Pid>,
    threads: Vec<Thread>,
    /// The numbers of all in `threads`.
    known: HashSet<Pid>,
}

impl Threads {
    pub(super) fn hold(&mut self, scope: Scope, deadline: Instant) -> Result<(), HoldError> {
        // What is not held yet may make more: again until nothing is new, and all that was there stands still.
        while self.seize_new(scope)? {
            self.wait(deadline)?;
        }
        let root = scope.root();
        let stands = |thread: &Thread| thread.process == root && thread.state != State::Gone;
        if self.threads.iter().any(stands) { Ok(()) } else { Err(HoldError::Gone(root)) }
    }

    /// Seizes the threads that are not held yet; says whether there were any.
    fn seize_new(&mut self, scope: Scope) -> Result<bool, HoldError> {
        let before = self.threads.len();
        for process in scope.members() {
            let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else {
                if process == scope.root() {
                    return Err(HoldError::Gone(process));
                }
                continue;
            };
            if !self.processes.contains(&process) {
                self.processes.push(process);
            }
            for task in tasks.flatten() {
                let Some(id) = task.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
                let id = Pid::from_raw(id);
                if self.known.contains(&id) {
                    continue;
                }
                let kept = kept::registers(id).map(|registers| Thread::kept(process, id, registers));
                let thread = match kept.map_or_else(|| Thread::seize(process, id), Ok) {
                    Ok(thread) => thread,
                    Err(errno) => refused(process, id, errno)?,
                };
                self.known.insert(id);
                self.threads.push(thread);
            }
        }
        Ok(self.threads.len() > before)
    }

    /// Waits until every thread that was interrupted has stopped.
    fn wait(&mut self, deadline: Instant) -> Result<(), HoldError> {
        let [mut interval, longest] = INTERVALS;
        let mut doubt = Instant::now() + DOUBT;
        loop {
            self.take_reports();
            if self.threads.iter().all(|thread| thread.state != State::Stopping) {
                return Ok(());
            }
            let now = Instant::now();
            if now > doubt {
                doubt = now + DOUBT;
                for thread in self.threads.iter_mut().filter(|thread| thread.state == State::Stopping) {
                    match thread.kernel_state() {
                        'D' => thread.state = State::Asleep,
                        // An exec by another thread has taken its number from it.
                        'X' => thread.state = State::Gone,
                        state if now > deadline => {
                            let (process, thread) = (thread.process, thread.id);
                            return Err(HoldError::TooSlow { process, thread, state });
                        }
                        _ => {}
                    }
                }
            }
            std::thread::sleep(interval);
            interval = longest.min(interval * 3 / 2);
        }
    }

    /// Takes note of what the kernel has to say by now of threads that did not stand still.
    fn take_reports(&mut self) {
        let awaited = |thread: &&mut Thread| matches!(thread.state, State::Stopping | State::Asleep);
        for thread in self.threads.iter_mut().filter(awaited) {
            if let Some(report) = report::of(thread.id) {
                thread.reported(report);
            }
        }
    }

    /// What stands still.
    pub(super) fn held(&self) -> Held {
        let processes = self.processes.iter().map(|pid| HeldProcess {
            pid: *pid,
            threads: self
                .threads
                .iter()
                .filter(|thread| thread.process == *pid)
                .filter_map(Thread::held)
                .collect(),
        });
        Held { processes: processes.filter(|process| !process.threads.is_empty()).collect() }
    }

    /// A thread by its number.
    pub(super) fn thread(&self, id: Pid) -> Option<&Thread> {
        self.threads.iter().find(|thread| thread.id == id && thread.state != State::Gone)
    }

    /// Those of a process that have not ended.
    pub(super) fn of_process(&self, process: Pid) -> impl Iterator<Item = &Thread> {
        let of_it = move |thread: &&Thread| thread.process == process && thread.state != State::Gone;
        self.threads.iter().filter(of_it)
    }

    pub(super) fn add(&mut self, thread: Thread) {
        self.known.insert(thread.id);
        // In the order of their making, which is that of their numbers but for one in four million.
        let after =
            self.threads.iter().position(|other| other.process == thread.process && other.id > thread.id);
        self.threads.insert(after.unwrap_or(self.threads.len()), thread);
    }

    /// It is the caller's to let it go.
    pub(super) fn withdraw(&mut self, id: Pid) -> Option<Thread> {
        let at = self.threads.iter().position(|thread| thread.id == id)?;
        self.known.remove(&id);
        Some(self.threads.remove(at))
    }

    /// Lets all threads go on. Those that are still asleep are let go by the end of this thread.
    pub(super) fn release(&mut self) {
        self.take_reports();
        self.known.clear();
        for thread in self.threads.drain(..) {
            thread.release();
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.release();
    }
}

/// Why a thread cannot be seized, if that matters.
fn refused(process: Pid, thread: Pid, errno: Errno) -> Result<Thread, HoldError> {
    let gone = Thread { process, id: thread, state: State::Gone, registers: None, job_control: false };
    let Some(status) = Status::of_thread(process, thread) else { return Ok(gone) };
    match (errno, status.tracer()) {
        // A main thread that has ended stays, as a zombie, until the others have.
        _ if status.has_ended() => Ok(gone),
        (Errno::EPERM, Some(tracer)) => Err(HoldError::Traced { process, tracer: described(tracer) }),
        (Errno::EPERM, None) => Err(HoldError::NotPermitted { process, restricted: is_restricted() }),
        _ => Err(HoldError::Other { process, errno }),
    }
}

/// The process that a thread is part of, and its name.
fn described(thread: Pid) -> String {
    match Status::of(thread) {
        Some(status) => format!("{} ({})", status.process().unwrap_or(thread), status.name()),
        None => thread.to_string(),
    }
}
