//! A copy-on-write twin of a held process: what its memory is at this instant, to be read after the process has gone on.
//!
//! ```text
//!   thread of the server      helper                          twin
//!   clone(VM | VFORK) ------> shares the server's memory,
//!     waits in the kernel     close_range(0, all, UNSHARE)
//!                             clone() ----------------------> memory of its own, copied on write;
//!                             killed                          never executes an instruction
//!   wait4(helper)                                             an orphan: a child of init
//!   goes on                                                   is read, then killed
//! ```
//!
//! One of the held threads is made to do this, by other registers and the system call instructions of its own C library; then it gets
//! its registers back, and waits in its call as before. The helper is there so that the twin is no child of the server: nothing is left
//! for the server to wait for, then or later. It gives up the server's descriptors first, so that a connection which the server closes
//! meanwhile is closed. Both die with us (`PTRACE_O_EXITKILL`).
//!
//! If we die while the thread has other registers than its own, it comes back to them by itself: see [`super::errand`]. A `wait` frame on
//! its stack has it take note of the helper's end first: the kernel puts the helper's number there (`CLONE_PARENT_SETTID`). A `helper`
//! frame ends the helper.
//!
//! What a twin does not have: shared memory as it was at that instant, and what the process asked not to be copied (`MADV_DONTFORK`,
//! `MADV_WIPEONFORK`): that is to be read from the held process.

use super::code::Code;
use super::errand::{self, Errand, Failure, Stop, errno};
use super::frame::{self, number};
use super::interrupted;
use super::raw::{self, Resume};
use super::report;
use super::thread::{Registers, State, Thread};
use crate::process::maps;
use crate::process::status::Status;
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
use std::fs;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;

/// Why a process has no twin. It is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTwin {
    /// It is stopped by job control, some of its threads sleep in the kernel, or none has a stack with room.
    #[error("no thread of it can be made to do it")]
    NoThread,
    /// It is no 64-bit program, or keeps a shadow stack.
    #[error("it is no ordinary 64-bit program")]
    NotOrdinary,
    /// It has a seccomp filter, and we may not suspend that.
    #[error("it has a seccomp filter that cannot be suspended: {0}")]
    Filtered(Errno),
    /// It may have no more processes, or there is no memory.
    #[error("it could not be copied: {0}")]
    Refused(Errno),
    /// It was killed, or does not do what it is told.
    #[error("it was lost: {0}")]
    Lost(Errno),
}

impl From<Failure> for NoTwin {
    fn from(failure: Failure) -> NoTwin {
        match failure {
            Failure::NotOrdinary => NoTwin::NotOrdinary,
            Failure::Filtered(errno) => NoTwin::Filtered(errno),
            Failure::Lost(errno) => NoTwin::Lost(errno),
        }
    }
}

/// A process that does nothing, with the memory of another. It ends with this value, or with the thread that made it.
#[derive(Debug)]
pub struct Twin {
    id: Pid,
    /// Its number may have been given to another by the time that it is dropped.
    handle: Option<OwnedFd>,
    /// What the stack of the thread that made it held where it now holds something of ours.
    original: (u64, Vec<u8>),
    /// It is a tracee of the thread that made it.
    _of_this_thread: PhantomData<*const ()>,
}

impl Twin {
    /// Its number.
    #[must_use]
    pub fn id(&self) -> Pid {
        self.id
    }

    /// Bytes that its memory does not have as they were: an address, and what was there. It lies below a thread's stack pointer.
    #[must_use]
    pub fn original(&self) -> (u64, &[u8]) {
        (self.original.0, &self.original.1)
    }

