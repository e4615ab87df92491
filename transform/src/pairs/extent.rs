//! What pairs: a whole block, or a typed part of one.

use crate::side::Side;
use mcrx_tracer::blocks::Block;
use mcrx_tracer::image::MappingKind;
use mcrx_tracer::mark::Island;
use mcrx_tracer::model::{Fit, Ty};
use std::ops::Range;

/// Which extent: its block, and where in that it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) block: u32,
    pub(super) start: u64,
}

/// Objects of one type side by side, or a block of which no type is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) key: Key,
    /// Of the first byte.
    pub(super) address: u64,
    pub(super) len: u64,
    pub(super) ty: Option<Ty>,
    /// Bytes from one object to the next; of a single one all of them.
    pub(super) stride: u64,
    pub(super) count: u64,
    /// It is all of a block that the allocator gave.
    pub(super) is_block: bool,
}

impl Extent {
    /// What lies so far into a block or an area. `None`: nothing that can pair.
    pub(super) fn at(side: &Side<'_>, number: u32, offset: u64) -> Option<Extent> {
        let block = side.trace.blocks.get(number)?;
        let marked = &side.trace.marked;
        if marked.ty(number).is_some() {
            return Extent::whole(side, number, &block);
        }
        if let Some((start, island)) = island_at(side, number, offset) {
            return Extent::island(side, number, &block, start, island);
        }
        marked.islands_of(number).next().is_none().then(|| Extent::whole(side, number, &block)).flatten()
    }

    /// All that can pair in a block or an area, by address.
    pub(super) fn all(side: &Side<'_>, number: u32) -> Vec<Extent> {
        let Some(block) = side.trace.blocks.get(number) else { return Vec::new() };
        let islands = side.trace.marked.islands_of(number);
        let parts: Vec<Extent> = islands
            .filter_map(|(start, island)| Extent::island(side, number, &block, start, island))
            .collect();
        if parts.is_empty() { Extent::whole(side, number, &block).into_iter().collect() } else { parts }
    }

    fn whole(side: &Side<'_>, number: u32, block: &Block) -> Option<Extent> {
        // Of an area no type is known as a whole.
        if block.len == 0 || side.trace.blocks.is_area(number) {
            return None;
        }
        let ty = side.trace.marked.ty(number);
        let (stride, count) = match ty.map(|ty| (ty, side.trace.model.fit(ty, block.len))) {
            Some((ty, Fit::Exactly(count))) => (side.trace.model.map(ty).size.max(1), count),
            _ => (block.len, 1),
        };
        let key = Key { block: number, start: 0 };
        Some(Extent { key, address: block.address, len: block.len, ty, stride, count, is_block: true })
    }

    fn island(side: &Side<'_>, number: u32, block: &Block, start: u64, island: Island) -> Option<Extent> {
        let is_there = start.checked_add(island.size).is_some_and(|end| end <= block.len);
        let is_shared = || side.trace.blocks.is_area(number) && is_shared(side, block);
        if island.size == 0 || !is_there || is_shared() {
            return None;
        }
        let stride = island.stride.clamp(1, island.size);
        Some(Extent {
            key: Key { block: number, start },
            address: block.address.checked_add(start)?,
            len: island.size,
            ty: Some(island.ty),
            stride,
            count: island.size / stride,
            is_block: false,
        })
    }

    /// Its addresses.
    pub(super) fn range(&self) -> Range<u64> {
        self.address..self.address.saturating_add(self.len)
    }

    /// Which object a place is in, and how far into that. `offset`: from the start of the block.
    pub(super) fn inside(&self, offset: u64) -> (u64, u64) {
        let into = offset.saturating_sub(self.key.start);
        // What is behind the last object is taken to belong to it.
        let index = (into / self.stride.max(1)).min(self.count.saturating_sub(1));
        (index, into - index * self.stride)
    }
}

fn island_at(side: &Side<'_>, number: u32, offset: u64) -> Option<(u64, Island)> {
    let islands = &side.trace.marked.islands;
    let ((_, start), island) = islands.range((number, 0)..=(number, offset)).next_back()?;
    (offset - start < island.size).then_some((*start, *island))
}

/// Whether an area is shared: it stays where it is, and the new process is to have the same.
fn is_shared(side: &Side<'_>, area: &Block) -> bool {
    let mapping = side.process().mapping_at(area.address);
    mapping.is_some_and(|mapping| matches!(mapping.kind, MappingKind::Shared { .. }))
}
