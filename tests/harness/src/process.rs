//! Processes as `/proc` tells of them: who they are, whose children, in which session.
//!
//! A listing is a walk, not a moment: a process may come or go while it is made. Whoever needs certainty asks again
//! until nothing changes, as the guardian does when it ends a tree.

use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;
use std::fs;

/// One process, from `/proc/PID/stat` (proc(5)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pid: i32,
    parent: i32,
    session: i32,
    state: char,
    name: String,
}

impl Process {
    /// The process of this number, or nothing if there is none any more.
    pub fn read(pid: Pid) -> Option<Process> {
        Process::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(stat: &str) -> Option<Process> {
        // The name stands in brackets and may hold brackets and blanks itself: the last one closes it.
        let (pid, rest) = stat.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let session = fields.nth(1)?.parse().ok()?;
        Some(Process { pid: pid.parse().ok()?, parent, session, state, name: name.to_owned() })
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.pid)
    }

    /// The process id of its parent.
    pub fn parent(&self) -> Pid {
        Pid::from_raw(self.parent)
    }

    /// The session it belongs to, named by the process id of its leader.
    pub fn session(&self) -> Pid {
        Pid::from_raw(self.session)
    }

    /// The kernel's name for it, at most 15 bytes: its program's file name unless it chose another.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it shows itself to `ps`: its first argument, or what it wrote there; empty if it has ended.
    pub fn title(&self) -> String {
        let words = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        String::from_utf8_lossy(words.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned()
    }

    /// The kernel's letter for what it is doing: `R`, `S`, `D`, `T` (stopped), `t` (held by a debugger), `Z` and more.
    pub fn state(&self) -> char {
        self.state
    }

    /// Whether its effective user is root now.
    pub fn is_roots(&self) -> bool {
        // Not the owner of /proc/PID: that is root for whoever may not be dumped, as after a change of user.
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        uids.and_then(|uids| uids.split_whitespace().nth(1)) == Some("0")
    }

    /// Whether it has ended and only waits for its parent to ask how.
    pub fn is_zombie(&self) -> bool {
        self.state == 'Z' || self.state == 'X'
    }
}

impl fmt::Display for Process {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.name, self.pid)
    }
}

/// Every process that can be seen, in the order of their numbers.
pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let mut found: Vec<Process> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Process::read(Pid::from_raw(pid)))
        .collect();
    found.sort_by_key(|process| process.pid);
    found
}

/// All that descend from `ancestor`, itself not among them, zombies included.
pub fn descendants(ancestor: Pid) -> Vec<Process> {
    let mut rest = all();
    let mut family = HashSet::from([ancestor.as_raw()]);
    let mut found = Vec::new();
    // A child may have a smaller number than its parent once numbers have wrapped: go round until nobody joins.
    loop {
        let (joining, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|p| family.contains(&p.parent));
        if joining.is_empty() {
            found.sort_by_key(|process: &Process| process.pid);
            return found;
        }
        family.extend(joining.iter().map(|process| process.pid));
        found.extend(joining);
        rest = others;
    }
}

/// The members of one session that have not ended.
pub fn in_session(leader: Pid) -> Vec<Process> {
    all().into_iter().filter(|process| process.session() == leader && !process.is_zombie()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_is_read_whole() {
        let process = Process::parse("41 (a) S (b) S 7 41 40 0 -1 4194560 0").unwrap();
        assert_eq!((process.pid, process.parent, process.session), (41, 7, 40));
        assert_eq!((process.state, process.name()), ('S', "a) S (b"));
    }

    #[test]
    fn this_process_descends_from_its_parent() {
        let here = Pid::this();
        assert!(descendants(Pid::parent()).iter().any(|process| process.pid() == here));
        assert!(!descendants(here).iter().any(|process| process.pid() == here));
    }
}
