//! Which block a word leads to, by search.

use crate::blocks::{Block, Blocks};
use std::collections::BTreeMap;

/// Blocks and areas by their first byte, with their numbers.
pub(super) struct Lookup<'a> {
    blocks: &'a Blocks<'a>,
    by_start: BTreeMap<u64, (u32, Block)>,
    by_number: BTreeMap<u32, Block>,
    pub(super) first_area: u32,
}

/// Where a word leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) number: u32,
    /// Bytes from the block's start.
    pub(super) into: u64,
    /// Past what the program may have put something into.
    pub(super) is_past: bool,
}

impl<'a> Lookup<'a> {
    pub(super) fn of(blocks: &'a Blocks<'a>) -> Lookup<'a> {
        let areas = blocks.areas().map(|(number, area)| (number, Block::from(area)));
        let first_area = blocks.areas().next().map_or(blocks.numbers(), |(number, _)| number);
        let by_number: BTreeMap<u32, Block> = blocks.iter().chain(areas).collect();
        let by_start = by_number.iter().map(|(number, block)| (block.address, (*number, *block))).collect();
        Lookup { blocks, by_start, by_number, first_area }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (u32, Block)> {
        self.by_number.iter().map(|(number, block)| (*number, *block))
    }

    pub(super) fn get(&self, number: u32) -> Option<Block> {
        self.by_number.get(&number).copied()
    }

    /// The block whose usable bytes hold an address. How many those are is the allocator's to say: asked, it must name the block that
    /// begins nearest below, and the same distance.
    pub(super) fn at(&self, address: u64) -> Option<Target> {
        let (start, (number, block)) = self.by_start.range(..=address).next_back()?;
        let into = address - start;
        let is_its = self.blocks.at(address) == Some((*number, into));
        is_its.then_some(Target { number: *number, into, is_past: into >= block.len && into > 0 })
    }

    /// The same, or the block that ends just before the address.
    pub(super) fn at_or_past(&self, address: u64) -> Option<Target> {
        self.at(address).or_else(|| {
            let last = self.at(address.checked_sub(1)?)?;
            Some(Target { into: last.into + 1, is_past: true, ..last })
        })
    }
}
