//! Contains `unsafe`: holding a process still for a moment.
//!
//! Every thread is seized and interrupted by ptrace(2), from a thread made for the purpose: when that thread ends, however it
//! ends, the kernel lets go of whatever it still holds. So a held process goes on when we return, fail, panic or are
//! killed. We cannot be stopped from the keyboard meanwhile either, for then it would stand still with us.
//!
//! A thread in an uninterruptible sleep is as good as held: it executes nothing of the program before it stops. It is not
//! waited for.
//!
//! What the process may notice: calls that signal(7) lists as ending with `EINTR` after a stop, `epoll_wait` among them, do so.

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::unistd::Pid;
use rustix::process::{WaitOptions, waitpid};
use std::fs;
use std::time::{Duration, Instant};

/// How long threads may take to stop. Sixty-four of them take less than a millisecond.
const PATIENCE: Duration = Duration::from_secs(2);
/// How soon threads that have not stopped are looked at again.
const INTERVAL: Duration = Duration::from_micros(50);
/// After this long a thread's state is looked at: it may be in an uninterruptible sleep.
const DOUBT: Duration = Duration::from_millis(5);

/// Why a process could not be held.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HoldError {
    #[error("it has ended")]
    Gone,
    #[error("process {0} traces it, as debuggers do; let that end first")]
    Traced(String),
    #[error("not permitted")]
    NotPermitted,
    #[error("thread {thread} (state {state}) does not stop")]
    TooSlow { thread: Pid, state: char },
    #[error("ptrace: {0}")]
    Other(Errno),
}

/// Does `work` while no thread of the process executes anything; says how long that was.
pub(super) fn while_held<T: Send>(
    process: Pid,
    work: impl FnOnce() -> T + Send,
) -> Result<(T, Duration), HoldError> {
    let keyboard = SigSet::from_iter([Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU]);
    let before = keyboard.thread_swap_mask(SigmaskHow::SIG_BLOCK).map_err(HoldError::Other)?;
    let outcome = std::thread::scope(|scope| {
        let holder = scope.spawn(|| {
            let start = Instant::now();
            let mut threads = Threads { process, held: Vec::new() };
            threads.hold(start + PATIENCE)?;
            let result = work();
            threads.release();
            Ok((result, start.elapsed()))
        });
        holder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    let _ = before.thread_set_mask();
    outcome
}

struct Threads {
    process: Pid,
    held: Vec<Thread>,
}

struct Thread {
    id: Pid,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Interrupted, but has not stopped yet.
    Stopping,
    /// Stopped. Not 0: this signal was on its way to it.
    Stopped(i32),
    /// In the kernel, and stops before it comes back.
    Asleep,
    /// Ended.
    Gone,
}

impl Threads {
    fn hold(&mut self, deadline: Instant) -> Result<(), HoldError> {
        // A thread that is not held yet may start others.
        while self.seize_new()? {
            self.wait(deadline)?;
        }
        let any_left = self.held.iter().any(|thread| thread.state != State::Gone);
        if any_left { Ok(()) } else { Err(HoldError::Gone) }
    }

    /// Seizes the threads that are not held yet; says whether there were any.
    fn seize_new(&mut self) -> Result<bool, HoldError> {
        let before = self.held.len();
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process)).map_err(|_| HoldError::Gone)?;
        for task in tasks.flatten() {
            let Some(id) = task.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let id = Pid::from_raw(id);
            if self.held.iter().any(|thread| thread.id == id) {
                continue;
            }
            let seized = ptrace::seize(id, ptrace::Options::empty()).and_then(|()| ptrace::interrupt(id));
            let state = match seized {
                Ok(()) => State::Stopping,
                Err(Errno::ESRCH) => State::Gone,
                Err(errno) => self.refusal(id, errno)?,
            };
            self.held.push(Thread { id, state });
        }
        Ok(self.held.len() > before)
    }

    /// Why a thread cannot be seized, if that matters.
    fn refusal(&self, thread: Pid, errno: Errno) -> Result<State, HoldError> {
        let status =
            fs::read_to_string(format!("/proc/{}/task/{thread}/status", self.process)).unwrap_or_default();
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        match (errno, field("State:"), field("TracerPid:")) {
            // A main thread that has ended stays, as a zombie, until the others have.
            (_, Some(state), _) if state.starts_with(['Z', 'X']) => Ok(State::Gone),
            (_, None, _) => Ok(State::Gone),
            (Errno::EPERM, _, Some(tracer)) if tracer != "0" => Err(HoldError::Traced(process_of(tracer))),
            (Errno::EPERM, ..) => Err(HoldError::NotPermitted),
            _ => Err(HoldError::Other(errno)),
        }
    }

    /// Waits until every thread that was interrupted has stopped.
    fn wait(&mut self, deadline: Instant) -> Result<(), HoldError> {
        let start = Instant::now();
        loop {
            for thread in &mut self.held {
                if thread.state == State::Stopping {
                    thread.state = stopped(thread.id);
                }
                let in_doubt = start.elapsed() > DOUBT;
                if thread.state == State::Stopping && in_doubt && kernel_state(self.process, thread.id) == 'D'
                {
                    thread.state = State::Asleep;
                }
            }
            let Some(slow) = self.held.iter().find(|thread| thread.state == State::Stopping) else {
                return Ok(());
            };
            if Instant::now() > deadline {
                let state = kernel_state(self.process, slow.id);
                return Err(HoldError::TooSlow { thread: slow.id, state });
            }
            std::thread::sleep(INTERVAL);
        }
    }

    /// Lets all threads go on. Those that were asleep are let go by the end of this thread.
    fn release(&mut self) {
        for thread in self.held.drain(..) {
            if let State::Stopped(signal) = thread.state {
                detach(thread.id, signal);
            }
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.release();
    }
}

/// What has become of a thread that was interrupted.
fn stopped(id: Pid) -> State {
    let Some(pid) = rustix::process::Pid::from_raw(id.as_raw()) else { return State::Gone };
    match waitpid(Some(pid), WaitOptions::NOHANG) {
        Ok(None) => State::Stopping,
        Ok(Some((_, status))) => match status.stopping_signal() {
            // The upper half tells our own interruption (PTRACE_EVENT_STOP) from a signal on its way, which is to arrive.
            Some(signal) if status.as_raw() >> 16 == 0 => State::Stopped(signal),
            Some(_) => State::Stopped(0),
            None => State::Gone,
        },
        Err(_) => State::Gone,
    }
}

/// The process that a thread is part of, and its name.
fn process_of(thread: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    match (field("Tgid:"), field("Name:")) {
        (Some(process), Some(name)) => format!("{process} ({name})"),
        _ => thread.to_owned(),
    }
}

/// The kernel's letter for what a thread is doing; `X` if it is gone.
fn kernel_state(process: Pid, thread: Pid) -> char {
    let stat = fs::read_to_string(format!("/proc/{process}/task/{thread}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('X')
}

/// Not by nix, which knows no real-time signals: one that was on its way would be lost.
fn detach(thread: Pid, signal: i32) {
    let data = std::ptr::without_provenance_mut::<nix::libc::c_void>(usize::try_from(signal).unwrap_or(0));
    let nothing = std::ptr::null_mut::<nix::libc::c_void>();
    // SAFETY: PTRACE_DETACH takes the thread, an ignored address and a signal number in the place of the data; it touches no memory of
    // ours. A thread that is gone meanwhile answers ESRCH.
    unsafe { nix::libc::ptrace(nix::libc::PTRACE_DETACH, thread.as_raw(), nothing, data) };
}
