//! A process with one thread, held where it waits, and made to call functions and the kernel.
//!
//! Only the thread that has seized a process may do this (ptrace(2)): it is made for the purpose, and is handed what is to be done.
//!
//! What it does not do: processes with threads, and such as have a seccomp filter.

use super::super::run::Fault;
use mcrx_harness::Pid;
use nix::libc::{self, user_regs_struct as Registers};
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a process may take to begin waiting.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where nothing can be: a function that comes back to here has ended.
const END: u64 = 0;
/// Bytes below the stack pointer that belong to the function that runs (x86-64 ABI), and some more.
const RED_ZONE: u64 = 1024;
/// `syscall`
const SYSTEM_CALL: [u8; 2] = [0x0F, 0x05];

type Task = Box<dyn FnOnce(&Stopped) + Send>;

/// A held process. It goes on when this ends.
#[derive(Debug)]
pub(crate) struct Tracee {
    pub(crate) pid: Pid,
    tasks: Mutex<Option<Sender<Task>>>,
    thread: Option<JoinHandle<Result<(), Fault>>>,
}

impl Tracee {
    /// Holds a process as soon as it waits for input.
    pub(crate) fn hold(pid: Pid) -> Result<Tracee, Fault> {
        let (tasks, received) = channel();
        let (told, stopped) = channel();
        let thread = std::thread::spawn(move || {
            let process = Stopped::seize(pid);
            let answer = process.as_ref().map(|_| ()).map_err(Fault::clone);
            told.send(answer).map_err(told_why)?;
            process?.serve(&received)
        });
        stopped.recv().map_err(told_why)??;
        Ok(Tracee { pid, tasks: Mutex::new(Some(tasks)), thread: Some(thread) })
    }

    /// Has it call one of its functions, and says what that returned.
    pub(crate) fn call(&self, function: u64, arguments: [u64; 2]) -> Result<u64, Fault> {
        self.run(move |process| process.call(function, arguments))
    }

    /// Has it make a system call.
    pub(crate) fn system_call(&self, number: libc::c_long, arguments: [u64; 6]) -> Result<u64, Fault> {
        self.run(move |process| process.system_call(number, arguments))
    }

    /// Lets it go on waiting.
    pub(crate) fn let_go(mut self) -> Result<(), Fault> {
        self.end()
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Stopped) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (told, answer) = channel();
        let task: Task = Box::new(move |process| {
            // Who asked waits for it.
            let _ = told.send(work(process));
        });
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.as_ref().ok_or("it was let go")?.send(task).map_err(told_why)?;
        drop(tasks);
        answer.recv().map_err(told_why)?
    }

    fn end(&mut self) -> Result<(), Fault> {
        drop(self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take());
        match self.thread.take() {
            Some(thread) => thread.join().map_err(|_| "its tracer panicked".to_owned())?,
            None => Ok(()),
        }
    }
}

impl Drop for Tracee {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// It, as its tracer sees it.
struct Stopped {
    pid: Pid,
    /// As it waits.
    own: Registers,
}

impl Stopped {
    fn seize(pid: Pid) -> Result<Stopped, Fault> {
        await_read(pid)?;
        ptrace::seize(pid, ptrace::Options::PTRACE_O_TRACESYSGOOD).map_err(told_why)?;
        ptrace::interrupt(pid).map_err(told_why)?;
        wait(pid)?;
        let own = ptrace::getregs(pid).map_err(told_why)?;
        Ok(Stopped { pid, own })
    }

    fn serve(&self, tasks: &Receiver<Task>) -> Result<(), Fault> {
        tasks.iter().for_each(|task| task(self));
        // It makes its call anew.
        let again =
            Registers { rax: self.own.orig_rax, orig_rax: u64::MAX, rip: self.own.rip - 2, ..self.own };
        ptrace::setregs(self.pid, again).map_err(told_why)?;
        ptrace::detach(self.pid, None).map_err(told_why)
    }

    fn call(&self, function: u64, arguments: [u64; 2]) -> Result<u64, Fault> {
        let stack = ((self.own.rsp - RED_ZONE) & !15) - 8;
        super::process::write(self.pid, stack, &END.to_le_bytes())?;
        let [rdi, rsi] = arguments;
        let registers =
            Registers { rip: function, rsp: stack, rdi, rsi, rax: 0, orig_rax: u64::MAX, ..self.own };
        ptrace::setregs(self.pid, registers).map_err(told_why)?;
        ptrace::cont(self.pid, None).map_err(told_why)?;
        let stop = wait(self.pid)?;
        let registers = ptrace::getregs(self.pid).map_err(told_why)?;
        match stop {
            WaitStatus::Stopped(_, Signal::SIGSEGV) if registers.rip == END => Ok(registers.rax),
            other => {
                Err(format!("the function at {function:#x} ended with {other:?} at {:#x}", registers.rip))
            }
        }
    }

    fn system_call(&self, number: libc::c_long, arguments: [u64; 6]) -> Result<u64, Fault> {
        let [rdi, rsi, rdx, r10, r8, r9] = arguments;
        let rax = number.cast_unsigned();
        let rip = self.own.rip - 2;
        let registers = Registers { rax, orig_rax: u64::MAX, rip, rdi, rsi, rdx, r10, r8, r9, ..self.own };
        ptrace::setregs(self.pid, registers).map_err(told_why)?;
        for _ in ["entry", "exit"] {
            ptrace::syscall(self.pid, None).map_err(told_why)?;
            let stop = wait(self.pid)?;
            if !matches!(stop, WaitStatus::PtraceSyscall(_)) {
                return Err(format!("system call {number}: {stop:?}"));
            }
        }
        let result = ptrace::getregs(self.pid).map_err(told_why)?.rax;
        match result.cast_signed() {
            -4095..0 => Err(format!("system call {number}: error {}", -result.cast_signed())),
            _ => Ok(result),
        }
    }
}

/// Waits until a process has nothing to do but read.
fn await_read(pid: Pid) -> Result<(), Fault> {
    let until = Instant::now() + PATIENCE;
    loop {
        let call = std::fs::read_to_string(format!("/proc/{pid}/syscall")).map_err(told_why)?;
        if call.split(' ').next() == Some("0") {
            let place = call.split_whitespace().next_back().and_then(|pc| pc.strip_prefix("0x"));
            let place = place.and_then(|pc| u64::from_str_radix(pc, 16).ok()).ok_or("it waits nowhere")?;
            let mut code = [0; 2];
            super::process::read(pid, place - 2, &mut code)?;
            return if code == SYSTEM_CALL { Ok(()) } else { Err("it does not wait in a call".to_owned()) };
        }
        if Instant::now() > until {
            return Err(format!("process {pid} does not wait for input: {call}"));
        }
        std::thread::yield_now();
    }
}

fn wait(pid: Pid) -> Result<WaitStatus, Fault> {
    waitpid(pid, Some(WaitPidFlag::__WALL)).map_err(told_why)
}

fn told_why(error: impl std::fmt::Display) -> Fault {
    error.to_string()
}
