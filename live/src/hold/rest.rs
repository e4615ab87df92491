//! Threads that are held in the middle of something are run on until they wait.
//!
//! They run under system call tracing. At the entry of a call that a server may wait in, a thread is interrupted: if it would wait there, it stops
//! in it, as if it had been held there in the first place; if there is something for it to do, it goes on. Signals reach it as ever.

use super::errand::{SYSTEM_CALL, new_process};
use super::hands::{Hands, HandsError};
use super::raw::{self, Resume};
use super::report::{self, Report};
use super::thread::{HeldThread, Registers, State, Thread, named};
use crate::park::Call;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::unistd::Pid;
use std::time::{Duration, Instant};

/// How often they are looked at: first, and at the latest.
const INTERVALS: [Duration; 2] = [Duration::from_micros(20), Duration::from_millis(1)];

/// The call that registers make, or wait in.
#[must_use]
pub fn call_of(registers: &Registers) -> Option<Call> {
    let number = u32::try_from(registers.orig_rax.cast_signed()).ok()?;
    let r = registers;
    Some(Call {
        number,
        arguments: [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9],
        stack: r.rsp,
        instruction: r.rip,
    })
}

/// Whether a thread waits for something to do: in a call that servers wait in, and not for a lock, which the C library asks for by
/// `FUTEX_WAIT` (its condition variables and semaphores use `FUTEX_WAIT_BITSET`).
#[must_use]
pub fn waits_for_work(thread: &HeldThread) -> bool {
    let waits = |call: &Call| {
        let for_lock = i64::from(call.number) == libc::SYS_futex && call.arguments[1] & 0x7F == 0;
        call.is_idle() && !for_lock
    };
    thread.registers.as_ref().and_then(call_of).as_ref().is_some_and(waits)
}

/// One that has been let run.
struct Running {
    thread: Thread,
    /// It has been interrupted, and is yet to say where.
    interrupted: bool,
}

impl Hands<'_> {
    /// Runs those threads of a process on that are not at rest, as `rests` has it: it is asked of threads that wait in a call, or
    /// would if they made it. Says which do not get there until the deadline; those are held where they are then. Threads that end meanwhile are
    /// gone, and those that are made belong to the process.
    ///
    /// # Errors
    /// [`HandsError`]: all are held.
    pub fn run_to_rest(
        &self,
        process: Pid,
        rests: &dyn Fn(&HeldThread) -> bool,
        deadline: Instant,
    ) -> Result<Vec<Pid>, HandsError> {
        for thread in self.threads(process) {
            self.call_back(thread.id)?;
        }
        let mut running = Vec::new();
        for thread in self.threads(process) {
            if !(thread.blocked_in.is_some() && rests(&thread)) {
                running.extend(self.withdraw(thread.id).map(Running::start));
            }
        }
        let [mut interval, longest] = INTERVALS;
        let mut late = false;
        let mut unrest = Vec::new();
        while !running.is_empty() {
            let mut moved = false;
            let mut next = Vec::new();
            for mut one in running {
                let Some(report) = report::of(one.thread.id) else {
                    next.push(one);
                    continue;
                };
                moved = true;
                match one.look(report, rests, late, &mut next) {
                    Outcome::Goes => next.push(one),
                    Outcome::Gone => {}
                    Outcome::Rests => self.add(one.stopped()),
                    Outcome::Restless => {
                        unrest.push(one.thread.id);
                        self.add(one.stopped());
                    }
                }
            }
            running = next;
            if !late && Instant::now() > deadline {
                late = true;
                running.iter_mut().for_each(Running::interrupt);
            }
            if !moved {
                std::thread::sleep(interval);
                interval = longest.min(interval * 3 / 2);
            }
        }
        Ok(unrest)
    }
}

enum Outcome {
    Goes,
    Gone,
    Rests,
    Restless,
}

impl Running {
    fn start(thread: Thread) -> Running {
        let mut running = Running { interrupted: false, thread };
        let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE;
        // Whatever fails here was killed, and that is said of it.
        let _ = ptrace::setoptions(running.thread.id, options);
        let signal = match running.thread.state {
            State::Stopped(signal) => signal,
            _ => 0,
        };
        running.resume(Resume::ToSystemCall, signal);
        running
    }

    fn resume(&mut self, how: Resume, signal: i32) {
        let _ = raw::resume_with(self.thread.id, how, signal);
    }

    fn interrupt(&mut self) {
        self.interrupted = true;
        let _ = ptrace::interrupt(self.thread.id);
    }

    fn look(
        &mut self,
        report: Report,
        rests: &dyn Fn(&HeldThread) -> bool,
        late: bool,
        new: &mut Vec<Running>,
    ) -> Outcome {
        let Report::Stopped { signal, event } = report else { return Outcome::Gone };
        match event {
            Some(libc::PTRACE_EVENT_STOP) => {
                self.thread.reported(report);
                let at_rest =
                    self.thread.held().is_some_and(|held| held.blocked_in.is_some() && rests(&held));
                if at_rest && !self.thread.job_control {
                    return Outcome::Rests;
                }
                if late || self.thread.job_control {
                    return Outcome::Restless;
                }
                self.interrupted = false;
                self.resume(Resume::ToSystemCall, 0);
            }
            Some(libc::PTRACE_EVENT_CLONE) => {
                if let Ok(id) = new_process(self.thread.id) {
                    let (process, state) = (self.thread.process, State::Stopping);
                    let thread = Thread { process, id, state, registers: None, job_control: false };
                    let mut made = Running { thread, interrupted: false };
                    if late {
                        made.interrupt();
                    }
                    new.push(made);
                }
                self.resume(Resume::ToSystemCall, 0);
            }
            Some(_) => self.resume(Resume::ToSystemCall, 0),
            None if signal == SYSTEM_CALL => {
                // In the call it finds that it has been interrupted, and stops instead of waiting. An interruption that came before this
                // stop is forgotten.
                if self.interrupted || late || self.is_entering() && self.might_rest(rests) {
                    self.interrupt();
                }
                let how = if self.interrupted { Resume::Freely } else { Resume::ToSystemCall };
                self.resume(how, 0);
            }
            None => self.resume(Resume::ToSystemCall, signal),
        }
        Outcome::Goes
    }

    /// Whether it is at the entry of a call, and not at its exit.
    fn is_entering(&self) -> bool {
        /// `PTRACE_EVENTMSG_SYSCALL_ENTRY` of linux/ptrace.h.
        const ENTRY: i64 = 1;
        ptrace::getevent(self.thread.id) == Ok(ENTRY)
    }

    /// Whether it would be at rest if it waited in the call that it makes.
    fn might_rest(&self, rests: &dyn Fn(&HeldThread) -> bool) -> bool {
        let Ok(registers) = ptrace::getregs(self.thread.id) else { return false };
        let thread = HeldThread {
            id: self.thread.id,
            registers: Some(registers),
            instruction_pointer: registers.rip,
            stack_pointer: registers.rsp,
            blocked_in: call_of(&named(&registers, self.thread.id)).map(|call| call.number),
        };
        thread.blocked_in.is_some() && rests(&thread)
    }

    /// As it is to be held.
    fn stopped(self) -> Thread {
        let _ = ptrace::setoptions(self.thread.id, Options::empty());
        self.thread
    }
}
