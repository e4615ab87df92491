//! Functions of a held process, called by one of its threads.
//!
//! The thread may be given another stack and another thread pointer for the call: those of a program whose image was mapped beside its own.
//! What it finds on that stack, should we die meanwhile:
//!
//! ```text
//!   higher   what that stack held
//!            128 bytes: the red zone
//!            return address, frame: the thread's own registers (see super::frame)
//!            a word that the result's instructions take from the stack
//!   lower    return address: the instructions that store the result
//! ```

use super::errand::{self, Errand, Stop};
use super::hands::{Hands, HandsError};
use super::raw::{self, Resume};
use super::report::{self, Report};
use super::thread::Registers;
use crate::process::memory::ProcessMemory;
use mcrx_allocator::reader::{Address, Memory as _};
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::unistd::Pid;
use std::time::{Duration, Instant};

/// How often is looked whether it has returned.
const INTERVALS: [Duration; 2] = [Duration::from_micros(20), Duration::from_millis(1)];
/// The direction flag, among others, must be clear when a function is called (System V ABI for x86-64, 3.2.1).
const FLAGS: u64 = 0x202;
const RED_ZONE: u64 = 128;

/// Signals that say that the thread has done something wrong. Blocked, they would have the kernel forget how the program handles them.
const FAULTS: u64 = bit(libc::SIGSEGV)
    | bit(libc::SIGBUS)
    | bit(libc::SIGFPE)
    | bit(libc::SIGILL)
    | bit(libc::SIGTRAP)
    | bit(libc::SIGSYS);

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

impl Hands<'_> {
    /// Has a thread call a function, with at most six arguments: on this stack, and with this thread pointer (`rsp`, `fs_base` and `gs_base`
    /// of `with`). Says what it returned. Signals wait meanwhile.
    ///
    /// # Errors
    /// [`HandsError::Crashed`] or [`HandsError::TooLong`] if it did not return: the thread is as it was, but not what the function has
    /// written, or locked.
    pub fn call(
        &self,
        thread: Pid,
        with: &Registers,
        function: u64,
        arguments: &[u64],
        patience: Duration,
    ) -> Result<u64, HandsError> {
        let process = self.process_of(thread)?;
        let store = self.store(thread)?.ok_or(HandsError::NoInstructions(process))?;
        self.on_errand(thread, |errand| {
            let outcome = errand.function(with, function, arguments, store, Instant::now() + patience);
            outcome.map_err(|failure| match failure {
                Failure::Lost(errno) => HandsError::Lost { thread, errno },
                Failure::Crashed(signal) => HandsError::Crashed { thread, signal },
                Failure::TooLong => HandsError::TooLong(thread),
            })
        })
    }
}

enum Failure {
    Lost(Errno),
    Crashed(i32),
    TooLong,
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Failure {
        Failure::Lost(errno)
    }
}

impl Errand {
    fn function(
        &mut self,
        with: &Registers,
        function: u64,
        arguments: &[u64],
        store: u64,
        deadline: Instant,
    ) -> Result<u64, Failure> {
        let memory = ProcessMemory::of(self.thread);
        let back = self.back();
        let unwritable = |_| Failure::Lost(Errno::EFAULT);
        // What is called finds its return address 8 bytes below a multiple of 16.
        let frame = (with.rsp - RED_ZONE - back.len() as u64) / 16 * 16 - 8;
        let entry = frame - 16;
        let bytes: Vec<u8> = [store.to_le_bytes(), [0; 8]].concat().into_iter().chain(back).collect();
        let mut original = vec![0; bytes.len()];
        memory.read(Address(entry), &mut original).map_err(unwritable)?;
        memory.write(Address(entry), &bytes).map_err(unwritable)?;
        let (result, _) = self.scratch();
        let mut six = [0; 6];
        six.iter_mut().zip(arguments).for_each(|(place, argument)| *place = *argument);
        let [rdi, rsi, rdx, rcx, r8, r9] = six;
        let registers = Registers {
            rip: function,
            rsp: entry,
            rbx: result,
            rbp: 0,
            rax: 0,
            orig_rax: u64::MAX,
            eflags: FLAGS,
            fs_base: with.fs_base,
            gs_base: with.gs_base,
            rdi,
            rsi,
            rdx,
            rcx,
            r8,
            r9,
            ..self.own
        };
        raw::set_registers(self.thread, &registers)?;
        self.away = true;
        raw::set_signal_mask(self.thread, !FAULTS)?;
        let outcome = self.until_returned(frame + 8, deadline);
        // It stands still. Should it go on alone from here, it comes back at once.
        raw::set_registers(self.thread, &self.call(super::frame::number(libc::SYS_getpid), [0; 6]))?;
        raw::set_signal_mask(self.thread, u64::MAX)?;
        if outcome.is_ok() {
            // Out of the call that it came back by: that is not made.
            raw::resume(self.thread, Resume::ToSystemCall)?;
            self.await_stop(self.thread)?;
        }
        memory.write(Address(entry), &original).map_err(unwritable)?;
        outcome?;
        let mut word = [0; 8];
        memory.read(Address(result), &mut word).map_err(unwritable)?;
        Ok(u64::from_le_bytes(word))
    }

    /// Runs the function until the thread is about to come back from it.
    fn until_returned(&mut self, stack_pointer: u64, deadline: Instant) -> Result<(), Failure> {
        loop {
            raw::resume(self.thread, Resume::ToSystemCall)?;
            match self.await_stop_until(deadline)? {
                None => return Err(Failure::TooLong),
                Some(Awaited::Fault(signal)) => return Err(Failure::Crashed(signal)),
                Some(Awaited::Stop(Stop::Event(_))) => {}
                Some(Awaited::Stop(Stop::SystemCall)) => {
                    let registers = ptrace::getregs(self.thread)?;
                    let returns = registers.orig_rax == super::frame::number(libc::SYS_rt_sigreturn);
                    if returns && registers.rsp == stack_pointer {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Waits for a stop, but not for ever: then the thread is stopped, and there is nothing to tell.
    fn await_stop_until(&mut self, deadline: Instant) -> Result<Option<Awaited>, Errno> {
        let [mut interval, longest] = INTERVALS;
        let mut late = false;
        loop {
            match report::of(self.thread) {
                Some(Report::Ended) => return Err(Errno::ESRCH),
                Some(Report::Stopped { event: Some(_), .. }) if late => return Ok(None),
                Some(Report::Stopped { event: Some(event), .. }) => {
                    return Ok(Some(Awaited::Stop(Stop::Event(event))));
                }
                Some(Report::Stopped { signal, event: None }) if signal == errand::SYSTEM_CALL => {
                    return Ok(Some(Awaited::Stop(Stop::SystemCall)));
                }
                Some(Report::Stopped { signal: libc::SIGSTOP, event: None }) => {
                    self.stop = true;
                    raw::resume(self.thread, Resume::ToSystemCall)?;
                }
                Some(Report::Stopped { signal, event: None }) => return Ok(Some(Awaited::Fault(signal))),
                None => {
                    if !late && Instant::now() > deadline {
                        late = true;
                        ptrace::interrupt(self.thread)?;
                    }
                    std::thread::sleep(interval);
                    interval = longest.min(interval * 3 / 2);
                }
            }
        }
    }
}

enum Awaited {
    Stop(Stop),
    Fault(i32),
}
