//! The live blocks of a process in one dense numbering, whatever they are known from.

use mcrx_allocator::reader::{Heap, Place, SiteKey};

/// A live block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its first byte.
    pub address: u64,
    /// Bytes that the program may have put something into.
    pub len: u64,
    /// Bytes that it asked for.
    pub requested: u64,
    /// Who made it. `None`: a block of a test.
    pub site: Option<SiteKey>,
}

/// All live blocks of a process, by address; a block's number is its place in that order.
pub struct Blocks<'h> {
    all: Vec<Block>,
    index: Index<'h>,
}

enum Index<'h> {
    /// By the allocator's own tables; for each of its slots the block's number.
    Heap(&'h Heap, Vec<u32>),
    /// By search.
    Sorted,
}

/// No block.
const NONE: u32 = u32::MAX;

impl<'h> Blocks<'h> {
    /// Those of a heap.
    pub fn of(heap: &'h Heap) -> Blocks<'h> {
        let mut live: Vec<_> = heap.blocks().collect();
        live.sort_by_key(|block| block.address);
        let mut numbers = vec![NONE; usize::try_from(heap.slots()).unwrap_or(0)];
        for (number, block) in (0..NONE).zip(&live) {
            let slot = usize::try_from(block.slot.0).ok().and_then(|slot| numbers.get_mut(slot));
            if let Some(place) = slot {
                *place = number;
            }
        }
        let block = |block: &mcrx_allocator::reader::Block| Block {
            address: block.address.0,
            len: if block.whole { block.usable } else { block.requested },
            requested: block.requested,
            site: Some(block.site),
        };
        Blocks { all: live.iter().map(block).collect(), index: Index::Heap(heap, numbers) }
    }

    /// Blocks that are listed, as addresses and lengths. For tests: they must not overlap.
    pub fn listed(blocks: impl IntoIterator<Item = (u64, u64)>) -> Blocks<'static> {
        let block = |(address, len)| Block { address, len, requested: len, site: None };
        let mut all: Vec<Block> = blocks.into_iter().map(block).collect();
        all.sort_by_key(|block| block.address);
        Blocks { all, index: Index::Sorted }
    }

    /// All of them.
    pub fn all(&self) -> &[Block] {
        &self.all
    }

    /// A block by its number.
    pub fn get(&self, number: u32) -> Option<&Block> {
        self.all.get(usize::try_from(number).ok()?)
    }

    /// The live block that a word points into, below its usable size, and how far in.
    #[inline]
    pub fn at(&self, word: u64) -> Option<(u32, u64)> {
        match &self.index {
            Index::Heap(heap, numbers) => match heap.classify(word) {
                Place::Live { block, offset } => {
                    let number = *numbers.get(usize::try_from(block.slot.0).ok()?)?;
                    (number != NONE).then_some((number, offset))
                }
                Place::Free | Place::Foreign => None,
            },
            Index::Sorted => {
                let number = self.all.partition_point(|block| block.address <= word).checked_sub(1)?;
                let block = self.all.get(number)?;
                let offset = word - block.address;
                (offset < block.len.max(1)).then_some((u32::try_from(number).ok()?, offset))
            }
        }
    }

    /// The block that a word points to or just past: of two that touch, the one that begins there.
    #[inline]
    pub fn at_or_past(&self, word: u64) -> Option<Hit> {
        if let Some((block, offset)) = self.at(word) {
            // Past the bytes in use is no object any more.
            let past = self.get(block).is_some_and(|known| offset >= known.len && offset > 0);
            return Some(Hit { block, offset, past });
        }
        let (block, offset) = self.at(word.checked_sub(1)?)?;
        Some(Hit { block, offset: offset + 1, past: true })
    }
}

/// Where a pointer leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The block's number.
    pub block: u32,
    /// Bytes from its start.
    pub offset: u64,
    /// Past its last byte: what a loop stops at.
    pub past: bool,
}
