//! What grew between snapshots: by type, by site, by owner, and by all three at once.
//!
//! Blocks of one life of a process are matched by address and generation: which were made since, which freed, and, of three snapshots, which
//! were made between the first two and are still there in the third: what warms up a cache is gone by then, or was there before. Between two
//! releases of a program, or two starts of it, types and owners are matched by name, and sites by functions.
//!
//! One pass over each list of blocks, which are in the same order; what is counted is one row for each combination of type, site and owner.

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

use crate::edges::at;
use crate::index::{Block, Group, Index, Snapshot};
use crate::owners::{Owner, Owners};
use crate::sources::Frame;
use mcrx_debuginfo::file::BuildId;
use mcrx_tracer::graph::Pair;
use rustc_hash::FxHashMap;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// How much there was of something, and how much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Change {
    /// Blocks in the first snapshot.
    pub count_before: u64,
    /// Blocks in the last one.
    pub count_after: u64,
    /// Their bytes in the first snapshot.
    pub bytes_before: u64,
    /// Their bytes in the last one.
    pub bytes_after: u64,
    /// In the last snapshot, and not in the first. `None`: they are not of one process. So of the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made: Option<Pair>,
    /// In the first snapshot, and not in the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freed: Option<Pair>,
    /// Not in the first snapshot, but in the second and in the third. `None`: there are but two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stayed: Option<Pair>,
    /// All that there was in the second of three snapshots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between: Option<Pair>,
}

impl Change {
    /// Bytes that there are more.
    pub fn growth(&self) -> i128 {
        i128::from(self.bytes_after) - i128::from(self.bytes_before)
    }

    /// Blocks that there are more.
    pub fn count_growth(&self) -> i128 {
        i128::from(self.count_after) - i128::from(self.count_before)
    }

    /// Whether nothing happened, as far as one can see.
    pub fn is_none(&self) -> bool {
        let is_empty = |pair: Option<Pair>| pair.is_none_or(|pair| pair.blocks == 0);
        self.growth() == 0 && self.count_growth() == 0 && is_empty(self.made) && is_empty(self.freed)
    }

    /// Adds what happened to others.
    pub fn add(&mut self, other: &Change) {
        self.count_before += other.count_before;
        self.count_after += other.count_after;
        self.bytes_before += other.bytes_before;
        self.bytes_after += other.bytes_after;
        for (sum, pair) in [
            (&mut self.made, other.made),
            (&mut self.freed, other.freed),
            (&mut self.stayed, other.stayed),
            (&mut self.between, other.between),
        ] {
            if let Some(pair) = pair {
                let sum = sum.get_or_insert_default();
                sum.blocks += pair.blocks;
                sum.bytes += pair.bytes;
            }
        }
    }

    /// The most interesting first: what stayed, where that is known, and then what grew.
    fn rank(&self) -> impl Ord + use<> {
        let stayed = self.stayed.map(|stayed| Reverse(stayed.bytes));
        let moved = self.made.map_or(0, |made| made.bytes);
        (stayed, Reverse(self.growth()), Reverse(self.count_growth()), Reverse(moved))
    }
}

/// Bytes that are kept alive: their own, and those of all that would go with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Kept {
    /// In the first snapshot.
    pub retained_before: u64,
    /// In the last one.
    pub retained_after: u64,
}

/// Snapshots, compared.
#[derive(Debug, Default)]
pub struct Diff {
    /// Of all blocks.
    pub total: Change,
    /// By type, site and owner together: places in the lists below.
    pub rows: Vec<(Group, Change)>,
    /// Names of types.
    pub types: Vec<String>,
    /// Call stacks, innermost first; as the last snapshot that has them tells them.
    pub sites: Vec<Vec<Frame>>,
    /// Who holds blocks.
    pub owners: Owners,
    /// For each type what its blocks keep alive, in all processes together.
    pub(crate) kept_by_types: Vec<Kept>,
    pub(crate) kept_by_sites: Vec<Kept>,
    pub(crate) kept_by_owners: Vec<Kept>,
}

impl Diff {
    /// Compares a snapshot with a later one.
    pub fn of(before: &Snapshot, after: &Snapshot) -> Diff {
        Diff::between(before, None, after)
    }

