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
//! If we die while the thread has other registers than its own, it comes back to them by itself: see [`super::frame`]. The order of
//! the steps below is such that this holds between any two of them.
//!
//! What a twin does not have: shared memory as it was at that instant, and what the process asked not to be copied (`MADV_DONTFORK`,
//! `MADV_WIPEONFORK`): that is to be read from the held process.

use super::code::Code;
use super::frame::{self, Frames, number};
use super::interrupted;
use super::raw::{self, Resume};
use super::report::{self, Report};
use super::thread::{Registers, State, Thread};
use crate::process::maps::{self, Mapping};
use crate::process::memory::ProcessMemory;
use crate::process::status::Status;
use mcrx_allocator::abi;
use mcrx_allocator::reader::{Address, Memory as _};
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
        threads.iter().copied().filter(|thread| chosen(thread) && is_able(thread)).collect();
    // Should we die, those without a deadline have nothing to lose.
    able.sort_by_key(|thread| thread.registers.as_ref().is_some_and(interrupted::has_deadline));
    let id = able.first().map(|thread| thread.id).ok_or(NoTwin::NoThread)?;
    let mappings = maps::read(id).map_err(|_| NoTwin::Lost(Errno::ESRCH))?;
    if !code.is_there(id, &mappings) {
        return Err(NoTwin::NotOrdinary);
    }
    let extended = raw::extended_registers(id).map_err(NoTwin::Lost)?.len();
    let room = frame::room(extended);
    let thread = able
        .into_iter()
        .find(|thread| thread.registers.is_some_and(|registers| has_room(&mappings, registers.rsp, room)));
    Errand::start(thread.ok_or(NoTwin::NoThread)?.id, process, code)?.run()
}

/// Whether a thread can be given other registers for a while.
fn is_able(thread: &Thread) -> bool {
    let Some(registers) = &thread.registers else { return false };
    let in_a_call = registers.orig_rax.cast_signed() >= 0;
    // The kernel would take a thread that was led out of a restartable sequence (rseq(2)) for one that has left it.
    thread.state == State::Stopped(0) && (in_a_call || !in_sequence(thread.id))
}

fn in_sequence(thread: Pid) -> bool {
    /// Where `struct rseq` says which sequence its thread is in.
    const CURRENT: u64 = 8;
    let Ok(place) = raw::rseq(thread) else { return true };
    let mut current = [0; 8];
    place.is_some_and(|place| {
        let read = ProcessMemory::of(thread).read(Address(place.saturating_add(CURRENT)), &mut current);
        read.is_err() || current != [0; 8]
    })
}

/// Whether so much below a stack pointer is a stack's, and not something else's that happens to lie there.
fn has_room(mappings: &[Mapping], stack_pointer: u64, room: u64) -> bool {
    maps::holding(mappings, stack_pointer).is_some_and(|mapping| {
        let of_a_heap = mapping.is("heap") || abi::is_region_base(abi::region_of(stack_pointer));
        let memory = mapping.read && mapping.write && !mapping.shared && mapping.inode == 0;
        memory && !of_a_heap && stack_pointer - mapping.range.start > room + crate::process::pages::PAGE
    })
}

/// One held thread, sent to make a twin.
struct Errand {
    process: Pid,
    thread: Pid,
    code: Code,
    /// Its own, with which it goes on.
    own: Registers,
    mask: u64,
    frames: Frames,
    original: Vec<u8>,
    /// A SIGSTOP came meanwhile, and was kept from it.
    stop: bool,
}

