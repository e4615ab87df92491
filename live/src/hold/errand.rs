//! A held thread that makes system calls for us, and then has its own registers again.
//!
//! Signals wait meanwhile: all are blocked, as a handler that ran now would see our registers; the mask is put back afterwards. SIGSTOP
//! cannot be blocked: it is kept from the thread, and sent once more in the end.
//!
//! If we die while the thread has other registers than its own, it comes back to them by itself: what it returns to are the signal frames
//! of [`super::frame`]. The order of the steps below is such that this holds between any two of them.

use super::batch;
use super::code::Code;
use super::frame::Frames;
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

/// Why a thread could not be sent. It is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is of no 64-bit program.
    NotOrdinary,
    /// It has a seccomp filter, and we may not suspend that.
    Filtered(Errno),
    /// It was killed.
    Lost(Errno),
}

/// PTRACE_O_SUSPEND_SECCOMP, which nix has no name for.
pub(super) const SUSPEND_SECCOMP: Options = Options::from_bits_retain(1 << 21);

/// The signal of a stop at a system call's entry or exit (PTRACE_O_TRACESYSGOOD).
pub(super) const SYSTEM_CALL: i32 = libc::SIGTRAP | 0x80;

/// Why a thread cannot be given other registers for a while.
pub(super) fn is_able(thread: &Thread) -> Result<(), &'static str> {
    let Some(registers) = &thread.registers else { return Err("it sleeps in the kernel") };
    let in_a_call = registers.orig_rax.cast_signed() >= 0;
    match thread.state {
        _ if thread.job_control => return Err("it is stopped by job control"),
        State::Stopped(0) => {}
        State::Stopped(_) => return Err("a signal is on its way to it"),
        State::Stopping | State::Asleep => return Err("it sleeps in the kernel"),
        State::Kept => return Err("another thread of mcrx keeps it"),
        State::Gone => return Err("it has ended"),
    }
    // The kernel would take a thread that was led out of a restartable sequence (rseq(2)) for one that has left it.
    if in_a_call || !in_sequence(thread.id) { Ok(()) } else { Err("it is in a restartable sequence") }
}

fn in_sequence(thread: Pid) -> bool {
    /// Where `struct rseq` says which sequence its thread is in.
    const CURRENT: u64 = 8;
    let Ok(place) = raw::rseq(thread) else { return true };
    let mut current = [0; 8];
    place.is_some_and(|place| {
        let read =
            ProcessMemory::of(thread).read(Address(place.address.saturating_add(CURRENT)), &mut current);
        read.is_err() || current != [0; 8]
    })
}

/// Whether so much below a stack pointer is a stack's, and not something else's that happens to lie there.
pub(super) fn has_room(mappings: &[Mapping], stack_pointer: u64, room: u64) -> bool {
    maps::holding(mappings, stack_pointer).is_some_and(|mapping| {
        let of_a_heap = mapping.is("heap") || abi::is_region_base(abi::region_of(stack_pointer));
        let memory = mapping.read && mapping.write && !mapping.shared && mapping.inode == 0;
        memory && !of_a_heap && stack_pointer - mapping.range.start > room + crate::process::pages::PAGE
    })
}

/// One held thread on its way.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) process: Pid,
    pub(super) thread: Pid,
    code: Code,
    /// Its own, with which it goes on.
    pub(super) own: Registers,
    pub(super) mask: u64,
    /// Its number as itself sees it.
    pub(super) tid: i32,
    /// Signals that the program has handlers for.
    pub(super) handled: u64,
    /// Left alone, a seccomp filter decides over its calls again.
    pub(super) filtered: bool,
    frames: Frames,
    /// What stood where the frames and the scratch space are.
    original: Vec<u8>,
    /// Bytes below the frames.
    scratch: usize,
    /// A SIGSTOP came meanwhile, and was kept from it.
    pub(super) stop: bool,
    /// It has registers other than its own.
    pub(super) away: bool,
}

