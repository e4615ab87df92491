//! What changes in an epoll set when its process goes on as the next release.
//!
//! The old set goes on, with all that is registered in it. What a program gets to see with an event is a word of its own, most often a pointer: of
//! connections it is translated as any pointer is; of what both start-ups registered it is the new release's own. What only the new
//! release's start-up registered is added.
//!
//! A registration is known by its file and the *number* that it had (epoll(7)): where a number changes it is made anew.

use super::matching::Matches;
use super::merge::Conflict;
use crate::kernel::EpollEntry;
use nix::libc;
use std::collections::{BTreeMap, BTreeSet};

/// How a registration changes. Backwards it is the change that undoes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The epoll set, by its number.
    pub set: i32,
    /// What is registered, by its number.
    pub descriptor: i32,
    /// As it was. `None`: not at all.
    pub before: Option<Watch>,
    /// As it will be.
    pub after: Option<Watch>,
}

/// What is waited for, and what comes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// `EPOLL...`
    pub events: u32,
    /// The program's own word.
    pub data: u64,
}

impl Change {
    /// The change that undoes it.
    #[must_use]
    pub fn reverse(self) -> Change {
        Change { before: self.after, after: self.before, ..self }
    }

    /// Whether one call changes it in place. It is the only kind of change that another process may make: the kernel takes who adds
    /// something for who waits for its signals.
    pub(super) fn is_in_place(&self) -> bool {
        let exclusive = |watch: &Watch| watch.events & bits(libc::EPOLLEXCLUSIVE) != 0;
        matches!((&self.before, &self.after), (Some(before), Some(after)) if !exclusive(before) && !exclusive(after))
    }
}

impl From<&EpollEntry> for Watch {
    fn from(entry: &EpollEntry) -> Watch {
        Watch { events: entry.events, data: entry.data }
    }
}

/// A set of the new release, and the one that goes on in its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sets<'d> {
    /// The number of the one that goes on, as it will be.
    pub(super) set: i32,
    /// As it is.
    pub(super) was: i32,
    /// What is registered in it. `None`: there was none, it is made anew.
    pub(super) old: Option<&'d [EpollEntry]>,
    /// What the new release's start-up registered in its own.
    pub(super) new: &'d [EpollEntry],
}

/// What has changed, and matched descriptors that the new release's start-up registered and the old process has not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) changes: Vec<Change>,
    pub(super) unregistered: Vec<i32>,
}

/// `ended`: old descriptors that will be closed.
pub(super) fn changes(
    sets: Sets<'_>,
    matches: &Matches,
    ended: &BTreeSet<i32>,
    translate: &dyn Fn(u64) -> Option<u64>,
    conflicts: &mut Vec<Conflict>,
) -> Changes {
    let Sets { set, was, old, new } = sets;
    let mut changes = Changes::default();
    let own: BTreeMap<i32, Watch> = new.iter().map(|entry| (entry.descriptor, entry.into())).collect();
    let had: BTreeSet<i32> = old.unwrap_or(&[]).iter().map(|entry| entry.descriptor).collect();
    for entry in old.unwrap_or(&[]) {
        let descriptor = entry.descriptor;
        let before = Some(Watch::from(entry));
        if ended.contains(&descriptor) {
            changes.changes.push(Change { set: was, descriptor, before, after: None });
            continue;
        }
        let partners = matches.pairs.iter().filter(|(_, old)| **old == descriptor).map(|(new, _)| *new);
        if let Some((number, watch)) = partners.into_iter().find_map(|new| Some((new, *own.get(&new)?))) {
            if number != descriptor {
                changes.changes.push(Change { set: was, descriptor, before, after: None });
                changes.changes.push(Change { set, descriptor: number, before: None, after: Some(watch) });
            } else if before != Some(watch) {
                changes.changes.push(Change { set, descriptor, before, after: Some(watch) });
            }
            continue;
        }
        match translate(entry.data) {
            Some(data) if data == entry.data => {}
            Some(_) if has_fired(entry) => conflicts.push(Conflict::Fired { set, descriptor }),
            Some(data) => {
                let after = Some(Watch { data, ..entry.into() });
                changes.changes.push(Change { set, descriptor, before, after });
            }
            None => conflicts.push(Conflict::Data { set, descriptor, data: entry.data }),
        }
    }
    for (descriptor, watch) in own {
        match matches.pairs.get(&descriptor) {
            Some(partner) if old.is_some() => {
                if !had.contains(partner) {
                    changes.unregistered.push(descriptor);
                }
            }
            _ => changes.changes.push(Change { set, descriptor, before: None, after: Some(watch) }),
        }
    }
    changes
}