impl Errand {
    /// From here on the thread finds its way back alone.
    fn start(thread: Pid, process: Pid, code: &Code) -> Result<Errand, NoTwin> {
        let own = ptrace::getregs(thread).map_err(NoTwin::Lost)?;
        if own.cs != interrupted::USER64_CODE {
            return Err(NoTwin::NotOrdinary);
        }
        let filtered = Status::of_thread(process, thread).is_some_and(|status| status.is_filtered());
        let suspend = if filtered { SUSPEND_SECCOMP } else { Options::empty() };
        let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACEVFORK;
        ptrace::setoptions(thread, options | suspend).map_err(|errno| match errno {
            Errno::ESRCH => NoTwin::Lost(errno),
            _ => NoTwin::Filtered(errno),
        })?;
        let mask = raw::signal_mask(thread).map_err(NoTwin::Lost)?;
        let extended = raw::extended_registers(thread).map_err(NoTwin::Lost)?;
        // Left alone, it has its filter again, which may not know of wait4.
        let frames = Frames::new(&interrupted::made_again(&own), mask, &extended, code, !filtered);
        let memory = ProcessMemory::of(thread);
        let mut original = vec![0; frames.bytes.len()];
        let unreadable = |_| NoTwin::Lost(Errno::EFAULT);
        memory.read(Address(frames.start), &mut original).map_err(unreadable)?;
        memory.write(Address(frames.start), &frames.bytes).map_err(unreadable)?;
        Ok(Errand { process, thread, code: *code, own, mask, frames, original, stop: false })
    }

    fn run(mut self) -> Result<Twin, NoTwin> {
        let outcome = self.make();
        let back = self.come_back();
        let mut twin = outcome?;
        back.map_err(NoTwin::Lost)?;
        twin.original = (self.frames.start, self.original);
        Ok(twin)
    }

    fn make(&mut self) -> Result<Twin, NoTwin> {
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_FILES | libc::CLONE_PARENT_SETTID;
        let registers = Registers {
            rsi: self.frames.helper,
            rdx: self.frames.number,
            ..self.call(libc::SYS_clone, u64::from(flags.cast_unsigned()), self.frames.wait)
        };
        raw::set_registers(self.thread, &registers).map_err(NoTwin::Lost)?;
        // Signals wait: a handler that ran now would see our registers.
        raw::set_signal_mask(self.thread, u64::MAX).map_err(NoTwin::Lost)?;
        let event = self.enter_and_run(self.thread).map_err(NoTwin::Lost)?;
        let Stop::Event(libc::PTRACE_EVENT_VFORK) = event else {
            let result = ptrace::getregs(self.thread).map_err(NoTwin::Lost)?.rax.cast_signed();
            return Err(NoTwin::Refused(errno(result)));
        };
        let helper = new_process(self.thread).map_err(NoTwin::Lost)?;
        let twin = self.copy(helper);
        // Whatever came of it. The thread waits for this.
        let _ = kill(helper, Signal::SIGKILL);
        report::wait_for_end(helper);
        // Out of the call that made the helper.
        let finished =
            raw::resume(self.thread, Resume::ToSystemCall).and_then(|()| self.await_stop(self.thread));
        let number = finished.and_then(|_| ptrace::getregs(self.thread)).map_err(NoTwin::Lost)?.rax;
        let reaped = Registers {
            rsi: 0,
            rdx: frame::WALL,
            r10: 0,
            ..self.call(libc::SYS_wait4, number, self.frames.last)
        };
        raw::set_registers(self.thread, &reaped).map_err(NoTwin::Lost)?;
        self.enter_and_run(self.thread).map_err(NoTwin::Lost)?;
        twin
    }

    /// In the helper.
    fn copy(&mut self, helper: Pid) -> Result<Twin, NoTwin> {
        self.await_stop(helper).map_err(NoTwin::Lost)?;
        // What it makes is traced with the same options from its first instant.
        let options =
            Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE;
        let suspend = if self.is_filtered(helper) { SUSPEND_SECCOMP } else { Options::empty() };
        ptrace::setoptions(helper, options | suspend).map_err(NoTwin::Lost)?;
        let mut registers = self.call(libc::SYS_close_range, 0, self.frames.helper);
        registers.rsi = u64::from(u32::MAX);
        registers.rdx = u64::from(libc::CLOSE_RANGE_UNSHARE);
        raw::set_registers(helper, &registers).map_err(NoTwin::Lost)?;
        // A kernel that does not know the call leaves the server's descriptors with both: until the twin ends.
        self.enter_and_run(helper).map_err(NoTwin::Lost)?;
        let flags = u64::from(libc::CLONE_FILES.cast_unsigned());
        let mut registers = self.call(libc::SYS_clone, flags, self.frames.helper);
        (registers.rsi, registers.rdx, registers.r10, registers.r8) = (0, 0, 0, 0);
        raw::set_registers(helper, &registers).map_err(NoTwin::Lost)?;
        let event = self.enter_and_run(helper).map_err(NoTwin::Lost)?;
        let Stop::Event(libc::PTRACE_EVENT_CLONE) = event else {
            let result = ptrace::getregs(helper).map_err(NoTwin::Lost)?.rax.cast_signed();
            return Err(NoTwin::Refused(errno(result)));
        };
        let twin = Twin::new(new_process(helper).map_err(NoTwin::Lost)?);
        self.await_stop(twin.id).map_err(NoTwin::Lost)?;
        Ok(twin)
    }

