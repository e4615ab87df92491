//! Contains `unsafe`: a table of descriptors of a thread's own, descriptors at chosen numbers, and epoll_ctl(2).
//!
//! Changes of many registrations at once, from our own process: a system call made by a held process costs two stops, and a server may have
//! thousands of connections.
//!
//! A registration is known by its file and its number, whoever asks. So the files are needed under the numbers that they have there: in a thread
//! with a table of descriptors of its own (`CLONE_FILES` of unshare(2)), which may be overwritten at will.

use super::epoll::{Change, Watch};
use super::read::Files;
use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

/// Makes changes [in place](Change::is_in_place), in their order; says how many were made before one could not be.
pub(super) fn change(process: Pid, changes: &[Change]) -> (usize, Result<(), io::Error>) {
    if changes.is_empty() {
        return (0, Ok(()));
    }
    let mut made = 0;
    let result = std::thread::scope(|threads| {
        let worker = threads.spawn(|| Table::of(process, changes)?.change(changes, &mut made));
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    (made, result)
}

/// The calling thread's own table of descriptors.
struct Table {
    files: Files,
    /// Above all numbers that are changed.
    sets: BTreeMap<i32, OwnedFd>,
}

impl Table {
    fn of(process: Pid, changes: &[Change]) -> io::Result<Table> {
        let highest = changes.iter().map(|change| change.descriptor).max().unwrap_or(0);
        let spare = i32::try_from(changes.len()).unwrap_or(i32::MAX / 4) + 64;
        allow(highest.saturating_add(spare))?;
        // SAFETY: the call takes flags only; from here on this thread has a copy of the table, and what it does to that is seen by no other.
        Errno::result(unsafe { libc::unshare(libc::CLONE_FILES) })?;
        let files = Files::by(above(highest, Files::of(process)?.handle())?);
        let mut sets = BTreeMap::new();
        for change in changes {
            if let Entry::Vacant(none) = sets.entry(change.set) {
                none.insert(above(highest, &files.get(change.set)?)?);
            }
        }
        Ok(Table { files, sets })
    }

    fn change(&self, changes: &[Change], made: &mut usize) -> io::Result<()> {
        for change in changes {
            let (Some(set), Some(watch)) = (self.sets.get(&change.set), change.after) else { continue };
            let file = above(change.descriptor, &self.files.get(change.descriptor)?)?;
            // SAFETY: both are numbers. What this thread has under the second is overwritten: nothing of this thread's table below the highest number is
            // used by it again but what is overwritten in the same way, and no other thread has this table.
            let number = unsafe { libc::dup3(file.as_raw_fd(), change.descriptor, libc::O_CLOEXEC) };
            Errno::result(number)?;
            drop(file);
            modify(set, number, watch)?;
            *made += 1;
        }
        Ok(())
    }
}

fn modify(set: &OwnedFd, number: i32, watch: Watch) -> io::Result<()> {
    let mut event = libc::epoll_event { events: watch.events, u64: watch.data };
    // SAFETY: epoll_ctl reads one `struct epoll_event` from the pointer, which is to one.
    let result = unsafe { libc::epoll_ctl(set.as_raw_fd(), libc::EPOLL_CTL_MOD, number, &raw mut event) };
    Ok(Errno::result(result).map(drop)?)
}

/// The same file under a number above this one.
fn above(number: i32, file: &OwnedFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(file, number.saturating_add(1))?)
}

/// Sees to it that we may have such numbers.
fn allow(highest: i32) -> io::Result<()> {
    let needed = u64::from(highest.unsigned_abs()) + 1;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let maximum = limit.maximum.map(|maximum| maximum.max(needed));
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum })?)
}
