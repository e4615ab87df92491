//! Which process of the new release is to have the number of which process of the old one.
//!
//! A process is named by how it was made: from the first one, the how many-th child at each step. Two starts of one program make the same
//! processes in the same order, so what one start shows is known of the next.
//!
//! The first start goes by a guess: children in the order of their making. Then partners are found by what processes call
//! themselves (`nginx: worker process`), and in order where they call themselves alike; if a partner has another number, there is a second
//! start that knows better.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a process was made. The first one's is empty.
pub(super) type Path = Vec<u32>;

/// A process that the new release will make, and the number that it is to get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Assignment {
    pub(super) path: Path,
    pub(super) pid: i32,
    /// For its threads but the first, in the order of their making.
    pub(super) threads: Vec<i32>,
}

/// A process of the old release, as it is numbered in its own pid namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedProcess {
    /// Its number.
    pub pid: i32,
    /// Its parent, if that is one of these processes.
    pub parent: Option<i32>,
    /// Its other threads, in the order of their making.
    pub threads: Vec<i32>,
    /// What it calls itself: its command line.
    pub title: String,
}

/// A process of the new release that is at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) pid: i32,
    pub(super) parent: Option<i32>,
    pub(super) title: String,
    /// How it was made, if that was seen.
    pub(super) path: Option<Path>,
}

/// Without having seen a start: the first process is the root, or its child if the old one's was not; children come in order.
pub(super) fn guess(wanted: &[WantedProcess], daemonised: bool) -> Vec<Assignment> {
    let first: Path = if daemonised { vec![0] } else { Path::new() };
    let mut assignments: Vec<Assignment> = Vec::new();
    for process in wanted {
        let parent = process.parent.and_then(|pid| assignments.iter().find(|known| known.pid == pid));
        let path = match parent {
            // A second root, which no start-up leaves, gets no number: it has no partner either.
            None if !assignments.is_empty() => continue,
            None => first.clone(),
            Some(parent) => {
                let place = |known: &&Assignment| {
                    known.path.len() == parent.path.len() + 1 && known.path.starts_with(&parent.path)
                };
                let elder = assignments.iter().filter(place).count();
                let mut path = parent.path.clone();
                path.push(u32::try_from(elder).unwrap_or(u32::MAX));
                path
            }
        };
        assignments.push(Assignment { path, pid: process.pid, threads: process.threads.clone() });
    }
    assignments
}

/// Partners: indexes into both. Both lists have parents before their children, and children in the order of their making.
pub(super) fn partners(wanted: &[WantedProcess], found: &[Found]) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    let roots = |parent: Option<i32>| parent.is_none();
    let old = wanted.iter().position(|process| roots(process.parent));
    let new = found.iter().position(|process| roots(process.parent));
    pairs.extend(old.zip(new));
    let mut next = 0;
    while let Some(&(old, new)) = pairs.get(next) {
        next += 1;
        let mut old: Vec<usize> =
            (0..wanted.len()).filter(|index| wanted[*index].parent == Some(wanted[old].pid)).collect();
        let mut new: Vec<usize> =
            (0..found.len()).filter(|index| found[*index].parent == Some(found[new].pid)).collect();
        let mut taken = BTreeSet::new();
        old.retain(|old| {
            let alike = |new: &&usize| found[**new].title == wanted[*old].title && !taken.contains(*new);
            let Some(&partner) = new.iter().find(alike) else { return true };
            taken.insert(partner);
            pairs.push((*old, partner));
            false
        });
        new.retain(|index| !taken.contains(index));
        // A new release may give its processes other titles.
        pairs.extend(old.into_iter().zip(new));
    }
    pairs
}

/// What the next start has to know; `None`: all partners have their numbers.
pub(super) fn learned(wanted: &[WantedProcess], found: &[Found]) -> Option<Vec<Assignment>> {
    let pairs = partners(wanted, found);
    if pairs.iter().all(|(old, new)| wanted[*old].pid == found[*new].pid) {
        return None;
    }
    let assignments = pairs.into_iter().filter_map(|(old, new)| {
        let path = found[new].path.clone()?;
        Some(Assignment { path, pid: wanted[old].pid, threads: wanted[old].threads.clone() })
    });
    Some(assignments.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old(pid: i32, parent: Option<i32>, title: &str) -> WantedProcess {
        WantedProcess { pid, parent, threads: Vec::new(), title: title.into() }
    }

    fn new(pid: i32, parent: Option<i32>, title: &str, path: &[u32]) -> Found {
        Found { pid, parent, title: title.into(), path: Some(path.to_vec()) }
    }

    #[test]
    fn children_are_guessed_in_the_order_of_their_making() {
        let wanted =
            [old(10, None, "m"), old(12, Some(10), "w"), old(15, Some(10), "w"), old(16, Some(12), "s")];
        let paths = |daemonised| -> Vec<(Path, i32)> {
            guess(&wanted, daemonised).into_iter().map(|one| (one.path, one.pid)).collect()
        };
        assert_eq!(paths(false), [(vec![], 10), (vec![0], 12), (vec![1], 15), (vec![0, 0], 16)]);
        assert_eq!(paths(true)[..2], [(vec![0], 10), (vec![0, 0], 12)]);
    }

    #[test]
    fn a_worker_that_was_started_anew_is_told_from_others_by_its_title() {
        let wanted = [old(10, None, "m"), old(13, Some(10), "cache"), old(20, Some(10), "worker")];
        let found =
            [new(10, None, "m", &[]), new(13, Some(10), "worker", &[0]), new(20, Some(10), "cache", &[1])];
        let learned = learned(&wanted, &found).unwrap();
        let numbers: Vec<_> = learned.iter().map(|one| (one.path.as_slice(), one.pid)).collect();
        assert_eq!(numbers, [([].as_slice(), 10), (&[1], 13), (&[0], 20)]);
    }

    #[test]
    fn sessions_have_no_partner_and_need_none() {
        let wanted = [old(10, None, "listener"), old(31, Some(10), "session of ada")];
        assert_eq!(learned(&wanted, &[new(10, None, "listener", &[])]), None);
        assert_eq!(partners(&wanted, &[new(10, None, "listener", &[])]), [(0, 0)]);
    }

    #[test]
    fn one_that_left_its_first_process_is_known_at_the_second_start() {
        let wanted = [old(10, None, "m"), old(11, Some(10), "w")];
        let found = [new(77, None, "m", &[0, 0]), new(78, Some(77), "w", &[0, 0, 0])];
        let learned = learned(&wanted, &found).unwrap();
        assert_eq!(learned[0], Assignment { path: vec![0, 0], pid: 10, threads: Vec::new() });
    }
}
