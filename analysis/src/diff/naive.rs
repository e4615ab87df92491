//! The same comparison with a hash table for everything and no order relied on: what the fast one is held against.

use super::Change;
use crate::index::{Index, Snapshot};
use mcrx_tracer::graph::Pair;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// A change for each combination of type, call stack and owner, by their names.
pub(super) type Rows = BTreeMap<(String, Vec<String>, String), Change>;

pub(super) fn diff(before: &Snapshot, between: Option<&Snapshot>, after: &Snapshot) -> Rows {
    let builds = |snapshot: &Snapshot| -> BTreeSet<_> {
        snapshot.processes.iter().flat_map(|index| index.process.builds.clone()).collect()
    };
    let in_both = builds(before).intersection(&builds(after)).copied().collect();
    let key = |index: &Index, group: u32| {
        let group = index.groups[group as usize];
        let frames = index.sites[group.site as usize].iter().map(|frame| frame.key(&in_both)).collect();
        (index.types[group.ty as usize].clone(), frames, index.owners.name(group.owner))
    };
    let has = |snapshot: &Snapshot, of: &Index| -> HashSet<_> {
        let same = snapshot.processes.iter().find(|index| index.process.is(&of.process));
        same.into_iter().flat_map(|index| index.blocks.iter().map(|block| block.identity())).collect()
    };
    let is_matched =
        before.processes.iter().any(|old| after.processes.iter().any(|new| new.process.is(&old.process)));
    let nothing = || {
        let pair = is_matched.then(Pair::default);
        Change {
            made: pair,
            freed: pair,
            stayed: between.and(pair),
            between: between.map(|_| Pair::default()),
            ..Change::default()
        }
    };
    let count = |pair: &mut Option<Pair>, bytes| {
        if let Some(pair) = pair {
            pair.blocks += 1;
            pair.bytes += bytes;
        }
    };
    let mut rows = Rows::new();
    for index in &before.processes {
        let later = has(after, index);
        for block in &index.blocks {
            let change = rows.entry(key(index, block.group)).or_insert_with(nothing);
            change.count_before += 1;
            change.bytes_before += block.bytes;
            if !later.contains(&block.identity()) {
                count(&mut change.freed, block.bytes);
            }
        }
    }
    for index in between.iter().flat_map(|snapshot| &snapshot.processes) {
        for block in &index.blocks {
            let change = rows.entry(key(index, block.group)).or_insert_with(nothing);
            count(&mut change.between, block.bytes);
        }
    }
    for index in &after.processes {
        let earlier = has(before, index);
        let middle = between.map(|snapshot| has(snapshot, index)).unwrap_or_default();
        for block in &index.blocks {
            let change = rows.entry(key(index, block.group)).or_insert_with(nothing);
            change.count_after += 1;
            change.bytes_after += block.bytes;
            if !earlier.contains(&block.identity()) {
                count(&mut change.made, block.bytes);
                if middle.contains(&block.identity()) {
                    count(&mut change.stayed, block.bytes);
                }
            }
        }
    }
    rows
}