    /// Whether nobody has killed it so far.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Status::of(self.id).is_some_and(|status| !status.has_ended())
    }

    fn new(id: Pid) -> Twin {
        // If the machine runs out of memory it is to go first.
        let _ = fs::write(format!("/proc/{id}/oom_score_adj"), "1000");
        let pid = rustix::process::Pid::from_raw(id.as_raw());
        let handle = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        Twin { id, handle, original: (0, Vec::new()), _of_this_thread: PhantomData }
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        match &self.handle {
            Some(handle) => drop(pidfd_send_signal(handle, rustix::process::Signal::KILL)),
            None => drop(kill(self.id, Signal::SIGKILL)),
        }
        report::wait_for_end(self.id);
    }
}

/// Makes one, of a process all of whose threads are held; by one of them, or by any.
pub(super) fn make(threads: &[&Thread], by: Option<Pid>, code: &Code) -> Result<Twin, NoTwin> {
    let process = threads.first().map(|thread| thread.process).ok_or(NoTwin::NoThread)?;
    let stands = |thread: &Thread| matches!(thread.state, State::Stopped(_) | State::Gone);
    if !threads.iter().all(|thread| stands(thread) && !thread.job_control) {
        return Err(NoTwin::NoThread);
    }
    let status = Status::of(process).ok_or(NoTwin::Lost(Errno::ESRCH))?;
    if status.has_shadow_stack() {
        return Err(NoTwin::NotOrdinary);
    }
    let chosen = |thread: &Thread| by.is_none_or(|by| by == thread.id);
    let mut able: Vec<&Thread> =
        threads.iter().copied().filter(|thread| chosen(thread) && errand::is_able(thread).is_ok()).collect();
    // Should we die, those without a deadline have nothing to lose.
    able.sort_by_key(|thread| thread.registers.as_ref().is_some_and(interrupted::has_deadline));
    let id = able.first().map(|thread| thread.id).ok_or(NoTwin::NoThread)?;
    let mappings = maps::read(id).map_err(|_| NoTwin::Lost(Errno::ESRCH))?;
    if !code.is_there(id, &mappings) {
        return Err(NoTwin::NotOrdinary);
    }
    let extended = raw::extended_registers(id).map_err(NoTwin::Lost)?.len();
    let room = frame::room(extended, 3);
    let thread = able.into_iter().find(|thread| {
        thread.registers.is_some_and(|registers| errand::has_room(&mappings, registers.rsp, room))
    });
    Making::start(thread.ok_or(NoTwin::NoThread)?, code)?.run()
}

/// One held thread, sent to make a twin.
struct Making {
    errand: Errand,
    /// The stack pointer to make the helper with: a thread that is left alone waits for it.
    wait: u64,
    /// The helper's own stack pointer, of which it ends.
    helper: u64,
}

/// `-1` as a system call takes it for "no process": wait4(2) answers ESRCH.
const NOBODY: u64 = 0x8000_0000;

/// `__WALL`: also for children that tell nobody of their end.
const WALL: u64 = libc::__WALL.cast_unsigned() as u64;

impl Making {
    /// From here on the thread finds its way back alone.
    fn start(thread: &Thread, code: &Code) -> Result<Making, NoTwin> {
        let (mut wait, mut helper) = (0, 0);
        let errand = Errand::send(thread, code, Options::PTRACE_O_TRACEVFORK, 0, |frames, own, filtered| {
            let waiting = Registers {
                rax: number(libc::SYS_wait4),
                rdi: NOBODY,
                rsi: 0,
                rdx: WALL,
                r10: 0,
                rip: code.system_call,
                rsp: frames.last,
                ..*own
            };
            // Left alone, a filtered thread has its filter again, which may not know of wait4.
            wait = if filtered { frames.last } else { frames.add(&waiting, u64::MAX) };
            let ending = Registers {
                rax: number(libc::SYS_exit_group),
                rdi: 0,
                rip: code.system_call,
                rsp: wait,
                ..*own
            };
            helper = frames.add(&ending, u64::MAX);
        })?;
        Ok(Making { errand, wait, helper })
    }

