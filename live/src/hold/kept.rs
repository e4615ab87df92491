//! Threads that another thread of this process has stopped, and keeps so until it ends: whoever holds others takes them for held.
//!
//! A thread has one tracer, so they cannot be seized; but they can be looked at. What they cannot be made to do is anything.

use super::thread::Registers;
use nix::unistd::Pid;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// With the registers that they stopped with.
static KEPT: LazyLock<Mutex<HashMap<Pid, Registers>>> = LazyLock::new(Mutex::default);

fn all() -> MutexGuard<'static, HashMap<Pid, Registers>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Some that the calling thread keeps; they are not taken for held any more when this goes, which has to be before they go on.
#[derive(Debug)]
pub(crate) struct Kept(Vec<Pid>);

impl Kept {
    pub(crate) fn these(threads: Vec<(Pid, Registers)>) -> Kept {
        let numbers = threads.iter().map(|(thread, _)| *thread).collect();
        all().extend(threads);
        Kept(numbers)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut all = all();
        all.retain(|thread, _| !self.0.contains(thread));
    }
}

/// The registers of a thread that is kept.
pub(super) fn registers(thread: Pid) -> Option<Registers> {
    all().get(&thread).copied()
}