    /// Compares the first of three snapshots with the last; what was made by the time of the second and is there in the last is counted, too.
    pub fn of_three(before: &Snapshot, between: &Snapshot, after: &Snapshot) -> Diff {
        Diff::between(before, Some(between), after)
    }

    fn between(before: &Snapshot, between: Option<&Snapshot>, after: &Snapshot) -> Diff {
        let mut tables = Tables::new(before, after);
        let mut kept = [Vec::new(), Vec::new(), Vec::new()];
        let mut rows = |snapshot: &Snapshot, of: fn(&mut Kept) -> &mut u64| -> Vec<Vec<usize>> {
            let rows = |index| {
                let here = tables.here(index);
                let retained = &index.retained;
                let all = [&retained.types, &retained.sites, &retained.owners];
                for ((kept, here), bytes) in
                    kept.iter_mut().zip([&here.types, &here.sites, &here.owners]).zip(all)
                {
                    here.iter().zip(bytes).for_each(|(place, bytes)| *of(entry(kept, *place)) += bytes);
                }
                here.rows
            };
            snapshot.processes.iter().map(rows).collect()
        };
        let rows_before = rows(before, |kept| &mut kept.retained_before);
        let rows_after = rows(after, |kept| &mut kept.retained_after);
        let between_processes = between.iter().flat_map(|snapshot| &snapshot.processes);
        let rows_between: Vec<Vec<usize>> = between_processes.map(|index| tables.here(index).rows).collect();
        let partner =
            |index: &Index| after.processes.iter().position(|later| later.process.is(&index.process));
        let partners: Vec<Option<usize>> = before.processes.iter().map(partner).collect();
        let is_matched = partners.iter().any(Option::is_some);
        let known = Change {
            made: Some(Pair::default()),
            freed: Some(Pair::default()),
            stayed: between.map(|_| Pair::default()),
            ..Change::default()
        };
        let nothing = Change {
            between: between.map(|_| Pair::default()),
            ..if is_matched { known } else { Change::default() }
        };
        let mut changes = vec![nothing; tables.groups.len()];
        for (place, (index, rows)) in before.processes.iter().zip(&rows_before).enumerate() {
            let later =
                partners[place].and_then(|later| Some((after.processes.get(later)?, &rows_after[later])));
            let (later, later_rows) = later.map_or((&[][..], &[][..]), |(later, rows)| (&later.blocks, rows));
            let middle = between.and_then(|snapshot| snapshot.of(index));
            walk(&index.blocks, middle, later, |block, fate| {
                let rows = if fate == Fate::Freed { rows } else { later_rows };
                if let Some(change) = row(block, rows).and_then(|row| changes.get_mut(row)) {
                    change.count(block, fate);
                }
            });
            // What stays may have another owner, or size, than before.
            for block in &index.blocks {
                if let Some(change) = row(block, rows).and_then(|row| changes.get_mut(row)) {
                    change.count_before += 1;
                    change.bytes_before += block.bytes;
                }
            }
        }
        for (index, rows) in between.iter().flat_map(|snapshot| &snapshot.processes).zip(&rows_between) {
            for block in &index.blocks {
                let change = row(block, rows).and_then(|row| changes.get_mut(row));
                if let Some(pair) = change.and_then(|change| change.between.as_mut()) {
                    pair.blocks += 1;
                    pair.bytes += block.bytes;
                }
            }
        }
        for (place, (index, rows)) in after.processes.iter().zip(&rows_after).enumerate() {
            if partners.contains(&Some(place)) {
                continue;
            }
            let middle = between.and_then(|snapshot| snapshot.of(index));
            walk(&[], middle, &index.blocks, |block, fate| {
                if let Some(change) = row(block, rows).and_then(|row| changes.get_mut(row)) {
                    change.count(block, fate);
                }
            });
        }
        let Tables { groups, types, sites, owners, .. } = tables;
        let mut total = nothing;
        changes.iter().for_each(|change| total.add(change));
        let rows = groups.into_iter().zip(changes).collect();
        let [kept_by_types, kept_by_sites, kept_by_owners] = kept;
        Diff { total, rows, types, sites, owners, kept_by_types, kept_by_sites, kept_by_owners }
    }

    /// Whether blocks are matched: whether both snapshots have one life of some process.
    pub fn is_matched(&self) -> bool {
        self.total.made.is_some()
    }

