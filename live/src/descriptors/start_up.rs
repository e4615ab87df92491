//! Which descriptors a server's start-up has made, in each of its processes.
//!
//! A number alone says nothing: a program that has closed what its start-up made may have a connection under the same number by now. So what
//! each names is known with it, as `/proc/PID/fd` tells: of sockets and pipes the kernel's own number, of files their path, of others their
//! kind.

use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

/// The version of what is written down.
const SCHEMA: &str = "mcrx.descriptors/1";

/// Those of all processes of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartUp {
    /// `mcrx.descriptors/1`
    schema: String,
    /// By process, what each number names.
    processes: BTreeMap<i32, BTreeMap<i32, String>>,
}

impl Default for StartUp {
    fn default() -> StartUp {
        StartUp { schema: SCHEMA.to_owned(), processes: BTreeMap::new() }
    }
}

impl StartUp {
    /// What these processes have open now, as far as it is `wanted`. Of one that has ended that is nothing.
    #[must_use]
    pub fn of(processes: impl IntoIterator<Item = Pid>, wanted: impl Fn(Pid, i32) -> bool) -> StartUp {
        let of_process = |pid: Pid| {
            let wanted = open(pid).filter(|(number, _)| wanted(pid, *number));
            (pid.as_raw(), wanted.collect())
        };
        StartUp { processes: processes.into_iter().map(of_process).collect(), ..StartUp::default() }
    }

    /// Whether what a process has under a number is what its start-up made.
    #[must_use]
    pub fn made(&self, process: Pid, number: i32, target: &OsStr) -> bool {
        let known = self.processes.get(&process.as_raw()).and_then(|numbers| numbers.get(&number));
        known.is_some_and(|known| *known == named(target))
    }

    /// The numbers under which some of these processes has what its start-up did not make, all together and in order.
    #[must_use]
    pub fn later(&self, processes: impl IntoIterator<Item = Pid>) -> Vec<i32> {
        let later = processes.into_iter().flat_map(|pid| {
            let later =
                open(pid).filter(move |(number, target)| !self.made(pid, *number, OsStr::new(target)));
            later.map(|(number, _)| number)
        });
        let sorted: std::collections::BTreeSet<i32> = later.collect();
        sorted.into_iter().collect()
    }
}

/// What a process has open: a number, and what it names.
fn open(pid: Pid) -> impl Iterator<Item = (i32, String)> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        Some((number, named(fs::read_link(entry.path()).ok()?.as_os_str())))
    })
}

/// A file is the same before and after it was removed.
fn named(target: &OsStr) -> String {
    let target = target.as_bytes();
    String::from_utf8_lossy(target.strip_suffix(b" (deleted)").unwrap_or(target)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd as _;

    #[test]
    fn what_is_open_later_is_not_of_the_start_up_even_under_the_same_number() {
        let me = Pid::this();
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let number = one.as_raw_fd();
        let start = StartUp::of([me], |_, other| other == number);
        let target = |number: i32| fs::read_link(format!("/proc/self/fd/{number}")).unwrap();
        assert!(start.made(me, number, target(number).as_os_str()));
        assert!(!start.later([me]).contains(&number));
        let (again, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(!start.made(me, number, target(again.as_raw_fd()).as_os_str()));
        assert!(start.later([me]).contains(&again.as_raw_fd()));
    }

    #[test]
    fn it_is_the_same_when_it_was_written_down_and_read() {
        let start = StartUp::of([Pid::this()], |_, _| true);
        let text = serde_json::to_string(&start).unwrap();
        assert!(text.contains(SCHEMA));
        assert_eq!(serde_json::from_str::<StartUp>(&text).unwrap(), start);
    }
}
