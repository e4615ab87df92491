//! Finding by name: arrays of indices, sorted by the name's bytes.

use super::record::TypeRecord;
use crate::image::strings::{self, Pool, StringId};
use rayon::prelude::*;
use std::cmp::Ordering;
use std::ops::Range;

/// The named types, by name, then tag, then as they were added.
pub(super) fn index_types(pool: &Pool, types: &[TypeRecord]) -> Vec<u32> {
    sorted(pool, types.iter().map(|record| (record.name, record.tag)))
}

/// Everything that has a name, by name, then as they were added.
pub(super) fn index_by(pool: &Pool, names: impl Iterator<Item = u32>) -> Vec<u32> {
    sorted(pool, names.map(|name| (name, 0)))
}

/// The places of what has a name. What is compared is fetched once, not at each comparison: names of C++ and Rust are long.
fn sorted(pool: &Pool, names: impl Iterator<Item = (u32, u8)>) -> Vec<u32> {
    let named = (0_u32..).zip(names).filter(|(_, (name, _))| *name != 0);
    let mut keys: Vec<(&[u8], u8, u32)> =
        named.map(|(index, (name, tag))| (pool.text(StringId(name)), tag, index)).collect();
    // All differ, by the last part at least.
    keys.par_sort_unstable();
    keys.into_iter().map(|(.., index)| index).collect()
}

/// The part of a sorted array whose entries have this name. `name_of`: the pool's offset of an entry's name.
pub(super) fn find(pool: &[u8], sorted: &[u32], name: &str, name_of: impl Fn(u32) -> u32) -> Range<usize> {
    let order = |index: &u32| strings::at(pool, name_of(*index)).cmp(name.as_bytes());
    let first = sorted.partition_point(|index| order(index) == Ordering::Less);
    let rest = sorted.get(first..).unwrap_or(&[]);
    first..first + rest.partition_point(|index| order(index) == Ordering::Equal)
}