    /// By the names of types.
    pub fn by_type(&self) -> Vec<(&str, Change, Kept)> {
        let name = |ty: u32| self.types.get(at(ty)).map_or("", String::as_str);
        let sums = sorted(self.sums(|group| (name(group.ty), group.ty)));
        sums.into_iter().map(|((name, ty), change)| (name, change, kept(&self.kept_by_types, ty))).collect()
    }

    /// By call stacks, innermost call first.
    pub fn by_site(&self) -> Vec<(&[Frame], Change, Kept)> {
        let frames = |site: u32| self.sites.get(at(site)).map_or(&[][..], Vec::as_slice);
        let sums = sorted(self.sums(|group| group.site));
        sums.into_iter()
            .map(|(site, change)| (frames(site), change, kept(&self.kept_by_sites, site)))
            .collect()
    }

    /// By who holds blocks, and not what holds those in turn.
    pub fn by_owner(&self) -> Vec<(Owner, Change, Kept)> {
        let sums = sorted(self.sums(|group| group.owner));
        sums.into_iter().map(|(owner, change)| (owner, change, kept(&self.kept_by_owners, owner.0))).collect()
    }

    /// For each owner, by its number, what it holds and what that holds, and so on.
    pub fn through_owners(&self) -> Vec<Change> {
        let mut changes = vec![Change::default(); self.owners.len()];
        for (group, change) in &self.rows {
            if let Some(sum) = usize::try_from(group.owner.0).ok().and_then(|owner| changes.get_mut(owner)) {
                sum.add(change);
            }
        }
        // Holders come first.
        for owner in self.owners.iter().rev() {
            let place = |owner: Owner| usize::try_from(owner.0).ok();
            if let (Some(below), Some(holder)) = (place(owner), self.owners.holder(owner).and_then(place)) {
                let change = changes[below];
                changes[holder].add(&change);
            }
        }
        changes
    }

    fn sums<K: std::hash::Hash + Eq>(&self, key: impl Fn(&Group) -> K) -> FxHashMap<K, Change> {
        let mut sums: FxHashMap<K, Change> = FxHashMap::default();
        self.rows.iter().for_each(|(group, change)| sums.entry(key(group)).or_default().add(change));
        sums
    }
}

impl Change {
    fn count(&mut self, block: &Block, fate: Fate) {
        if fate != Fate::Freed {
            self.count_after += 1;
            self.bytes_after += block.bytes;
        }
        let pairs = match fate {
            Fate::Stays => [None, None],
            Fate::Made => [self.made.as_mut(), None],
            Fate::MadeAndStayed => [self.made.as_mut(), self.stayed.as_mut()],
            Fate::Freed => [self.freed.as_mut(), None],
        };
        for pair in pairs.into_iter().flatten() {
            pair.blocks += 1;
            pair.bytes += block.bytes;
        }
    }
}

impl Snapshot {
    /// The same process in this snapshot.
    fn of(&self, other: &Index) -> Option<&[Block]> {
        let found = self.processes.iter().find(|index| index.process.is(&other.process));
        found.map(|index| index.blocks.as_slice())
    }
}

fn sorted<K: Ord + Clone>(sums: FxHashMap<K, Change>) -> Vec<(K, Change)> {
    let mut sums: Vec<(K, Change)> = sums.into_iter().collect();
    // By key at last, so that the same snapshots always print the same.
    sums.sort_by_cached_key(|(key, change)| (change.rank(), key.clone()));
    sums
}

fn entry(kept: &mut Vec<Kept>, place: u32) -> &mut Kept {
    if kept.len() <= at(place) {
        kept.resize(at(place) + 1, Kept::default());
    }
    &mut kept[at(place)]
}

fn kept(kept: &[Kept], place: u32) -> Kept {
    kept.get(at(place)).copied().unwrap_or_default()
}

fn row(block: &Block, rows: &[usize]) -> Option<usize> {
    rows.get(usize::try_from(block.group).ok()?).copied()
}

/// What became of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// In the first snapshot, and in the last.
    Stays,
    /// In the last one alone.
    Made,
    /// In the last one, and in the one before it, but not in the first.
    MadeAndStayed,
    /// In the first one, and not in the last.
    Freed,
}

