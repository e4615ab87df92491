//! Threads that a held process gets, and threads that it loses.

use super::errand::{Errand, Stop, new_process};
use super::frame;
use super::hands::{Hands, HandsError};
use super::raw::{self, Resume};
use super::report::{self, Report};
use super::thread::{Registers, State, Thread};
use crate::process::memory::ProcessMemory;
use mcrx_allocator::reader::Address;
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::unistd::Pid;

/// What a thread is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewThread {
    /// Some of what is below is written to.
    pub stack_pointer: u64,
    /// `fs_base`.
    pub thread_pointer: u64,
    /// Where its number is written to, and 0 when it ends.
    pub number: u64,
}

/// What the C library's threads share (pthread_create(3)).
const FLAGS: i32 = libc::CLONE_VM
    | libc::CLONE_FS
    | libc::CLONE_FILES
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_SYSVSEM
    | libc::CLONE_SETTLS
    | libc::CLONE_PARENT_SETTID
    | libc::CLONE_CHILD_CLEARTID;

impl Hands<'_> {
    /// Has a thread make another, which is held from its first instant. Until it is given registers of its own it would end if it were let
    /// go; it blocks all signals.
    ///
    /// # Errors
    /// [`HandsError`]: there is none.
    pub fn make_thread(&self, by: Pid, new: &NewThread) -> Result<Pid, HandsError> {
        let thread = self.on_errand(by, |errand| {
            errand.make_thread(new).map_err(|failure| match failure {
                Failure::Lost(errno) => HandsError::Lost { thread: by, errno },
                Failure::Refused(errno) => {
                    HandsError::Call { thread: by, call: frame::number(libc::SYS_clone), errno }
                }
            })
        })?;
        let id = thread.id;
        self.add(thread);
        Ok(id)
    }

    /// Ends a thread, as if it had called `exit(2)`. This takes nothing of its stack.
    ///
    /// # Errors
    /// [`HandsError`]: it is still there.
    pub fn end_thread(&self, thread: Pid) -> Result<(), HandsError> {
        let code = self.code_for(thread)?;
        self.call_back(thread)?;
        let lost = |errno| HandsError::Lost { thread, errno };
        let own = self.registers(thread)?;
        end(thread, &own, code.system_call).map_err(lost)?;
        self.forget(thread);
        Ok(())
    }
}

/// Should we die, it ends alone.
fn end(thread: Pid, own: &Registers, system_call: u64) -> Result<(), Errno> {
    let ending = Registers {
        rax: frame::number(libc::SYS_exit),
        orig_rax: u64::MAX,
        rdi: 0,
        rip: system_call,
        ..*own
    };
    raw::set_registers(thread, &ending)?;
    raw::set_signal_mask(thread, u64::MAX)?;
    loop {
        raw::resume(thread, Resume::Freely)?;
        if report::wait(thread)? == Report::Ended {
            return Ok(());
        }
    }
}

enum Failure {
    Lost(Errno),
    Refused(Errno),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Failure {
        Failure::Lost(errno)
    }
}

impl Errand {
    fn make_thread(&mut self, new: &NewThread) -> Result<Thread, Failure> {
        let (start, bytes) = self.ending(new.stack_pointer);
        let memory = ProcessMemory::of(self.thread);
        memory.write(Address(start), &bytes).map_err(|_| Failure::Refused(Errno::EFAULT))?;
        let flags = u64::from(FLAGS.cast_unsigned());
        let arguments = [flags, start, new.number, new.number, new.thread_pointer, 0];
        let call = self.call(frame::number(libc::SYS_clone), arguments);
        let Stop::Event(libc::PTRACE_EVENT_CLONE) = self.run(&call)? else {
            let result = ptrace::getregs(self.thread)?.rax.cast_signed();
            return Err(Failure::Refused(super::errand::errno(result)));
        };
        let id = new_process(self.thread)?;
        raw::resume(self.thread, Resume::ToSystemCall)?;
        self.await_stop(self.thread)?;
        self.await_stop(id)?;
        let registers = ptrace::getregs(id)?;
        ptrace::setoptions(id, ptrace::Options::empty())?;
        Ok(Thread {
            process: self.process,
            id,
            state: State::Stopped(0),
            registers: Some(registers),
            job_control: false,
        })
    }
}