    fn is_filtered(&self, helper: Pid) -> bool {
        Status::of(helper).is_some_and(|status| status.is_filtered())
    }

    /// Gives the thread back what is its own.
    fn come_back(&mut self) -> Result<(), Errno> {
        // To where the kernel looks at interrupted calls: it ends or repeats them only as it has looked for signals.
        ptrace::interrupt(self.thread)?;
        raw::resume(self.thread, Resume::Freely)?;
        while self.await_stop(self.thread)? != Stop::Event(libc::PTRACE_EVENT_STOP) {
            raw::resume(self.thread, Resume::Freely)?;
        }
        raw::set_signal_mask(self.thread, self.mask)?;
        raw::set_registers(self.thread, &self.own)?;
        // From here on nothing of ours is needed any more.
        let memory = ProcessMemory::of(self.thread);
        memory.write(Address(self.frames.start), &self.original).map_err(|_| Errno::EFAULT)?;
        ptrace::setoptions(self.thread, Options::empty())?;
        if self.stop {
            let _ = kill(self.process, Signal::SIGSTOP);
        }
        Ok(())
    }

    /// Registers that make a system call.
    fn call(&self, call: libc::c_long, first: u64, stack_pointer: u64) -> Registers {
        Registers {
            rax: number(call),
            orig_rax: u64::MAX,
            rdi: first,
            rip: self.code.system_call,
            rsp: stack_pointer,
            ..self.own
        }
    }

    /// Runs a thread into the call that it was given registers for, and through it, or to an event in it.
    fn enter_and_run(&mut self, thread: Pid) -> Result<Stop, Errno> {
        raw::resume(thread, Resume::ToSystemCall)?;
        self.await_stop(thread)?;
        raw::resume(thread, Resume::ToSystemCall)?;
        self.await_stop(thread)
    }

    /// Waits for a stop that says something.
    fn await_stop(&mut self, thread: Pid) -> Result<Stop, Errno> {
        loop {
            let Report::Stopped { signal, event } = report::wait(thread)? else { return Err(Errno::ESRCH) };
            match event {
                Some(event) => return Ok(Stop::Event(event)),
                None if signal == libc::SIGTRAP | 0x80 => return Ok(Stop::SystemCall),
                None => {
                    // All others wait: this one cannot.
                    self.stop |= signal == libc::SIGSTOP;
                    raw::resume(thread, Resume::ToSystemCall)?;
                }
            }
        }
    }
}

/// Why a thread has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// At the entry or the exit of one.
    SystemCall,
    /// `PTRACE_EVENT_...`
    Event(i32),
}

/// PTRACE_O_SUSPEND_SECCOMP, which nix has no name for.
const SUSPEND_SECCOMP: Options = Options::from_bits_retain(1 << 21);

/// The process that a thread has just made.
fn new_process(thread: Pid) -> Result<Pid, Errno> {
    let number = ptrace::getevent(thread)?;
    i32::try_from(number).map(Pid::from_raw).map_err(|_| Errno::ESRCH)
}

fn errno(result: i64) -> Errno {
    Errno::from_raw(i32::try_from(-result).unwrap_or(libc::EINVAL))
}
