//! Contains `unsafe`: whoever finishes or undoes an update whose controller was killed.
//!
//! A process, forked from the controller when everything is planned and before anything is done. It has what the controller knew then: the plans, and
//! the state of each thread, mapping and descriptor before. It waits until it is dismissed. If the controller ends before, it takes over.
//!
//! **Why the server is never seen half changed.** Before anything is changed, every thread is [parked](super::parking): let go by the kernel
//! when its tracer dies, it waits there, whatever it was doing for us. So nothing of the server runs until somebody takes threads out of there; and that is
//! done only when all was put back, or all is done. How far it has come is one word of the [ledger](crate::ledger):
//!
//! | stage | threads | the guardian |
//! |---|---|---|
//! | parking | run, or are parked | takes those that are parked out |
//! | changing | are all parked | puts everything back, and goes on with the next |
//! | undone | are parked, or run the old code | takes those that are parked out |
//! | committed | are all parked | does the rest, and goes on with the next |
//! | done | are parked, or run the new code | takes those that are parked out, with their new registers |
//! | free | run | writes down what is to be kept |
//!
//! **How everything is put back** though nobody says which step was the last: the guardian takes back all that may have been done. What a step
//! changes is known from the plan, and to take back what was not done does no harm: nothing lies where something was to be mapped, and
//! a thread that is told its own signal mask once more does not mind. What is not known from the plan is in the ledger, before it is
//! done: bytes that are overwritten, descriptors that get numbers nobody could foresee, threads that are made.
//!
//! A call of a thread for the controller goes on to its end without it, and a function too; then the thread parks. It is waited for.
//!
//! If the guardian is killed, the controller goes on alone. If both are, and threads are parked, the server stands still for good: it is not corrupted, and only SIGKILL ends it.
//!
//! Should the controller fail in a way that nobody foresaw, it ends without dismissing the guardian, which then does the same.
//!
//! What it does not do: watch an update that goes well, or print.

use crate::ledger::{Ledger, Stage};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pipe2, setsid};
use rustix::process::{PidfdFlags, pidfd_open};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

/// It waits until this is dropped, or the process that has this ends.
#[derive(Debug)]
#[must_use = "it takes over when this is not dropped"]
pub(super) struct Guardian {
    id: Pid,
    /// A byte in it dismisses it.
    leave: File,
    ledger: Arc<Ledger>,
}

impl Guardian {
    /// Makes one. In it, `take_over` is called if the calling process ends before this is dropped.
    ///
    /// # Errors
    /// There can be none.
    pub(super) fn fork(ledger: Arc<Ledger>, take_over: impl FnOnce()) -> io::Result<Guardian> {
        let controller = pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
        let (dismissed, leave) = pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        // SAFETY: the child has the calling thread only. What it does from here on takes no lock but that of the C library's allocator, which
        // fork(2) leaves free in the child: no pool of threads is used, nothing is printed, and nothing of the caller's is dropped.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Guardian { id: child, leave: File::from(leave), ledger }),
            ForkResult::Child => {
                drop(leave);
                // What is sent to a terminal's processes, or to us by name, is not for it.
                let _ = setsid();
                let _ = rustix::process::setpriority_process(None, 0);
                let _ = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK);
                if outlives(&controller, dismissed) {
                    // A panic is nobody's any more.
                    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(take_over));
                }
                // SAFETY: ends this process, without anything of the caller's being dropped or flushed.
                unsafe { libc::_exit(0) }
            }
        }
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        // We have failed in the middle of it, and are about to end.
        if !matches!(self.ledger.stage(), Ok(Stage::FreeOld | Stage::FreeNew)) {
            return;
        }
        // It may have been killed: then nobody listens.
        let _ = self.leave.write_all(&[1]);
        while waitpid(self.id, None) == Err(Errno::EINTR) {}
    }
}

/// Waits for the end of the controller, or to be dismissed by it.
fn outlives(controller: &OwnedFd, dismissed: OwnedFd) -> bool {
    let mut dismissed = File::from(dismissed);
    loop {
        // Not by the pipe's end: threads of the controller are traced until all of it has ended.
        let mut ends = [
            PollFd::new(controller.as_fd(), PollFlags::POLLIN),
            PollFd::new(dismissed.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut ends, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            Err(_) => return true,
            Ok(_) => {}
        }
        let [has_ended, says_so] = ends.map(|end| end.revents().unwrap_or(PollFlags::empty()));
        if says_so.contains(PollFlags::POLLIN) {
            return !matches!(dismissed.read(&mut [0]), Ok(1));
        }
        if has_ended.contains(PollFlags::POLLIN) {
            return true;
        }
        // The pipe has no writer any more: its process is about to end.
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
}
