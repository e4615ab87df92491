//! Who descends from a process.
//!
//! A walk, not a moment, unless the processes stand still.

use super::read_text;
use super::status::threads;
use nix::unistd::Pid;
use std::collections::{HashMap, HashSet};
use std::fs;

/// A process and all that descend from it, zombies included, parents before their children.
#[must_use]
pub fn with_descendants(root: Pid) -> Vec<Pid> {
    // Not every kernel has the list of children; where it is missing all processes are asked for their parents.
    let listed = fs::exists("/proc/thread-self/children").unwrap_or(false);
    let everyone = if listed { HashMap::new() } else { by_parent() };
    let mut found = vec![root];
    let mut seen = HashSet::from([root]);
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        next += 1;
        let children =
            if listed { children(parent) } else { everyone.get(&parent).cloned().unwrap_or_default() };
        found.extend(children.into_iter().filter(|child| seen.insert(*child)));
    }
    found
}

/// The children of all threads of a process (`CONFIG_PROC_CHILDREN`).
fn children(parent: Pid) -> Vec<Pid> {
    let lists = threads(parent)
        .into_iter()
        .filter_map(|thread| read_text(format!("/proc/{parent}/task/{thread}/children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .map(Pid::from_raw)
        .collect()
}

fn by_parent() -> HashMap<Pid, Vec<Pid>> {
    let mut children: HashMap<Pid, Vec<Pid>> = HashMap::new();
    let Ok(entries) = fs::read_dir("/proc") else { return children };
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        if let Some(parent) = parent(&stat) {
            children.entry(parent).or_default().push(Pid::from_raw(pid));
        }
    }
    children
}

/// The fourth field of `/proc/PID/stat`: the name before it may hold blanks and brackets, the last bracket closes it.
fn parent(stat: &str) -> Option<Pid> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok().map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn both_ways_find_a_child() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        assert!(with_descendants(Pid::this()).contains(&pid));
        assert_eq!(with_descendants(pid), [pid]);
        assert!(by_parent()[&Pid::this()].contains(&pid));
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_name_with_brackets_hides_no_parent() {
        assert_eq!(parent("41 (a) S (b) S 7 41 40 0"), Some(Pid::from_raw(7)));
    }
}
