//! What is a held thread's own: its registers, its mask of signals, and what it has told the kernel about its memory.
//!
//! To change any of it calls the thread back from its errand first.

use super::hands::{Hands, HandsError};
use super::raw;
use super::thread::Registers;
use crate::kernel::{RobustList, Rseq};
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::unistd::Pid;

impl Hands<'_> {
    /// The general registers with which a thread goes on.
    ///
    /// # Errors
    /// [`HandsError`]
    pub fn registers(&self, thread: Pid) -> Result<Registers, HandsError> {
        match self.away(thread)? {
            Some((own, _)) => Ok(own),
            None => ptrace::getregs(thread).map_err(lost(thread)),
        }
    }

    /// Gives a thread others. Where they are of a thread that waits in a call, the kernel decides what becomes of the call as it lets this
    /// thread go, by `rax` (see [`interrupted`](mod@super::interrupted)).
    ///
    /// # Errors
    /// [`HandsError`]
    pub fn set_registers(&self, thread: Pid, registers: &Registers) -> Result<(), HandsError> {
        self.back(thread)?;
        raw::set_registers(thread, registers).map_err(lost(thread))
    }

    /// The floating-point and vector registers, as XSAVE lays them out.
    ///
    /// # Errors
    /// [`HandsError`]
    pub fn extended_registers(&self, thread: Pid) -> Result<Vec<u8>, HandsError> {
        self.away(thread)?;
        // System calls leave them alone.
        raw::extended_registers(thread).map_err(lost(thread))
    }

    /// Gives a thread others.
    ///
    /// # Errors
    /// [`HandsError`]
    pub fn set_extended_registers(&self, thread: Pid, bytes: &[u8]) -> Result<(), HandsError> {
        self.back(thread)?;
        raw::set_extended_registers(thread, bytes).map_err(lost(thread))
    }

    /// The signals that a thread blocks, a bit each from SIGHUP on. Where it waits with others blocked (`ppoll`, `sigsuspend`), those that
    /// it will block afterwards.
    ///
    /// # Errors
    /// [`HandsError`]
    pub fn signal_mask(&self, thread: Pid) -> Result<u64, HandsError> {
        match self.away(thread)? {
            Some((_, mask)) => Ok(mask),
            None => raw::signal_mask(thread).map_err(lost(thread)),
        }
    }

    /// Has a thread block these signals, and no others.
    ///
    /// # Errors
    /// [`HandsError`]
    pub fn set_signal_mask(&self, thread: Pid, mask: u64) -> Result<(), HandsError> {
        self.back(thread)?;
        raw::set_signal_mask(thread, mask).map_err(lost(thread))
    }

    /// A thread's registration of a restartable sequence area.
    ///
    /// # Errors
    /// [`HandsError`]
    pub fn rseq(&self, thread: Pid) -> Result<Option<Rseq>, HandsError> {
        self.away(thread)?;
        raw::rseq(thread).map_err(lost(thread))
    }

    /// A thread's list of locks that are to be freed if it ends.
    ///
    /// # Errors
    /// [`HandsError`]
    pub fn robust_list(&self, thread: Pid) -> Result<Option<RobustList>, HandsError> {
        self.away(thread)?;
        raw::robust_list(thread).map_err(lost(thread))
    }

    /// Calls a thread back, which must be one that is held.
    fn back(&self, thread: Pid) -> Result<(), HandsError> {
        self.away(thread)?;
        self.call_back(thread)
    }
}

fn lost(thread: Pid) -> impl Fn(Errno) -> HandsError {
    move |errno| HandsError::Lost { thread, errno }
}
