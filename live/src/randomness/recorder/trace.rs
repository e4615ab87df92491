//! The thread that traces: from one stop to the next.
//!
//! | stop | what is done |
//! |---|---|
//! | at a system call | what is drawn is noted on its way out, the thread goes on; if a connection was accepted, it is kept |
//! | for a signal | it is delivered |
//! | by job control | the thread stays stopped until that has it go on |
//! | of a new process or thread, an exec | who is who is noted |
//!
//! A report is looked at and left where it is; the thread takes it along when it goes on. So nothing is lost if we end in between. Only that of a
//! thread that is kept is taken: it holds nothing that could be lost.

use super::super::{CALLS, Draw, Drawing, Draws, Place, Source};
use super::{Ended, INTERVAL, Opener, Shared};
use crate::hold::kept::Kept;
use crate::hold::raw::{self, CallStop, Reported, Resume};
use crate::hold::{interrupted, report};
use crate::process::status::Status;
use nix::errno::Errno;
use nix::libc::{self, c_long};
use nix::sys::ptrace;
use nix::unistd::Pid;
use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// So many bytes are kept. Start-ups draw some dozens, or a few thousand where they are buffered.
const MOST: usize = 1 << 20;

/// How long it may take until all stand still.
const STOPPING: Duration = Duration::from_secs(2);
/// The signal of a stop at a system call.
const AT_CALL: i32 = libc::SIGTRAP | 0x80;

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
    /// Those who have stopped before their maker told of them. They may end before that, too.
    early: HashSet<Pid>,
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
    /// It is about to accept a connection.
    accepting: bool,
}

impl Thread {
    fn new(process: Pid, ordinal: u32) -> Thread {
        Thread { process, ordinal, drawing: None, accepting: false }
    }
}

impl<'a> Tracer<'a> {
    pub(super) fn new(shared: &'a Shared, first: Pid, told: &'a (dyn Fn() + Send + Sync)) -> Tracer<'a> {
        let process = Process { path: Some(Vec::new()), processes: 0, threads: 0 };
        Tracer {
            shared,
            first,
            told,
            is_program: false,
            processes: HashMap::from([(first, process)]),
            threads: HashMap::from([(first, Thread::new(first, 0))]),
            early: HashSet::new(),
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
            if self.shared.open.load(Ordering::SeqCst) {
                self.keep_nobody();
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
        if let Some(kept) = self.stand() {
            let draws = Draws::all(self.draws.clone());
            *self.shared.drawn.lock().unwrap_or_else(PoisonError::into_inner) = Some(draws);
            while !self.shared.open.load(Ordering::SeqCst) {
                std::thread::sleep(INTERVAL);
            }
            // They go on when this thread ends.
            drop(kept);
        } else if !self.shared.kept().threads.is_empty() {
            self.shared.served.store(true, Ordering::SeqCst);
        }
        self.shared.kept().threads.clear();
        self.outcome(None)
    }

    /// Lets all go on who are kept.
    fn keep_nobody(&self) {
        for (thread, _) in self.shared.kept().threads.drain() {
            self.shared.served.store(true, Ordering::SeqCst);
            // Fails if it was killed: that is reported next.
            let _ = raw::resume_with(thread, Resume::ToSystemCall, 0);
        }
    }

    /// Stops all. `None`: some do not, or it is not wanted any more.
    fn stand(&mut self) -> Option<Kept> {
        if self.shared.open.load(Ordering::SeqCst) {
            return None;
        }
        let deadline = Instant::now() + STOPPING;
        let mut standing: HashSet<Pid> = self.shared.kept().threads.keys().copied().collect();
        for thread in self.threads.keys().filter(|thread| !standing.contains(thread)) {
            // Whoever has ended reports that.
            let _ = ptrace::interrupt(*thread);
        }
        while self.threads.keys().any(|thread| !standing.contains(thread)) {
            match raw::report_so_far() {
                Ok(Some((thread, Reported::Stopped(status)))) => {
                    if self.stands(thread, status) {
                        standing.insert(thread);
                    }
                }
                Ok(Some((thread, Reported::Exited(code)))) => self.ended(thread, Ended::Exited(code)),
                Ok(Some((thread, Reported::Killed(signal)))) => self.ended(thread, Ended::Killed(signal)),
                Ok(None) | Err(Errno::EINTR) if Instant::now() < deadline => {
                    std::thread::sleep(INTERVAL / 10)
                }
                Ok(None) | Err(_) => return None,
            }
        }
        // Who was killed meanwhile has none.
        let registers =
            standing.into_iter().filter_map(|thread| Some((thread, ptrace::getregs(thread).ok()?)));
        Some(Kept::these(registers.collect()))
    }

    /// Takes note of a stop, and leaves the thread there. False: a signal was on its way to it, and has to arrive first.
    fn stands(&mut self, thread: Pid, status: i32) -> bool {
        let (signal, event) = (status & 0xFF, status >> 8);
        self.noted(thread, signal, event);
        if event == 0 && signal != AT_CALL {
            let _ = raw::resume_with(thread, Resume::ToSystemCall, signal);
            let _ = ptrace::interrupt(thread);
            return false;
        }
        if event == libc::PTRACE_EVENT_STOP {
            interrupted::repair(thread);
        }
        // It would be reported again and again.
        report::take(thread);
        true
    }

    /// Takes note of what a stop says: of who is made, what is executed, what was drawn. Says which connection was accepted.
    fn noted(&mut self, thread: Pid, signal: i32, event: i32) -> Option<i32> {
        if self.appeared(thread) {
            self.early.insert(thread);
        }
        match event {
            0 if signal == AT_CALL => return self.called(thread),
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                self.made(thread)
            }
            libc::PTRACE_EVENT_EXEC => self.executed(thread, message(thread)),
            _ => {}
        }
        None
    }

