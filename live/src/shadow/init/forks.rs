//! Processes get the numbers that they are to have.
//!
//! The kernel gives a new process the next free number after `/proc/sys/kernel/ns_last_pid`. So we are asked before each fork
//! ([`notice`](super::notice)), and set that number before we let it be made. One fork is let through at a time, and is over when the number
//! has moved.
//!
//! Whom nothing was assigned to gets a number that nobody wants.

use super::super::numbers::{Assignment, Path};
use super::notice::{Listener, Notice};
use crate::process::memory::ProcessMemory;
use crate::process::status::Status;
use crate::randomness::Place;
use mcrx_allocator::reader::{Address, Memory as _};
use nix::libc::{self, c_long};
use nix::unistd::Pid;
use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

/// All calls that make a process or a thread.
pub(super) const CALLS: [c_long; 4] = [libc::SYS_clone, libc::SYS_fork, libc::SYS_vfork, libc::SYS_clone3];
/// How long a fork may take once it has been allowed: on a busy machine some tenths of a second. One that a signal interrupts is asked for again;
/// who were taken for that would get a number that is not his, and so would all that he makes.
const FORKING: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_micros(20);

/// Who made whom, and who is to get which number.
pub(super) struct Forks {
    last: File,
    /// The number that comes next where none was assigned.
    spare: i32,
    reserved: HashSet<i32>,
    assignments: HashMap<Path, Assignment>,
    made: HashMap<i32, Made>,
    /// All threads but the first ones: whose, and the how many-th.
    threads: HashMap<i32, (i32, u32)>,
}

/// A process that was seen being made.
struct Made {
    path: Path,
    processes: u32,
    threads: usize,
}

impl Forks {
    pub(super) fn new(assignments: &[Assignment], reserved: &[i32]) -> io::Result<Forks> {
        let last = OpenOptions::new().read(true).write(true).open("/proc/sys/kernel/ns_last_pid")?;
        let reserved: HashSet<i32> = reserved.iter().copied().collect();
        // Far from what is wanted, so that it is seldom run into.
        let spare = if reserved.iter().min().is_none_or(|least| *least > 2000) { 2 } else { 10_000 };
        let assignments = assignments.iter().map(|one| (one.path.clone(), one.clone())).collect();
        Ok(Forks { last, spare, reserved, assignments, made: HashMap::new(), threads: HashMap::new() })
    }

    /// Has the next process that is made get the number of the first one.
    pub(super) fn prepare_first(&mut self) -> io::Result<()> {
        let number = self.assignments.get(&Path::new()).map(|one| one.pid);
        let number = number.unwrap_or_else(|| self.next_spare());
        self.set_last(number - 1)
    }

    /// Takes note of the first process.
    pub(super) fn begin(&mut self, pid: i32) {
        self.made.insert(pid, Made { path: Path::new(), processes: 0, threads: 0 });
    }

    /// Lets a process make another, or a thread, that asks for it. Says who was made if it was a process.
    pub(super) fn serve(&mut self, notice: &Notice, listener: &Listener) -> io::Result<Option<(Path, i32)>> {
        let process = Status::of(notice.thread).and_then(|status| status.process());
        let maker = process.unwrap_or(notice.thread).as_raw();
        let of_thread = makes_thread(notice);
        let wanted = self.wanted(maker, of_thread);
        let number = wanted.unwrap_or_else(|| self.next_spare());
        self.set_last(number - 1)?;
        if !listener.go_on(notice)? {
            return Ok(None);
        }
        let Some(pid) = self.moved_from(number - 1)? else { return Ok(None) };
        let Some(made) = self.made.get_mut(&maker) else { return Ok(None) };
        if of_thread {
            made.threads += 1;
            self.threads.insert(pid, (maker, u32::try_from(made.threads).unwrap_or(u32::MAX)));
            return Ok(None);
        }
        let path = child(&made.path, made.processes);
        made.processes += 1;
        self.made.insert(pid, Made { path: path.clone(), processes: 0, threads: 0 });
        Ok(Some((path, pid)))
    }

    /// How a thread was made.
    pub(super) fn place(&self, thread: Pid) -> Option<Place> {
        let (process, ordinal) = match self.threads.get(&thread.as_raw()) {
            Some((process, ordinal)) => (*process, *ordinal),
            None => (thread.as_raw(), 0),
        };
        let made = self.made.get(&process)?;
        Some(Place { path: made.path.clone(), thread: ordinal })
    }

    fn wanted(&self, maker: i32, of_thread: bool) -> Option<i32> {
        let made = self.made.get(&maker)?;
        if of_thread {
            return self.assignments.get(&made.path)?.threads.get(made.threads).copied();
        }
        self.assignments.get(&child(&made.path, made.processes)).map(|one| one.pid)
    }

    fn next_spare(&mut self) -> i32 {
        while self.reserved.contains(&self.spare) {
            self.spare += 1;
        }
        self.spare += 1;
        self.spare - 1
    }

    fn set_last(&self, number: i32) -> io::Result<()> {
        self.last.write_all_at(number.to_string().as_bytes(), 0)
    }

    /// The number that was given, if one was within the time.
    fn moved_from(&self, before: i32) -> io::Result<Option<i32>> {
        let deadline = Instant::now() + FORKING;
        loop {
            let mut text = [0; 16];
            let len = self.last.read_at(&mut text, 0)?;
            let text = String::from_utf8_lossy(text.get(..len).unwrap_or_default());
            let now: i32 = text.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?;
            if now != before {
                return Ok(Some(now));
            }
            if Instant::now() > deadline {
                return Ok(None);
            }
            std::thread::sleep(INTERVAL);
        }
    }
}

fn child(path: &Path, index: u32) -> Path {
    path.iter().copied().chain([index]).collect()
}

/// Whether what a call makes is a thread of the caller's process.
fn makes_thread(notice: &Notice) -> bool {
    let flags = match notice.call {
        libc::SYS_clone => notice.arguments[0],
        libc::SYS_clone3 => {
            // The first member of `struct clone_args`. If it is not there, the call is going to fail.
            let mut flags = [0; 8];
            let _ = ProcessMemory::of(notice.thread).read(Address(notice.arguments[0]), &mut flags);
            u64::from_ne_bytes(flags)
        }
        _ => 0,
    };
    flags & u64::from(libc::CLONE_THREAD.cast_unsigned()) != 0
}