impl Errand {
    /// From here on the thread finds its way back alone. `lay` may add frames; it is told the registers with which the thread would go on
    /// alone, and whether it has a seccomp filter.
    pub(super) fn send(
        thread: &Thread,
        code: &Code,
        events: Options,
        scratch: usize,
        lay: impl FnOnce(&mut Frames, &Registers, bool),
    ) -> Result<Errand, Failure> {
        let (process, thread) = (thread.process, thread.id);
        let own = ptrace::getregs(thread).map_err(Failure::Lost)?;
        if own.cs != interrupted::USER64_CODE {
            return Err(Failure::NotOrdinary);
        }
        let status = Status::of_thread(process, thread).ok_or(Failure::Lost(Errno::ESRCH))?;
        let filtered = status.is_filtered();
        let suspend = if filtered { SUSPEND_SECCOMP } else { Options::empty() };
        let options = Options::PTRACE_O_TRACESYSGOOD | events;
        ptrace::setoptions(thread, options | suspend).map_err(|errno| match errno {
            Errno::ESRCH => Failure::Lost(errno),
            _ => Failure::Filtered(errno),
        })?;
        let mask = raw::signal_mask(thread).map_err(Failure::Lost)?;
        let extended = raw::extended_registers(thread).map_err(Failure::Lost)?;
        let alone = super::thread::alone(&own, thread);
        let mut frames = Frames::new(&alone, mask, &extended, code);
        lay(&mut frames, &alone, filtered);
        let memory = ProcessMemory::of(thread);
        let mut original = vec![0; frames.bytes.len() + scratch];
        let unreadable = |_| Failure::Lost(Errno::EFAULT);
        let start = frames.start - scratch as u64;
        memory.read(Address(start), &mut original).map_err(unreadable)?;
        memory.write(Address(frames.start), &frames.bytes).map_err(unreadable)?;
        Ok(Errand {
            process,
            thread,
            code: *code,
            own,
            mask,
            tid: status.innermost().ok_or(Failure::Lost(Errno::ESRCH))?,
            handled: status.handled(),
            filtered,
            frames,
            original,
            scratch,
            stop: false,
            away: false,
        })
    }

    /// The stack pointer with which a `ret` leads to the thread's own registers.
    pub(super) fn last(&self) -> u64 {
        self.frames.last
    }

    /// Where the scratch space is, and how long. What a batch of calls takes lies above it.
    pub(super) fn scratch(&self) -> (u64, usize) {
        (self.frames.start - self.scratch as u64, self.scratch.saturating_sub(batch::ROOM))
    }

    /// Where the frames begin.
    pub(super) fn start(&self) -> u64 {
        self.frames.start
    }

    /// A return address and a frame.
    pub(super) fn frame(&self, registers: &Registers, mask: u64) -> Vec<u8> {
        self.frames.frame(registers, mask)
    }

    /// What is to be put on the stack of another thread, so that a `ret` there ends it: where, and the bytes.
    pub(super) fn ending(&self, stack_pointer: u64) -> (u64, Vec<u8>) {
        let ending = Registers {
            rax: super::frame::number(libc::SYS_exit),
            rdi: 0,
            rip: self.code.system_call,
            rsp: stack_pointer,
            ..self.own
        };
        self.frames.below(stack_pointer, &ending)
    }

    /// What is to be put on another stack, so that a `ret` there leads to the thread's own registers.
    pub(super) fn back(&self) -> Vec<u8> {
        self.frames.back()
    }

    /// What of its stack is not as it was while the thread is away: an address, and what was there.
    pub(super) fn into_original(self) -> (u64, Vec<u8>) {
        (self.frames.start - self.scratch as u64, self.original)
    }

    /// Registers that make a system call, and then go back.
    pub(super) fn call(&self, call: u64, arguments: [u64; 6]) -> Registers {
        let [rdi, rsi, rdx, r10, r8, r9] = arguments;
        Registers {
            rax: call,
            orig_rax: u64::MAX,
            rdi,
            rsi,
            rdx,
            r10,
            r8,
            r9,
            rip: self.code.system_call,
            rsp: self.frames.last,
            ..self.own
        }
    }

