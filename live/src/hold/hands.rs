//! Our hands in held processes: system calls that their threads make for us, their memory, descriptors and registers.
//!
//! A thread's first call sends it on an errand (see [`super::errand`]); there it stays, ready for more, until something of its own is to be
//! changed, until it is [called back](Hands::call_back), or until all are let go. Each call costs two stops.
//!
//! The promise is that of holding: if we die, each thread goes on with its own registers, after the call that it is in; no signal is lost.
//! What the calls have changed by then is changed: whoever makes them thinks of that.

use super::code::Code;
use super::errand::{self, Errand, Failure, errno};
use super::frame;
use super::memory::HeldMemory;
use super::thread::{HeldThread, Registers, Thread};
use super::threads::Threads;
use super::twin::{self, NoTwin, Twin};
use crate::process::maps::{self, Mapping};
use mcrx_allocator::reader::Unreadable;
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::Options;
use nix::unistd::Pid;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Why something could not be done in a held process. Its threads are as they were, but for calls made before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandsError {
    /// It is none of those that stand still, or has ended.
    #[error("thread {0} is not held, or has ended")]
    NotHeld(Pid),
    /// It cannot be given other registers for a while.
    #[error("thread {thread} cannot be made to do anything: {why}")]
    Unable {
        /// Which.
        thread: Pid,
        /// What is in the way.
        why: &'static str,
    },
    /// Its system calls are decided over by a filter that we may not suspend.
    #[error(
        "thread {thread} has a seccomp filter that cannot be suspended ({errno}): run this as root (CAP_SYS_ADMIN), itself without a filter"
    )]
    Filtered {
        /// Which.
        thread: Pid,
        /// What ptrace(2) said.
        errno: Errno,
    },
    /// None of what it may run has them.
    #[error("process {0} has no instructions that make a system call: it is not linked with a C library")]
    NoInstructions(Pid),
    /// A call returned an error.
    #[error("system call {call}, made by thread {thread}: {errno}")]
    Call {
        /// By which.
        thread: Pid,
        /// Its number.
        call: u64,
        /// What it returned.
        errno: Errno,
    },
    /// It was killed.
    #[error("thread {thread} was lost: {errno}")]
    Lost {
        /// Which.
        thread: Pid,
        /// What ptrace(2) said.
        errno: Errno,
    },
    /// Memory could not be read or written.
    #[error("process {process}: {source}")]
    Memory {
        /// Whose.
        process: Pid,
        /// Where, and why.
        source: Unreadable,
    },
    /// A function that it was made to call did something wrong.
    #[error("a function called in thread {thread} ended with signal {signal}")]
    Crashed {
        /// Which thread called it.
        thread: Pid,
        /// What came of it.
        signal: i32,
    },
    /// A function that it was made to call did not return in time.
    #[error("a function called in thread {0} does not return")]
    TooLong(Pid),
    /// It could not be taken out, or sent to.
    #[error("descriptor {descriptor} of process {process}: {errno}")]
    Descriptor {
        /// Whose.
        process: Pid,
        /// Its number.
        descriptor: i32,
        /// What the kernel said.
        errno: Errno,
    },
    /// `/proc/PID/...` could not be opened or read.
    #[error("process {process} cannot be looked at: {errno}")]
    Unreadable {
        /// Which.
        process: Pid,
        /// What the kernel said.
        errno: Errno,
    },
}

/// What is known of a process.
#[derive(Debug, Default)]
struct Known {
    code: Option<Code>,
    /// As they were when somebody needed to know.
    mappings: Vec<Mapping>,
    memory: Option<Rc<HeldMemory>>,
}

/// Usable only by whoever holds, while they are held.
#[derive(Debug)]
pub struct Hands<'h>(RefCell<Work<'h>>);

#[derive(Debug)]
struct Work<'h> {
    threads: &'h mut Threads,
    processes: HashMap<Pid, Known>,
    errands: HashMap<Pid, Errand>,
    /// What threads will have in the end that have other registers for a while.
    goes_on: HashMap<Pid, Registers>,
}

/// Free bytes on a thread's stack while it is on an errand: for whoever wants some, and for batches.
const SCRATCH: usize = 4096 + super::batch::ROOM;

