//! Holding processes still for a moment, so that they notice nothing but being late.
//!
//! Every thread is seized and interrupted by ptrace(2), from a thread made for the purpose: when that thread ends, however it
//! ends, the kernel lets go of whatever it still holds. So held processes go on when we return, fail, panic or are
//! killed. We cannot be stopped from the keyboard meanwhile either, for then they would stand still with us.
//!
//! What a held process may notice is in [`interrupted`](mod@interrupted): hardly anything. What it cannot notice is signals lost or
//! doubled, a job control stop undone, or its parent being told.
//!
//! A thread in an uninterruptible sleep (the parent of a vfork, a thread waiting for a disk) is as good as held: it executes nothing of
//! the program before it stops. It is not waited for.

mod batch;
mod code;
mod errand;
mod error;
mod frame;
mod function;
mod hands;
pub mod interrupted;
pub(crate) mod kept;
mod made;
mod memory;
mod own;
pub(crate) mod raw;
pub(crate) mod report;
mod rest;
mod thread;
mod threads;
mod transfer;
mod twin;

pub(crate) use batch::QUIET;
pub use batch::SystemCall;
pub use code::Code;
pub use error::HoldError;
pub use hands::{Hands, HandsError};
pub use made::NewThread;
pub use memory::HeldMemory;
pub use rest::{call_of, waits_for_work};
pub(crate) use thread::alone;
pub use thread::{HeldThread, Registers};
pub use twin::{NoTwin, Twin};

use crate::process::tree;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::unistd::Pid;
use std::time::{Duration, Instant};
use threads::Threads;

/// How long threads may take to stop. Sixty-four of them take less than a millisecond.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One process, with all its threads.
    Process(Pid),
    /// A process and all that descend from it, but for the calling process if it is one of them: a server with its workers.
    Tree(Pid),
}

impl Scope {
    /// The process that was named.
    #[must_use]
    pub const fn root(self) -> Pid {
        match self {
            Scope::Process(pid) | Scope::Tree(pid) => pid,
        }
    }

    /// Who belongs to it at this moment: the root first, parents before their children.
    fn members(self) -> Vec<Pid> {
        match self {
            Scope::Process(pid) => vec![pid],
            Scope::Tree(pid) => {
                let mut members = tree::with_descendants(pid);
                members.retain(|member| *member == pid || *member != Pid::this());
                members
            }
        }
    }
}

/// Processes that stand still.
#[derive(Debug)]
pub struct Held {
    /// In no order but that a parent comes before its children. None is without threads.
    pub processes: Vec<HeldProcess>,
}

/// A process none of whose threads executes anything.
#[derive(Debug)]
pub struct HeldProcess {
    /// Its number, even if its main thread has ended.
    pub pid: Pid,
    /// Those that have not ended, in the order of their making as the kernel lists them.
    pub threads: Vec<HeldThread>,
}

/// Does `work` while no thread of `scope` executes anything; says for how long that was, from the first thread's interruption to the
/// last one's release.
///
/// Threads and processes that are made while the rest is being stopped are caught too; those that end meanwhile are left out.
/// `work` runs in a thread of its own, at the highest priority that we may have; it should not take long, and not touch the
/// terminal.
///
/// # Errors
/// [`HoldError`]: nothing was held, or all was let go again.
pub fn while_held<T: Send>(
    scope: Scope,
    work: impl FnOnce(&Held) -> T + Send,
) -> Result<(T, Duration), HoldError> {
    while_held_then(scope, |held, _| work(held), |result| result)
}

/// As [`while_held`], but `work` has [`Hands`] in the processes: their threads make system calls for it, and twins. What it makes of these is
/// done by `then` when all have been let go again. Twins end with what holds them, at the latest with `then`.
///
/// # Errors
/// [`HoldError`]: nothing was held, or all was let go again.
pub fn while_held_then<A, T: Send>(
    scope: Scope,
    work: impl FnOnce(&Held, &Hands<'_>) -> A + Send,
    then: impl FnOnce(A) -> T + Send,
) -> Result<(T, Duration), HoldError> {
    if scope.root() == Pid::this() {
        return Err(HoldError::Ourselves);
    }
    let other = |errno| HoldError::Other { process: scope.root(), errno };
    let keyboard = SigSet::from_iter([Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU]);
    let before = keyboard.thread_swap_mask(SigmaskHow::SIG_BLOCK).map_err(other)?;
    let outcome = std::thread::scope(|threads| {
        let holder = threads.spawn(|| {
            let usual = rustix::process::getpriority_process(None).unwrap_or(0);
            // On a busy machine others would run while the server stands. Where this is not permitted, they do.
            let _ = rustix::process::setpriority_process(None, -20);
            let start = Instant::now();
            let mut threads = Threads::default();
            threads.hold(scope, start + PATIENCE)?;
            let held = threads.held();
            let hands = Hands::new(&mut threads);
            let result = work(&held, &hands);
            // Each thread has its own again.
            drop(hands);
            threads.release();
            let time = start.elapsed();
            let _ = rustix::process::setpriority_process(None, usual);
            Ok((then(result), time))
        });
        holder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    // It was a valid mask before.
    let _ = before.thread_set_mask();
    outcome
}
