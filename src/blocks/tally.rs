//! Blocks counted.

use mcrx_allocator::reader::{Block, Blocks, SiteKey};
use std::collections::HashMap;
use std::hash::Hash;

/// How many, and how many bytes they were asked to have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) count: u64,
    pub(super) bytes: u64,
}

impl Sum {
    fn add(&mut self, block: &Block) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(block.requested);
    }
}

/// Blocks that have something in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row<K> {
    pub(super) key: K,
    pub(super) sum: Sum,
}

/// One row per requested size, the most bytes first.
pub(super) fn by_size(blocks: Blocks<'_>) -> Vec<Row<u64>> {
    by(blocks, |block| block.requested)
}

/// One row per site, the most bytes first.
pub(super) fn by_site(blocks: Blocks<'_>) -> Vec<Row<SiteKey>> {
    by(blocks, |block| block.site)
}

pub(super) fn total(blocks: Blocks<'_>) -> Sum {
    blocks.fold(Sum::default(), |mut sum, block| {
        sum.add(&block);
        sum
    })
}

fn by<K: Copy + Eq + Hash + Ord>(blocks: Blocks<'_>, key: impl Fn(&Block) -> K) -> Vec<Row<K>> {
    let mut sums: HashMap<K, Sum> = HashMap::new();
    for block in blocks {
        sums.entry(key(&block)).or_default().add(&block);
    }
    let mut rows: Vec<Row<K>> = sums.into_iter().map(|(key, sum)| Row { key, sum }).collect();
    // By key at last, so that the same heap always prints the same.
    rows.sort_by(|a, b| {
        b.sum.bytes.cmp(&a.sum.bytes).then(b.sum.count.cmp(&a.sum.count)).then(a.key.cmp(&b.key))
    });
    rows
}

/// Bytes as people say them.
pub(crate) fn readable(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    // In tenths of a unit; integers throughout, so that nothing is lost above 2^53.
    let (mut tenths, mut unit) = (u128::from(bytes) * 10 / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_said_in_the_largest_unit_that_they_fill() {
        let said = [0, 1023, 1024, 1536, 10 * 1024 * 1024, (1 << 30) - 1, u64::MAX].map(readable);
        assert_eq!(
            said,
            ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 KiB", "10.0 MiB", "1023.9 MiB", "16383.9 PiB"]
        );
    }
}