/// Says for each block that is in the first or last list what became of it. All lists are by identity; of a block that stays, it is as the last
/// list has it.
fn walk(first: &[Block], middle: Option<&[Block]>, last: &[Block], mut each: impl FnMut(&Block, Fate)) {
    let mut first = first.iter().peekable();
    let mut middle = middle.unwrap_or(&[]).iter().peekable();
    for block in last {
        let identity = block.identity();
        while let Some(gone) = first.next_if(|gone| gone.identity() < identity) {
            each(gone, Fate::Freed);
        }
        while middle.next_if(|other| other.identity() < identity).is_some() {}
        let was_there = first.next_if(|old| old.identity() == identity).is_some();
        let had_been_made = middle.next_if(|old| old.identity() == identity).is_some();
        each(
            block,
            match (was_there, had_been_made) {
                (true, _) => Fate::Stays,
                (false, true) => Fate::MadeAndStayed,
                (false, false) => Fate::Made,
            },
        );
    }
    first.for_each(|gone| each(gone, Fate::Freed));
}

/// Groups, types, sites and owners of several processes in one numbering.
struct Tables {
    /// Builds that both snapshots have: of these, calls are told apart by their place.
    builds: BTreeSet<BuildId>,
    groups: Vec<Group>,
    by_group: FxHashMap<Group, usize>,
    types: Vec<String>,
    by_type: FxHashMap<String, u32>,
    sites: Vec<Vec<Frame>>,
    by_site: FxHashMap<Vec<String>, u32>,
    owners: Owners,
}

/// For each number of a process's which it is in the tables.
struct Here {
    rows: Vec<usize>,
    types: Vec<u32>,
    sites: Vec<u32>,
    owners: Vec<u32>,
}

impl Tables {
    fn new(before: &Snapshot, after: &Snapshot) -> Tables {
        let builds = |snapshot: &Snapshot| -> BTreeSet<BuildId> {
            snapshot.processes.iter().flat_map(|index| index.process.builds.iter().copied()).collect()
        };
        Tables {
            builds: builds(before).intersection(&builds(after)).copied().collect(),
            groups: Vec::new(),
            by_group: FxHashMap::default(),
            types: Vec::new(),
            by_type: FxHashMap::default(),
            sites: Vec::new(),
            by_site: FxHashMap::default(),
            owners: Owners::default(),
        }
    }

    /// What a process's types, sites, owners and groups are here.
    fn here(&mut self, index: &Index) -> Here {
        let types: Vec<u32> = index.types.iter().map(|name| self.ty(name)).collect();
        let sites: Vec<u32> = index.sites.iter().map(|frames| self.site(frames)).collect();
        let owners = self.owners.absorb(&index.owners);
        let here = |list: &[u32], place: u32| {
            usize::try_from(place).ok().and_then(|place| list.get(place).copied()).unwrap_or(0)
        };
        let mut row = |group: &Group| {
            let owner = usize::try_from(group.owner.0).ok().and_then(|owner| owners.get(owner).copied());
            let group = Group {
                ty: here(&types, group.ty),
                site: here(&sites, group.site),
                owner: owner.unwrap_or(Owner(0)),
            };
            *self.by_group.entry(group).or_insert_with(|| {
                self.groups.push(group);
                self.groups.len() - 1
            })
        };
        let rows = index.groups.iter().map(&mut row).collect();
        Here { rows, types, sites, owners: owners.into_iter().map(|Owner(owner)| owner).collect() }
    }

    fn ty(&mut self, name: &str) -> u32 {
        let Tables { types, by_type, .. } = self;
        *by_type.entry(name.to_owned()).or_insert_with(|| {
            types.push(name.to_owned());
            u32::try_from(types.len() - 1).unwrap_or(u32::MAX)
        })
    }

    fn site(&mut self, frames: &[Frame]) -> u32 {
        let key = frames.iter().map(|frame| frame.key(&self.builds)).collect();
        let Tables { sites, by_site, .. } = self;
        let number = *by_site.entry(key).or_insert_with(|| {
            sites.push(Vec::new());
            u32::try_from(sites.len() - 1).unwrap_or(u32::MAX)
        });
        // The lines of the last release are those that one will look at.
        if let Some(site) = usize::try_from(number).ok().and_then(|number| sites.get_mut(number)) {
            *site = frames.to_vec();
        }
        number
    }
}
