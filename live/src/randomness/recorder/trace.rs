//! The thread that traces: from one stop to the next.
//!
//! | stop | what is done |
//! |---|---|
//! | at a system call | what is drawn is noted on its way out, the thread goes on |
//! | for a signal | it is delivered |
//! | by job control | the thread stays stopped until that has it go on |
//! | of a new process or thread, an exec | who is who is noted |
//!
//! A report is looked at and left where it is; the thread takes it along when it goes on. So nothing is lost if we end in between.

use super::super::{CALLS, Draw, Drawing, Draws, Place, Source};
use super::{Ended, Opener, Shared};
use crate::hold::raw::{self, CallStop, Reported, Resume};
use crate::hold::report;
use crate::process::status::Status;
use nix::errno::Errno;
use nix::libc::{self, c_long};
use nix::sys::ptrace;
use nix::unistd::Pid;
use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// So many bytes are kept. Start-ups draw some dozens, or a few thousand where they are buffered.
const MOST: usize = 1 << 20;

/// What is known of those that are traced.
pub(super) struct Tracer<'a> {
    shared: &'a Shared,
    /// The child that executes the program.
    first: Pid,
    told: &'a (dyn Fn() + Send + Sync),
    /// Whether the program runs. Before, it is a copy of this process.
    is_program: bool,
    processes: HashMap<Pid, Process>,
    threads: HashMap<Pid, Thread>,
    draws: Vec<Draw>,
    bytes: usize,
}

struct Process {
    /// Nothing of one whose maker is not known.
    path: Option<Vec<u32>>,
    /// How many it has made.
    processes: u32,
    threads: u32,
}

struct Thread {
    process: Pid,
    /// The how many-th of its process.
    ordinal: u32,
    /// What it is about to draw.
    drawing: Option<Drawing>,
}

