//! What the old release has that the new one is to have, or must not have.

use super::numbers::WantedProcess;
use crate::process::condition::Condition;
use crate::process::status::{Status, threads};
use crate::process::{maps, read, read_text, tree};
use crate::randomness::Draw;
use nix::libc;
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// What a shadow is to be like.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The processes of the old release: parents before their children, else in the order of their making.
    pub processes: Vec<WantedProcess>,
    /// Whether the old release's root was not the first process of its start, but descends from it.
    pub daemonised: bool,
    /// Which version of the program this is to be, for the allocator (`MCRX_EPOCH`). Nothing leaves the environment's.
    pub epoch: Option<u32>,
    /// Descriptor numbers that the new release must not use, but for 0 to 2.
    pub taken: Vec<i32>,
    /// Long files that the old release only appends to. The new one finds files as long in their place, of zeros: to append to a file
    /// behind an overlay takes a copy of it. If it does not start so, it is tried without.
    pub logs: Vec<PathBuf>,
    /// What the old release's start-up has drawn at random: the new one draws the same.
    pub draws: Vec<Draw>,
    /// The old release has other files by the same paths than we have: it is in a container, and the new one would not be.
    pub elsewhere: bool,
    /// Addresses that nothing of the new release may lie at. On a collision it is started again.
    pub avoided: Vec<Range<u64>>,
}

impl Wanted {
    /// What there is of a process and all that descend from it. They are not stopped: processes that end meanwhile are left out.
    ///
    /// # Errors
    /// The root has ended, or may not be looked at.
    pub fn of(root: Pid) -> io::Result<Wanted> {
        let mut processes: Vec<(u64, WantedProcess)> = Vec::new();
        let (mut avoided, mut logs) = (Vec::new(), BTreeSet::new());
        for pid in tree::with_descendants(root) {
            let process = match describe(pid) {
                Ok(process) => process,
                Err(error) if pid == root => return Err(error),
                Err(_) => continue,
            };
            avoided.extend(
                maps::read(pid)?.into_iter().filter(|mapping| !mapping.is("vsyscall")).map(|m| m.range),
            );
            logs.extend(self::logs(pid));
            processes.extend(process);
        }
        let known: Vec<i32> = processes.iter().map(|(_, process)| process.pid).collect();
        for (_, process) in &mut processes {
            process.parent = process.parent.filter(|parent| known.contains(parent));
        }
        // A parent is older than its children.
        processes.sort_by_key(|(made, process)| (*made, process.pid));
        let processes = processes.into_iter().map(|(_, process)| process).collect();
        let elsewhere = Condition::of(root).other_mounts == Some(true);
        let (avoided, logs) = (joined(avoided), logs.into_iter().collect());
        Ok(Wanted { processes, avoided, logs, elsewhere, ..Wanted::default() })
    }
}

/// When it was made, and what it is. Nothing of one that has ended and is only waited for.
fn describe(pid: Pid) -> io::Result<Option<(u64, WantedProcess)>> {
    let Some(status) = Status::of(pid) else { return Err(io::ErrorKind::NotFound.into()) };
    if status.has_ended() {
        return Ok(None);
    }
    let inside = |outside: Pid| Status::of(outside).and_then(|status| status.innermost());
    let threads = threads(pid).into_iter().skip(1).filter_map(inside).collect();
    let parent = status.parent().and_then(inside);
    let own = status.innermost().unwrap_or(pid.as_raw());
    Ok(Some((made(pid)?, WantedProcess { pid: own, parent, threads, title: title(pid)? })))
}

/// Long files that a process can only append to.
fn logs(process: Pid) -> Vec<PathBuf> {
    /// A shorter one is copied in no time.
    const LONG: u64 = 16 << 20;
    let entries = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let long = entries.filter_map(|entry| {
        let number = entry.file_name().into_string().ok()?;
        let metadata = fs::metadata(entry.path()).ok()?;
        let is_long = metadata.is_file() && metadata.len() >= LONG && metadata.nlink() > 0;
        let flags = is_long.then(|| read_text(format!("/proc/{process}/fdinfo/{number}")).ok()).flatten()?;
        let flags = flags.lines().find_map(|line| line.strip_prefix("flags:")).map(str::trim)?;
        let flags = i32::from_str_radix(flags, 8).ok()?;
        let appends = flags & libc::O_APPEND != 0 && flags & libc::O_ACCMODE == libc::O_WRONLY;
        appends.then(|| fs::read_link(entry.path()).ok()).flatten()
    });
    long.collect()
}

/// What a process calls itself.
pub(super) fn title(pid: Pid) -> io::Result<String> {
    let line = read(format!("/proc/{pid}/cmdline"))?;
    let text = String::from_utf8_lossy(&line).replace('\0', " ");
    Ok(text.trim_end().to_owned())
}

/// Clock ticks since the machine's start: the 22nd field of proc_pid_stat(5).
fn made(pid: Pid) -> io::Result<u64> {
    let stat = read_text(format!("/proc/{pid}/stat"))?;
    let field = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(19)?.parse().ok());
    field.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// In order, those that touch or overlap made one.
fn joined(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_joined() {
        assert_eq!(joined(vec![5..7, 1..3, 2..4, 7..9]), [1..4, 5..9]);
    }

    #[test]
    fn this_process_and_its_threads_are_found() {
        let wanted = Wanted::of(Pid::this()).unwrap();
        let own = wanted.processes.iter().find(|process| process.parent.is_none()).unwrap();
        assert_eq!(own.pid, Pid::this().as_raw());
        assert!(!own.threads.is_empty(), "this test has a thread of its own");
        assert!(!wanted.avoided.is_empty());
    }
}
