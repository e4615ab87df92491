//! A process held by ptrace: stopped at whatever instructions its threads are at, looked at, and let go on.
//!
//! Contains `unsafe`: the ptrace requests that `nix` has no safe wrapper for.

use mcrx_allocator::reader::{
    Address, Consistency, Heap, Limits, Memory, Piece, Unreadable, Why, arena_bases, find,
};
use mcrx_harness::{Explain as _, Pid, Result, bail};
use nix::sys::ptrace;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use std::fs;
use std::io::IoSliceMut;
use std::process::{Child, Command};

/// A child of the test's, ended with it.
pub(crate) struct Tracee {
    child: Child,
    threads: Vec<Pid>,
}

impl Tracee {
    /// Starts a program, which runs until it is held.
    pub(crate) fn start(command: &mut Command) -> Result<Tracee> {
        Ok(Tracee { child: command.spawn()?, threads: Vec::new() })
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Takes hold of every thread. From here on only the calling thread may call the methods.
    pub(crate) fn seize(&mut self) -> Result<()> {
        // A thread may start another meanwhile: until a round finds none that is new.
        loop {
            let new: Vec<Pid> =
                tasks(self.pid())?.into_iter().filter(|task| !self.threads.contains(task)).collect();
            if new.is_empty() {
                return Ok(());
            }
            for task in new {
                ptrace::seize(task, ptrace::Options::PTRACE_O_EXITKILL)?;
                self.threads.push(task);
            }
        }
    }

    pub(crate) fn threads(&self) -> &[Pid] {
        &self.threads
    }

    /// Stops every thread where it is. `false`: the program has ended.
    pub(crate) fn stop(&self) -> Result<bool> {
        for thread in &self.threads {
            if ptrace::interrupt(*thread).is_err() {
                return Ok(false);
            }
        }
        for thread in &self.threads {
            if !stopped(*thread)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Lets one thread execute one instruction.
    pub(crate) fn step(&self, thread: Pid) -> Result<bool> {
        if ptrace::step(thread, None).is_err() {
            return Ok(false);
        }
        stopped(thread)
    }

    /// Lets every thread go on.
    pub(crate) fn go_on(&self) -> Result<()> {
        for thread in &self.threads {
            ptrace::cont(*thread, None)?;
        }
        Ok(())
    }

    /// Reads the heap of the process, which is stopped: anything that makes no sense is an error.
    pub(crate) fn heap(&self) -> Result<Heap> {
        heap(self.pid(), Consistency::Stopped)
    }
}

impl Drop for Tracee {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        // Its threads are this tracer's to bury, and the process is not over before they are.
        for thread in &self.threads {
            while *thread != self.pid() && stopped(*thread).unwrap_or(false) {}
        }
        let _ = self.child.wait();
    }
}

fn tasks(pid: Pid) -> Result<Vec<Pid>> {
    let entries = fs::read_dir(format!("/proc/{pid}/task"))?;
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers.map(Pid::from_raw).collect())
}

/// Waits until a thread has stopped; `false` if it has ended instead.
fn stopped(thread: Pid) -> Result<bool> {
    loop {
        match waitpid(thread, Some(WaitPidFlag::__WALL)) {
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => return Ok(false),
            Ok(WaitStatus::Stopped(_, signal)) if signal != nix::sys::signal::Signal::SIGTRAP => {
                bail!("thread {thread} got {signal}")
            }
            Ok(WaitStatus::StillAlive) | Err(nix::errno::Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(nix::errno::Errno::ECHILD | nix::errno::Errno::ESRCH) => return Ok(false),
            Err(error) => return Err(error).context("a thread cannot be waited for"),
        }
    }
}

/// Reads the heap of a process.
pub(crate) fn heap(pid: Pid, consistency: Consistency) -> Result<Heap> {
    let memory = Remote(pid);
    let bases = find(&memory, &arena_bases(&fs::read(format!("/proc/{pid}/maps"))?));
    Ok(Heap::read(&memory, &bases, consistency, Limits::default())?)
}

/// The memory of another process.
pub(crate) struct Remote(pub(crate) Pid);

impl Memory for Remote {
    fn read(&self, address: Address, buffer: &mut [u8]) -> std::result::Result<(), Unreadable> {
        self.read_many(&mut [Piece { address, buffer }])
    }

    fn read_many(&self, pieces: &mut [Piece<'_>]) -> std::result::Result<(), Unreadable> {
        // The kernel takes so many at a time (UIO_MAXIOV).
        for pieces in pieces.chunks_mut(1024) {
            let Some(first) = pieces.first() else { continue };
            let (address, len) = (first.address, pieces.iter().map(|piece| piece.buffer.len()).sum());
            let base = |piece: &Piece<'_>| usize::try_from(piece.address.0).unwrap_or(usize::MAX);
            let remote: Vec<RemoteIoVec> = pieces
                .iter()
                .map(|piece| RemoteIoVec { base: base(piece), len: piece.buffer.len() })
                .collect();
            let mut local: Vec<IoSliceMut<'_>> =
                pieces.iter_mut().map(|piece| IoSliceMut::new(piece.buffer)).collect();
            if process_vm_readv(self.0, &mut local, &remote) != Ok(len) {
                return Err(Unreadable { address, len, why: Why::NotMapped });
            }
        }
        Ok(())
    }
}
