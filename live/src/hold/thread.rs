//! One thread under ptrace(2).

use super::report::{self, Report};
use super::{interrupted, raw};
use crate::process::memory::ProcessMemory;
use mcrx_allocator::reader::{Address, Memory as _};
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::unistd::Pid;
use std::fs;

/// General registers as the kernel keeps them, `fs_base`, `gs_base` and `orig_rax` among them.
pub type Registers = libc::user_regs_struct;

/// A thread that executes nothing.
#[derive(Debug, Clone, Copy)]
pub struct HeldThread {
    /// Its number.
    pub id: Pid,
    /// Those it stopped with. None of a thread in an uninterruptible sleep, of which the kernel tells only the next two.
    pub registers: Option<Registers>,
    /// Where it executes next, or comes back to.
    pub instruction_pointer: u64,
    /// Where its stack ends.
    pub stack_pointer: u64,
    /// The call that it waits in, by its number.
    pub blocked_in: Option<u32>,
}

/// One that is being stopped, or is.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) process: Pid,
    pub(super) id: Pid,
    pub(super) state: State,
    /// Once it has stopped.
    pub(super) registers: Option<Registers>,
    /// Job control has stopped it (SIGSTOP and its like), apart from us.
    pub(super) job_control: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Interrupted, but has not stopped yet.
    Stopping,
    /// Stopped. Not 0: this signal was on its way to it.
    Stopped(i32),
    /// In the kernel, and stops before it comes back.
    Asleep,
    /// Another thread of this process has stopped it, and keeps it so.
    Kept,
    /// Ended.
    Gone,
}

impl Thread {
    /// Seizes a thread and has it stop. If that fails, it says why, or nothing if the thread has ended.
    pub(super) fn seize(process: Pid, id: Pid) -> Result<Thread, Errno> {
        let seized = ptrace::seize(id, ptrace::Options::empty()).and_then(|()| ptrace::interrupt(id));
        let state = match seized {
            Ok(()) => State::Stopping,
            Err(Errno::ESRCH) => State::Gone,
            Err(errno) => return Err(errno),
        };
        Ok(Thread { process, id, state, registers: None, job_control: false })
    }

    /// One that another thread of this process keeps.
    pub(super) fn kept(process: Pid, id: Pid, registers: Registers) -> Thread {
        Thread { process, id, state: State::Kept, registers: Some(registers), job_control: false }
    }

    /// Takes note of what is said of it, and sees to it that its call will go on.
    pub(super) fn reported(&mut self, report: Report) {
        let Report::Stopped { signal, event } = report else {
            self.state = State::Gone;
            return;
        };
        // Our own interruption, or a signal on its way, which is to arrive.
        let ours = event == Some(libc::PTRACE_EVENT_STOP);
        self.state = State::Stopped(if ours { 0 } else { signal });
        let Ok(registers) = ptrace::getregs(self.id) else {
            // Killed this moment. Its end will be reported, to nobody's interest.
            self.state = State::Gone;
            return;
        };
        self.registers = Some(registers);
        // A process that job control has stopped gets its EINTR by itself when it goes on.
        self.job_control = ours && signal != libc::SIGTRAP;
        if let Some(result) = interrupted::repaired(&registers)
            && !self.job_control
        {
            // Fails if it was killed this moment.
            let _ = ptrace::write_user(self.id, std::ptr::without_provenance_mut(interrupted::RAX), result);
        }
    }

    /// Lets it go on, if it has stopped.
    pub(super) fn release(&self) {
        if let State::Stopped(signal) = self.state
            && raw::detach(self.id, signal).is_err()
        {
            // Killed meanwhile: its parent is told now that this is looked at, and not only when we end.
            let _ = report::of(self.id);
        }
    }

    /// What is known of it, unless it has ended.
    pub(super) fn held(&self) -> Option<HeldThread> {
        if self.state == State::Gone {
            return None;
        }
        if let Some(registers) = self.registers {
            return Some(HeldThread {
                id: self.id,
                registers: Some(registers),
                instruction_pointer: registers.rip,
                stack_pointer: registers.rsp,
                blocked_in: interrupted::blocked_in(&named(&registers, self.id)),
            });
        }
        let text = fs::read_to_string(format!("/proc/{}/task/{}/syscall", self.process, self.id)).ok()?;
        let (blocked_in, stack_pointer, instruction_pointer) = asleep(&text)?;
        Some(HeldThread { id: self.id, registers: None, instruction_pointer, stack_pointer, blocked_in })
    }

    /// The kernel's letter for what it is doing; `X` if it is gone.
    pub(super) fn kernel_state(&self) -> char {
        let stat = fs::read_to_string(format!("/proc/{}/task/{}/stat", self.process, self.id));
        let stat = stat.unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('X')
    }
}

/// Registers in which a call that goes on as `restart_syscall` has its own number: by that one it can be told what the thread waits for, and made again
/// when the kernel has forgotten what was to be gone on with. Where the code does not tell it by putting it into `eax` just before the call, they are as they were.
pub(super) fn named(own: &Registers, thread: Pid) -> Registers {
    let Some(instruction) = interrupted::goes_on_at(own) else { return *own };
    let mut code = [0; 7];
    let read = ProcessMemory::of(thread).read(Address(instruction.wrapping_sub(5)), &mut code);
    let number = read.ok().and_then(|()| interrupted::number_in(code));
    number.map_or(*own, |number| interrupted::with_number(own, number))
}

/// The registers with which a stopped thread goes on as it would with its own, once the kernel has forgotten what it kept of the call that the
/// thread waits in.
pub(crate) fn alone(own: &Registers, thread: Pid) -> Registers {
    interrupted::made_again(&named(own, thread))
}

/// Call, stack pointer and instruction pointer, from `/proc/PID/task/TID/syscall` (proc(5)): `NR ARGUMENT... SP PC`.
fn asleep(text: &str) -> Option<(Option<u32>, u64, u64)> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [call, .., stack_pointer, instruction_pointer] = fields.as_slice() else { return None };
    let hex = |field: &str| u64::from_str_radix(field.strip_prefix("0x")?, 16).ok();
    Some((call.parse().ok(), hex(stack_pointer)?, hex(instruction_pointer)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_of_a_sleeping_thread_is_read() {
        let text = "58 0x0 0x1 0x2 0x3 0x4 0x5 0x7ffe00001230 0x7f0000004567\n";
        assert_eq!(asleep(text), Some((Some(58), 0x7ffe_0000_1230, 0x7f00_0000_4567)));
        assert_eq!(
            asleep("-1 0x7ffe00001230 0x7f0000004567\n"),
            Some((None, 0x7ffe_0000_1230, 0x7f00_0000_4567))
        );
        assert_eq!(asleep("running\n"), None);
    }
}