impl<'h> Hands<'h> {
    pub(super) fn new(threads: &'h mut Threads) -> Hands<'h> {
        Hands(RefCell::new(Work {
            threads,
            processes: HashMap::new(),
            errands: HashMap::new(),
            goes_on: HashMap::new(),
        }))
    }

    /// Tells where a process's instructions are that were [found](Code::find) before it was held: to look for them takes milliseconds.
    pub fn know(&self, process: Pid, code: &Code) {
        self.0.borrow_mut().processes.entry(process).or_default().code = Some(*code);
    }

    /// A thread will go on with these registers, whatever it is given until then: what the kernel keeps of the call that it waits in must stay.
    pub(crate) fn will_go_on(&self, thread: Pid, registers: &Registers) {
        self.0.borrow_mut().goes_on.insert(thread, *registers);
    }

    /// What was said of a thread by [`will_go_on`](Hands::will_go_on).
    pub(super) fn goes_on(&self, thread: Pid) -> Option<Registers> {
        self.0.borrow().goes_on.get(&thread).copied()
    }

    /// Has a thread make a system call. Signals do not interrupt it; it should not be one that waits.
    ///
    /// # Errors
    /// [`HandsError`]; [`HandsError::Call`] if it returned an error.
    pub fn system_call(
        &self,
        thread: Pid,
        call: libc::c_long,
        arguments: [u64; 6],
    ) -> Result<u64, HandsError> {
        let mut work = self.0.borrow_mut();
        let call = frame::number(call);
        let result = work.errand(thread)?.system_call(call, arguments);
        let result = result.map_err(|errno| HandsError::Lost { thread, errno })?;
        match result {
            -4095..=-1 => Err(HandsError::Call { thread, call, errno: errno(result) }),
            _ => Ok(result.cast_unsigned()),
        }
    }

    /// Memory of a thread's stack that calls may use, as long as the thread is not called back: its address, and how much it is.
    ///
    /// # Errors
    /// [`HandsError`]
    pub fn scratch(&self, thread: Pid) -> Result<(u64, usize), HandsError> {
        Ok(self.0.borrow_mut().errand(thread)?.scratch())
    }

    /// The memory of a process.
    ///
    /// # Errors
    /// [`HandsError::Unreadable`]
    pub fn memory(&self, process: Pid) -> Result<Rc<HeldMemory>, HandsError> {
        self.0.borrow_mut().memory(process)
    }

    /// Gives a thread back what is its own, if it was sent to make calls.
    ///
    /// # Errors
    /// [`HandsError::Lost`]
    pub fn call_back(&self, thread: Pid) -> Result<(), HandsError> {
        self.0.borrow_mut().call_back(thread)
    }
}

impl Hands<'_> {
    /// The process that a held thread is of.
    ///
    /// # Errors
    /// [`HandsError::NotHeld`]
    pub fn process_of(&self, thread: Pid) -> Result<Pid, HandsError> {
        Ok(self.0.borrow().thread(thread)?.process)
    }

    /// The threads of a process as they are now.
    #[must_use]
    pub fn threads(&self, process: Pid) -> Vec<HeldThread> {
        self.0.borrow().threads.of_process(process).filter_map(Thread::held).collect()
    }

    /// Sends a thread on an errand if it is on none, for this.
    pub(super) fn on_errand<T>(
        &self,
        thread: Pid,
        work: impl FnOnce(&mut Errand) -> Result<T, HandsError>,
    ) -> Result<T, HandsError> {
        work(self.0.borrow_mut().errand(thread)?)
    }

    /// The instructions by which a thread can be given other registers now, if it can.
    pub(super) fn code_for(&self, thread: Pid) -> Result<Code, HandsError> {
        let mut work = self.0.borrow_mut();
        let held = work.thread(thread)?;
        let process = held.process;
        errand::is_able(held).map_err(|why| HandsError::Unable { thread, why })?;
        work.code(process, thread)
    }

    /// A thread that is held from now on.
    pub(super) fn add(&self, thread: Thread) {
        self.0.borrow_mut().threads.add(thread);
    }

    /// Gives a thread away that is on no errand; it is not among those that are held meanwhile.
    pub(super) fn withdraw(&self, thread: Pid) -> Option<Thread> {
        self.0.borrow_mut().threads.withdraw(thread)
    }

    /// A thread has ended.
    pub(super) fn forget(&self, thread: Pid) {
        let mut work = self.0.borrow_mut();
        work.errands.remove(&thread);
        work.threads.withdraw(thread);
    }

    /// Where the process of a thread has instructions that store a function's result.
    pub(super) fn store(&self, thread: Pid) -> Result<Option<u64>, HandsError> {
        let mut work = self.0.borrow_mut();
        let process = work.thread(thread)?.process;
        Ok(work.code(process, thread)?.store)
    }

    /// The registers and the mask with which a thread will come back from its errand, if it is on one.
    pub(super) fn away(&self, thread: Pid) -> Result<Option<(Registers, u64)>, HandsError> {
        let work = self.0.borrow();
        work.thread(thread)?;
        Ok(work.errands.get(&thread).map(|errand| (errand.own, errand.mask)))
    }