    /// Has the thread make a system call; says what it returned.
    ///
    /// # Errors
    /// The thread was killed.
    pub(super) fn system_call(&mut self, call: u64, arguments: [u64; 6]) -> Result<i64, Errno> {
        let mut stop = self.run(&self.call(call, arguments))?;
        while stop != Stop::SystemCall {
            // It has made a thread, or the like, and is still in the call.
            raw::resume(self.thread, Resume::ToSystemCall)?;
            stop = self.await_stop(self.thread)?;
        }
        Ok(ptrace::getregs(self.thread)?.rax.cast_signed())
    }

    /// Runs the thread into the call that these registers make, and through it, or to an event in it.
    pub(super) fn run(&mut self, registers: &Registers) -> Result<Stop, Errno> {
        raw::set_registers(self.thread, registers)?;
        if !self.away {
            self.away = true;
            // Signals wait: a handler that ran now would see our registers.
            raw::set_signal_mask(self.thread, u64::MAX)?;
        }
        self.enter_and_run(self.thread)
    }

    /// Runs a thread into the call that it was given registers for, and through it, or to an event in it.
    pub(super) fn enter_and_run(&mut self, thread: Pid) -> Result<Stop, Errno> {
        raw::resume(thread, Resume::ToSystemCall)?;
        self.await_stop(thread)?;
        raw::resume(thread, Resume::ToSystemCall)?;
        self.await_stop(thread)
    }

    /// Waits for a stop that says something.
    pub(super) fn await_stop(&mut self, thread: Pid) -> Result<Stop, Errno> {
        loop {
            let Report::Stopped { signal, event } = report::wait(thread)? else { return Err(Errno::ESRCH) };
            match event {
                Some(event) => return Ok(Stop::Event(event)),
                None if signal == SYSTEM_CALL => return Ok(Stop::SystemCall),
                None => {
                    // All others wait: this one cannot.
                    self.stop |= signal == libc::SIGSTOP;
                    raw::resume(thread, Resume::ToSystemCall)?;
                }
            }
        }
    }

    /// Gives the thread back what is its own.
    ///
    /// # Errors
    /// It was killed.
    pub(super) fn come_back(&mut self) -> Result<(), Errno> {
        if self.away {
            // To where the kernel looks at interrupted calls: it ends or repeats them only as it has looked for signals.
            ptrace::interrupt(self.thread)?;
            raw::resume(self.thread, Resume::Freely)?;
            while self.await_stop(self.thread)? != Stop::Event(libc::PTRACE_EVENT_STOP) {
                raw::resume(self.thread, Resume::Freely)?;
            }
            raw::set_signal_mask(self.thread, self.mask)?;
            raw::set_registers(self.thread, &self.own)?;
            self.away = false;
        }
        // From here on nothing of ours is needed any more.
        let memory = ProcessMemory::of(self.thread);
        let start = self.frames.start - self.scratch as u64;
        memory.write(Address(start), &self.original).map_err(|_| Errno::EFAULT)?;
        ptrace::setoptions(self.thread, Options::empty())?;
        if self.stop {
            let _ = kill(self.process, Signal::SIGSTOP);
        }
        Ok(())
    }
}

/// Why a thread has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// At the entry or the exit of one.
    SystemCall,
    /// `PTRACE_EVENT_...`
    Event(i32),
}

/// The process or thread that a thread has just made.
pub(super) fn new_process(thread: Pid) -> Result<Pid, Errno> {
    let number = ptrace::getevent(thread)?;
    i32::try_from(number).map(Pid::from_raw).map_err(|_| Errno::ESRCH)
}

/// The error that a system call's result is.
pub(super) fn errno(result: i64) -> Errno {
    Errno::from_raw(i32::try_from(-result).unwrap_or(libc::EINVAL))
}