    fn outcome(self, missing: Option<&str>) -> Draws {
        Draws { missing: missing.map(str::to_owned), ..Draws::all(self.draws) }
    }

    /// Takes note of a stop, and has the thread go on.
    fn stopped(&mut self, thread: Pid, status: i32) {
        const STOPS: [i32; 4] = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
        let (signal, event) = (status & 0xFF, status >> 8);
        let connection = self.noted(thread, signal, event);
        if connection.is_some_and(|connection| self.keep(thread, connection)) {
            return;
        }
        if event == libc::PTRACE_EVENT_STOP && STOPS.contains(&signal) {
            // Fails if it was killed this moment, here and below: that is reported next.
            let _ = raw::listen(thread);
            return;
        }
        let deliver = if event == 0 && signal != AT_CALL { signal } else { 0 };
        let _ = raw::resume_with(thread, Resume::ToSystemCall, deliver);
    }

    /// Takes note of whom a thread has made.
    fn made(&mut self, maker: Pid) {
        let Some(made) = message(maker) else { return };
        if !self.early.remove(&made) {
            self.appeared(made);
        }
    }

    /// Takes note of a thread that is seen for the first time; false if it is not. Its own first stop may come before that of its maker.
    fn appeared(&mut self, thread: Pid) -> bool {
        if self.threads.contains_key(&thread) {
            return false;
        }
        let Some(status) = Status::of(thread) else { return false };
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
        self.threads.insert(thread, Thread::new(process, ordinal));
        true
    }

    /// A process executes another program: of its threads the one is left that did so, and it has the process's number.
    fn executed(&mut self, thread: Pid, former: Option<Pid>) {
        let process = self.threads.get(&thread).map_or(thread, |known| known.process);
        self.threads.retain(|id, known| known.process != process || *id == thread);
        self.threads.insert(thread, Thread::new(process, 0));
        if let Some(former) = former.filter(|former| *former != thread) {
            self.threads.remove(&former);
        }
        self.is_program |= thread == self.first;
    }

    /// A thread is at a system call. Says which connection it has accepted by it.
    fn called(&mut self, thread: Pid) -> Option<i32> {
        if !self.is_program {
            return None;
        }
        let known = self.threads.get_mut(&thread)?;
        match raw::call_stop(thread) {
            Ok(CallStop::Entry { number, arguments }) => {
                let number = c_long::try_from(number).unwrap_or(-1);
                known.accepting = matches!(number, libc::SYS_accept | libc::SYS_accept4);
                known.drawing =
                    CALLS.contains(&number).then(|| Drawing::of(thread, number, &arguments)).flatten();
                None
            }
            Ok(CallStop::Exit(result)) => {
                let (drawing, accepting) = (known.drawing.take(), std::mem::take(&mut known.accepting));
                if let (Some(drawing), Ok(len)) = (drawing, usize::try_from(result)) {
                    self.drew(thread, &drawing, len);
                }
                i32::try_from(result).ok().filter(|connection| accepting && *connection >= 0)
            }
            Ok(CallStop::Elsewhere) | Err(_) => None,
        }
    }

    /// Leaves a thread where it is. False: nobody is kept any more.
    fn keep(&self, thread: Pid, connection: i32) -> bool {
        if self.shared.open.load(Ordering::SeqCst) {
            self.shared.served.store(true, Ordering::SeqCst);
            return false;
        }
        // It would be reported again and again.
        report::take(thread);
        let mut kept = self.shared.kept();
        kept.threads.insert(thread, connection);
        kept.since.get_or_insert_with(Instant::now);
        true
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
        self.shared.kept().threads.remove(&thread);
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
