//! Finding by name: arrays of indices, sorted by the name's bytes.

use super::record::TypeRecord;
use super::strings::{self, Pool};
use std::cmp::Ordering;
use std::ops::Range;

use super::build::StringId;

/// The named types, by name, then tag, then as they were added.
pub(super) fn index_types(pool: &Pool, types: &[TypeRecord]) -> Vec<u32> {
    let mut indices = named(types.iter().map(|record| record.name));
    let key = |index: &u32| {
        let record = usize::try_from(*index).ok().and_then(|index| types.get(index));
        record.map_or((&[][..], 0), |record| (pool.text(StringId(record.name)), record.tag))
    };
    indices.sort_by(|one, other| key(one).cmp(&key(other)));
    indices
}

/// Everything that has a name, by name.
pub(super) fn index_by(pool: &Pool, names: impl Iterator<Item = u32> + Clone) -> Vec<u32> {
    let names: Vec<u32> = names.collect();
    let mut indices = named(names.iter().copied());
    let key = |index: &u32| {
        let name = usize::try_from(*index).ok().and_then(|index| names.get(index));
        name.map_or(&[][..], |name| pool.text(StringId(*name)))
    };
    indices.sort_by(|one, other| key(one).cmp(key(other)));
    indices
}

fn named(names: impl Iterator<Item = u32>) -> Vec<u32> {
    (0..).zip(names).filter(|(_, name)| *name != 0).map(|(index, _)| index).collect()
}

/// The part of a sorted array whose entries have this name. `name_of`: the pool's offset of an entry's name.
pub(super) fn find(pool: &[u8], sorted: &[u32], name: &str, name_of: impl Fn(u32) -> u32) -> Range<usize> {
    let order = |index: &u32| strings::at(pool, name_of(*index)).cmp(name.as_bytes());
    let first = sorted.partition_point(|index| order(index) == Ordering::Less);
    let rest = sorted.get(first..).unwrap_or(&[]);
    first..first + rest.partition_point(|index| order(index) == Ordering::Equal)
}