impl<'a> Tracer<'a> {
    pub(super) fn new(shared: &'a Shared, first: Pid, told: &'a (dyn Fn() + Send + Sync)) -> Tracer<'a> {
        let process = Process { path: Some(Vec::new()), processes: 0, threads: 0 };
        let thread = Thread { process: first, ordinal: 0, drawing: None };
        Tracer {
            shared,
            first,
            told,
            is_program: false,
            processes: HashMap::from([(first, process)]),
            threads: HashMap::from([(first, thread)]),
            draws: Vec::new(),
            bytes: 0,
        }
    }

    /// Traces the child and all that descend from it, until it is to stop, or nobody is left. `gate` lets the child go on.
    pub(super) fn trace(mut self, gate: Opener, deadline: Instant) -> Draws {
        let options = ptrace::Options::PTRACE_O_TRACESYSGOOD
            | ptrace::Options::PTRACE_O_TRACEFORK
            | ptrace::Options::PTRACE_O_TRACEVFORK
            | ptrace::Options::PTRACE_O_TRACECLONE
            | ptrace::Options::PTRACE_O_TRACEEXEC;
        let seized = ptrace::seize(self.first, options).and_then(|()| ptrace::interrupt(self.first));
        if let Err(errno) = seized {
            return Draws::none(format!("`mcrx run` could not trace the server: {}", errno.desc()));
        }
        let mut gate = Some(gate);
        while !self.shared.stop.load(Ordering::SeqCst) {
            if Instant::now() > deadline {
                return self.outcome(Some("its start-up took too long to be recorded to its end"));
            }
            match raw::any_report() {
                Ok((thread, Reported::Stopped(status))) => {
                    self.stopped(thread, status);
                    // From its first stop on it is traced at every call.
                    drop(gate.take());
                }
                // Whoever started it is told that the program cannot be executed, and waits for it.
                Ok((thread, _)) if thread == self.first && !self.is_program => break,
                Ok((thread, Reported::Exited(code))) => self.ended(thread, Ended::Exited(code)),
                Ok((thread, Reported::Killed(signal))) => self.ended(thread, Ended::Killed(signal)),
                Err(Errno::EINTR) => {}
                // Nobody is left.
                Err(_) => break,
            }
            if self.bytes > MOST {
                return self.outcome(Some("its start-up drew more random bytes than are kept"));
            }
        }
        self.outcome(None)
    }

    fn outcome(self, missing: Option<&str>) -> Draws {
        Draws { missing: missing.map(str::to_owned), ..Draws::all(self.draws) }
    }

    /// Takes note of a stop, and has the thread go on.
    fn stopped(&mut self, thread: Pid, status: i32) {
        const STOPS: [i32; 4] = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
        const AT_CALL: i32 = libc::SIGTRAP | 0x80;
        self.appeared(thread);
        let (signal, event) = (status & 0xFF, status >> 8);
        let deliver = match event {
            0 if signal == AT_CALL => {
                self.called(thread);
                0
            }
            0 => signal,
            libc::PTRACE_EVENT_STOP if STOPS.contains(&signal) => {
                // Fails if it was killed this moment, here and below: that is reported next.
                let _ = raw::listen(thread);
                return;
            }
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                if let Some(made) = message(thread) {
                    self.appeared(made);
                }
                0
            }
            libc::PTRACE_EVENT_EXEC => {
                self.executed(thread, message(thread));
                0
            }
            _ => 0,
        };
        let _ = raw::resume_with(thread, Resume::ToSystemCall, deliver);
    }

    /// Takes note of a thread that is seen for the first time. Its own first stop may come before that of its maker.
    fn appeared(&mut self, thread: Pid) {
        if self.threads.contains_key(&thread) {
            return;
        }
        let Some(status) = Status::of(thread) else { return };
        let process = status.process().unwrap_or(thread);
        let ordinal = match self.processes.get_mut(&process) {
            Some(known) => {
                known.threads += 1;
                known.threads
            }
            None => {
                let maker = status.parent().and_then(|parent| self.processes.get_mut(&parent));
                let path = maker.and_then(|maker| {
                    let mut path = maker.path.clone()?;
                    path.push(maker.processes);
                    maker.processes += 1;
                    Some(path)
                });
                self.processes.insert(process, Process { path, processes: 0, threads: 0 });
                0
            }
        };
        self.threads.insert(thread, Thread { process, ordinal, drawing: None });
    }

    /// A process executes another program: of its threads the one is left that did so, and it has the process's number.
    fn executed(&mut self, thread: Pid, former: Option<Pid>) {
        let process = self.threads.get(&thread).map_or(thread, |known| known.process);
        self.threads.retain(|id, known| known.process != process || *id == thread);
        self.threads.insert(thread, Thread { process, ordinal: 0, drawing: None });
        if let Some(former) = former.filter(|former| *former != thread) {
            self.threads.remove(&former);
        }
        self.is_program |= thread == self.first;
    }

    /// A thread is at a system call.
    fn called(&mut self, thread: Pid) {
        if !self.is_program {
            return;
        }
        let Some(known) = self.threads.get_mut(&thread) else { return };
        match raw::call_stop(thread) {
            Ok(CallStop::Entry { number, arguments }) => {
                let number = c_long::try_from(number).unwrap_or(-1);
                known.drawing =
                    CALLS.contains(&number).then(|| Drawing::of(thread, number, &arguments)).flatten();
            }
            Ok(CallStop::Exit(result)) => {
                let drawing = known.drawing.take();
                if let (Some(drawing), Ok(len)) = (drawing, usize::try_from(result)) {
                    self.drew(thread, &drawing, len);
                }
            }
            Ok(CallStop::Elsewhere) | Err(_) => {}
        }
    }

    fn drew(&mut self, thread: Pid, drawing: &Drawing, len: usize) {
        // Too many are not copied: it is said that there are more.
        self.bytes = self.bytes.saturating_add(len);
        let place = self.threads.get(&thread).and_then(|known| {
            let path = self.processes.get(&known.process)?.path.clone()?;
            Some(Place { path, thread: known.ordinal })
        });
        let (Some(place), true) = (place, len > 0 && self.bytes <= MOST) else { return };
        // It was killed this moment, and there is nobody left to whom these bytes matter.
        let Ok(bytes) = drawing.read(thread, len) else { return };
        let (source, asked): (Source, u64) = (drawing.source, drawing.asked());
        self.draws.push(Draw { place, source, asked, bytes });
    }

    /// Takes the report, so that its own parent hears of it; if that is us, nobody else will.
    fn ended(&mut self, thread: Pid, how: Ended) {
        let status = Status::of(thread);
        let is_ours = status
            .is_some_and(|status| status.process() == Some(thread) && status.parent() == Some(Pid::this()));
        report::wait_for_end(thread);
        if let Some(known) = self.threads.remove(&thread)
            && known.process == thread
        {
            self.processes.remove(&thread);
        }
        if is_ours {
            self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner).push((thread, how));
            (self.told)();
        }
    }
}

/// Whom an event is about.
fn message(thread: Pid) -> Option<Pid> {
    let number = ptrace::getevent(thread).ok()?;
    i32::try_from(number).ok().filter(|number| *number > 0).map(Pid::from_raw)
}