    /// Makes a copy-on-write twin of one of the processes, by instructions of its own that were [found](Code::find) before.
    ///
    /// # Errors
    /// [`NoTwin`]: the process is as it was, and can be read itself.
    pub fn twin(&self, process: Pid, code: &Code) -> Result<Twin, NoTwin> {
        self.0.borrow_mut().twin(process, None, code)
    }

    /// As [`twin`](Hands::twin), but by this thread of the process.
    ///
    /// # Errors
    /// [`NoTwin`], also if this thread cannot do it.
    pub fn twin_by(&self, process: Pid, thread: Pid, code: &Code) -> Result<Twin, NoTwin> {
        self.0.borrow_mut().twin(process, Some(thread), code)
    }
}

impl Work<'_> {
    fn thread(&self, thread: Pid) -> Result<&Thread, HandsError> {
        self.threads.thread(thread).ok_or(HandsError::NotHeld(thread))
    }

    fn code(&mut self, process: Pid, thread: Pid) -> Result<Code, HandsError> {
        let unreadable = |_| HandsError::Unreadable { process, errno: Errno::ESRCH };
        let known = self.processes.entry(process).or_default();
        if known.mappings.is_empty() {
            known.mappings = maps::read(thread).map_err(unreadable)?;
            known.code = known.code.filter(|code| code.is_there(thread, &known.mappings));
        }
        if known.code.is_none() {
            known.code = Code::find(thread, &known.mappings);
        }
        known.code.ok_or(HandsError::NoInstructions(process))
    }

    fn errand(&mut self, thread: Pid) -> Result<&mut Errand, HandsError> {
        if !self.errands.contains_key(&thread) {
            let errand = self.send(thread)?;
            self.errands.insert(thread, errand);
        }
        self.errands.get_mut(&thread).ok_or(HandsError::NotHeld(thread))
    }

    /// Sends a thread on an errand.
    fn send(&mut self, id: Pid) -> Result<Errand, HandsError> {
        let thread = self.thread(id)?;
        let process = thread.process;
        errand::is_able(thread).map_err(|why| HandsError::Unable { thread: id, why })?;
        let code = self.code(process, id)?;
        let lost = |errno| HandsError::Lost { thread: id, errno };
        let registers = nix::sys::ptrace::getregs(id).map_err(lost)?;
        let extended = super::raw::extended_registers(id).map_err(lost)?.len();
        let room = frame::room(extended, 1) + SCRATCH as u64;
        let known = self.processes.entry(process).or_default();
        if !errand::has_room(&known.mappings, registers.rsp, room) {
            // It may have got another stack meanwhile.
            known.mappings = maps::read(id).map_err(|_| lost(Errno::ESRCH))?;
            if !errand::has_room(&known.mappings, registers.rsp, room) {
                return Err(HandsError::Unable { thread: id, why: "its stack has no room" });
            }
        }
        let started =
            Errand::send(self.thread(id)?, &code, Options::PTRACE_O_TRACECLONE, SCRATCH, |_, _, _| ());
        started.map_err(|failure| match failure {
            Failure::NotOrdinary => HandsError::Unable { thread: id, why: "it is of no 64-bit program" },
            Failure::Filtered(errno) => HandsError::Filtered { thread: id, errno },
            Failure::Lost(errno) => lost(errno),
        })
    }

    fn call_back(&mut self, thread: Pid) -> Result<(), HandsError> {
        match self.errands.remove(&thread) {
            Some(mut errand) => errand.come_back().map_err(|errno| HandsError::Lost { thread, errno }),
            None => Ok(()),
        }
    }

    fn call_all_back(&mut self, process: Option<Pid>) {
        let of_it = |errand: &Errand| process.is_none_or(|process| process == errand.process);
        for (_, mut errand) in self.errands.extract_if(|_, errand| of_it(errand)) {
            // One that was killed has nothing to come back to.
            let _ = errand.come_back();
        }
    }

    fn memory(&mut self, process: Pid) -> Result<Rc<HeldMemory>, HandsError> {
        let thread = self.threads.of_process(process).next().map(|thread| thread.id);
        let thread = thread.ok_or(HandsError::NotHeld(process))?;
        let known = self.processes.entry(process).or_default();
        if known.memory.is_none() {
            let opened = HeldMemory::open(thread).map_err(|error| HandsError::Unreadable {
                process,
                errno: Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)),
            })?;
            known.memory = Some(Rc::new(opened));
        }
        known.memory.clone().ok_or(HandsError::NotHeld(process))
    }
}

impl Work<'_> {
    fn twin(&mut self, process: Pid, by: Option<Pid>, code: &Code) -> Result<Twin, NoTwin> {
        self.call_all_back(Some(process));
        let of_it: Vec<&Thread> = self.threads.of_process(process).collect();
        twin::make(&of_it, by, code)
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.call_all_back(None);
    }
}