/// Whether it was for one event, which has come: what it waited for is not known any more, until the program says so again.
fn has_fired(entry: &EpollEntry) -> bool {
    let how =
        bits(libc::EPOLLET) | bits(libc::EPOLLONESHOT) | bits(libc::EPOLLWAKEUP) | bits(libc::EPOLLEXCLUSIVE);
    entry.events & bits(libc::EPOLLONESHOT) != 0 && entry.events & !how == 0
}

pub(super) const fn bits(flag: i32) -> u32 {
    flag.cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(descriptor: i32, events: u32, data: u64) -> EpollEntry {
        EpollEntry { descriptor, events, data }
    }

    fn watch(events: u32, data: u64) -> Option<Watch> {
        Some(Watch { events, data })
    }

    /// Pointers move up by 0x1000; 0xBAD leads nowhere.
    fn found(
        old: &[EpollEntry],
        new: &[EpollEntry],
        pairs: &[(i32, i32)],
        ended: &[i32],
    ) -> (Changes, Vec<Conflict>) {
        let matches = Matches { pairs: pairs.iter().copied().collect(), ..Matches::default() };
        let mut conflicts = Vec::new();
        let translate = |data: u64| match data {
            0xBAD => None,
            small if small < 0x100 => Some(small),
            pointer => Some(pointer + 0x1000),
        };
        let sets = Sets { set: 9, was: 9, old: Some(old), new };
        let ended = ended.iter().copied().collect();
        let changes = changes(sets, &matches, &ended, &translate, &mut conflicts);
        (changes, conflicts)
    }

    #[test]
    fn data_of_connections_is_translated_and_that_of_start_up_is_the_new_ones() {
        let (changes, conflicts) =
            found(&[entry(5, 1, 0x500), entry(12, 1, 0x600)], &[entry(5, 1, 0x700)], &[(5, 5)], &[]);
        let change = |descriptor, before, after| Change { set: 9, descriptor, before, after };
        assert_eq!(
            changes.changes,
            [change(5, watch(1, 0x500), watch(1, 0x700)), change(12, watch(1, 0x600), watch(1, 0x1600))]
        );
        assert!(changes.changes.iter().all(Change::is_in_place) && conflicts.is_empty());
    }

    #[test]
    fn data_that_means_the_same_is_not_touched() {
        let oneshot = bits(libc::EPOLLONESHOT);
        assert_eq!(found(&[entry(12, 1, 12), entry(13, oneshot, 13)], &[], &[], &[]), Default::default());
    }

    #[test]
    fn what_only_the_new_start_up_registered_is_added_and_what_ended_is_taken_out() {
        let (changes, _) = found(&[entry(5, 1, 0x500)], &[entry(7, 3, 0x700)], &[], &[5]);
        let change = |descriptor, before, after| Change { set: 9, descriptor, before, after };
        assert_eq!(changes.changes, [change(5, watch(1, 0x500), None), change(7, None, watch(3, 0x700))]);
        assert_eq!(changes.changes[0].reverse(), change(5, None, watch(1, 0x500)));
    }

    #[test]
    fn under_another_number_a_registration_is_made_anew() {
        let (changes, _) = found(&[entry(5, 1, 5)], &[entry(8, 1, 8)], &[(8, 5)], &[]);
        let change = |descriptor, before, after| Change { set: 9, descriptor, before, after };
        assert_eq!(changes.changes, [change(5, watch(1, 5), None), change(8, None, watch(1, 8))]);
    }

    #[test]
    fn what_the_old_process_has_taken_out_stays_out() {
        let (changes, _) = found(&[], &[entry(5, 1, 0x700)], &[(5, 5)], &[]);
        assert_eq!(changes, Changes { changes: vec![], unregistered: vec![5] });
    }

    #[test]
    fn data_that_leads_nowhere_and_a_fired_registration_are_conflicts() {
        let (_, conflicts) =
            found(&[entry(5, 1, 0xBAD), entry(6, bits(libc::EPOLLONESHOT), 0x600)], &[], &[], &[]);
        assert_eq!(
            conflicts,
            [
                Conflict::Data { set: 9, descriptor: 5, data: 0xBAD },
                Conflict::Fired { set: 9, descriptor: 6 }
            ]
        );
    }

    #[test]
    fn an_exclusive_registration_cannot_be_changed_in_place() {
        let exclusive = bits(libc::EPOLLEXCLUSIVE) | 1;
        let change =
            Change { set: 9, descriptor: 5, before: watch(exclusive, 1), after: watch(exclusive, 2) };
        assert!(!change.is_in_place());
    }
}