    fn run(mut self) -> Result<Twin, NoTwin> {
        let outcome = self.make();
        let back = self.errand.come_back();
        let mut twin = outcome?;
        back.map_err(NoTwin::Lost)?;
        twin.original = self.errand.into_original();
        Ok(twin)
    }

    fn make(&mut self) -> Result<Twin, NoTwin> {
        let thread = self.errand.thread;
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_FILES | libc::CLONE_PARENT_SETTID;
        let number_goes_to = if self.wait == self.errand.last() { 0 } else { frame::rdi_of(self.wait) };
        let flags = if number_goes_to == 0 { flags & !libc::CLONE_PARENT_SETTID } else { flags };
        let flags = u64::from(flags.cast_unsigned());
        let call = self.errand.call(number(libc::SYS_clone), [flags, self.helper, number_goes_to, 0, 0, 0]);
        let event = self.errand.run(&Registers { rsp: self.wait, ..call }).map_err(NoTwin::Lost)?;
        let Stop::Event(libc::PTRACE_EVENT_VFORK) = event else {
            let result = ptrace::getregs(thread).map_err(NoTwin::Lost)?.rax.cast_signed();
            return Err(NoTwin::Refused(errno(result)));
        };
        let helper = errand::new_process(thread).map_err(NoTwin::Lost)?;
        let twin = self.copy(helper);
        // Whatever came of it. The thread waits for this.
        let _ = kill(helper, Signal::SIGKILL);
        report::wait_for_end(helper);
        // Out of the call that made the helper.
        let finished =
            raw::resume(thread, Resume::ToSystemCall).and_then(|()| self.errand.await_stop(thread));
        let made = finished.and_then(|_| ptrace::getregs(thread)).map_err(NoTwin::Lost)?.rax;
        self.errand.system_call(number(libc::SYS_wait4), [made, 0, WALL, 0, 0, 0]).map_err(NoTwin::Lost)?;
        twin
    }

    /// In the helper.
    fn copy(&mut self, helper: Pid) -> Result<Twin, NoTwin> {
        self.errand.await_stop(helper).map_err(NoTwin::Lost)?;
        // What it makes is traced with the same options from its first instant.
        let options =
            Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE;
        let suspend = if self.is_filtered(helper) { errand::SUSPEND_SECCOMP } else { Options::empty() };
        ptrace::setoptions(helper, options | suspend).map_err(NoTwin::Lost)?;
        let unshare = [0, u64::from(u32::MAX), u64::from(libc::CLOSE_RANGE_UNSHARE), 0, 0, 0];
        let registers = self.errand.call(number(libc::SYS_close_range), unshare);
        // A kernel that does not know the call leaves the server's descriptors with both: until the twin ends.
        self.enter_and_run(helper, &registers).map_err(NoTwin::Lost)?;
        let flags = u64::from(libc::CLONE_FILES.cast_unsigned());
        let registers = self.errand.call(number(libc::SYS_clone), [flags, 0, 0, 0, 0, 0]);
        let event = self.enter_and_run(helper, &registers).map_err(NoTwin::Lost)?;
        let Stop::Event(libc::PTRACE_EVENT_CLONE) = event else {
            let result = ptrace::getregs(helper).map_err(NoTwin::Lost)?.rax.cast_signed();
            return Err(NoTwin::Refused(errno(result)));
        };
        let twin = Twin::new(errand::new_process(helper).map_err(NoTwin::Lost)?);
        self.errand.await_stop(twin.id).map_err(NoTwin::Lost)?;
        Ok(twin)
    }

    fn enter_and_run(&mut self, helper: Pid, registers: &Registers) -> Result<Stop, Errno> {
        raw::set_registers(helper, &Registers { rsp: self.helper, ..*registers })?;
        self.errand.enter_and_run(helper)
    }

    fn is_filtered(&self, helper: Pid) -> bool {
        Status::of(helper).is_some_and(|status| status.is_filtered())
    }
}
