//! The live blocks of a process in one numbering, whatever they are known from; and its *areas*: memory that is no block, but that
//! pointers may lead to all the same.
//!
//! ```text
//!   numbers   0 .. S          slots of the allocator's reader, by address; those that are free have no block
//!             S .. S + A      areas: shared memory, the brk heap, what the program mapped for itself
//! ```
//!
//! Parts of blocks, which the reader knows of where pools are hooked, are not looked at: a pool's block is one block here.
//!
//! Nothing is kept per block: all that is said of one is worked out from the allocator's tables, which the reader has.

use crate::prefetch::prefetch;
use mcrx_allocator::reader::{Heap, Place, SiteKey, Slot};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::ops::Range;

/// A live block, or an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its first byte.
    pub address: u64,
    /// Bytes that the program may have put something into.
    pub len: u64,
    /// Bytes that it asked for.
    pub requested: u64,
    /// Who made it. `None`: an area, or a block of a test.
    pub site: Option<SiteKey>,
}

/// Writable memory that is neither the tagged heap, nor a module's data, nor a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// Its addresses.
    pub range: Range<u64>,
    /// What it is, for people: `shared /dev/zero`.
    pub name: String,
}

/// All live blocks of a process, and its areas.
pub struct Blocks<'h> {
    index: Index<'h>,
    /// By address; none overlap.
    areas: Vec<Area>,
    /// The number of the first of them.
    first_area: u32,
    /// Blocks of which less is in use than was asked for: how much, by address.
    shorter: Shorter,
}

type Shorter = FxHashMap<u64, u64>;

enum Index<'h> {
    /// By the allocator's own tables.
    Heap(&'h Heap),
    /// By search.
    Sorted(Vec<Block>),
}

impl<'h> Blocks<'h> {
    /// Those of a heap; and areas, which do not overlap it or each other.
    pub fn of(heap: &'h Heap, areas: Vec<Area>) -> Blocks<'h> {
        Blocks::new(Index::Heap(heap), heap.ordinary_slots(), areas)
    }

    /// Blocks that are listed, numbered by address; and areas. For tests: they must not overlap.
    pub fn listed(blocks: impl IntoIterator<Item = Block>, areas: Vec<Area>) -> Blocks<'static> {
        let mut all: Vec<Block> = blocks.into_iter().collect();
        all.sort_by_key(|block| block.address);
        let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
        Blocks::new(Index::Sorted(all), count, areas)
    }

    fn new(index: Index<'_>, first_area: u32, mut areas: Vec<Area>) -> Blocks<'_> {
        areas.sort_by_key(|area| area.range.start);
        Blocks { index, areas, first_area, shorter: Shorter::default() }
    }

    /// The same, where somebody knows of single blocks which part of them is in use: what is in them got smaller where it was.
    #[must_use]
    pub fn in_use<'p>(mut self, parts: impl IntoParallelIterator<Item = &'p Range<u64>>) -> Blocks<'h> {
        let shorter = parts.into_par_iter().filter_map(|part| {
            let len = part.end.saturating_sub(part.start);
            let (_, block, offset) = self.find(part.start)?;
            (offset == 0 && len < block.len).then_some((part.start, len))
        });
        self.shorter = shorter.collect::<Vec<_>>().into_iter().collect();
        self
    }

    /// One past the highest number. Not every number below it has a block.
    pub fn numbers(&self) -> u32 {
        self.first_area.saturating_add(u32::try_from(self.areas.len()).unwrap_or(u32::MAX))
    }

    /// The live blocks, by number; without areas.
    pub fn iter(&self) -> Live<'_> {
        self.range(0..self.first_area)
    }

    /// The live blocks with these numbers; without areas.
    pub fn range(&self, numbers: Range<u32>) -> Live<'_> {
        match &self.index {
            Index::Heap(heap) => {
                let end = numbers.end.min(self.first_area);
                Live::Heap(heap.blocks_in(numbers.start.min(end)..end), &self.shorter)
            }
            Index::Sorted(all) => {
                let end = numbers.end.min(self.first_area);
                Live::Sorted(all, numbers.start.min(end)..end, &self.shorter)
            }
        }
    }

    /// The areas, with their numbers.
    pub fn areas(&self) -> impl Iterator<Item = (u32, &Area)> {
        (self.first_area..).zip(&self.areas)
    }

    /// Whether a number is that of an area.
    #[inline]
    pub fn is_area(&self, number: u32) -> bool {
        number >= self.first_area
    }

    /// The area with a number.
    pub fn area(&self, number: u32) -> Option<&Area> {
        self.areas.get(usize::try_from(number.checked_sub(self.first_area)?).ok()?)
    }

    /// The block or area with a number.
    #[inline]
    pub fn get(&self, number: u32) -> Option<Block> {
        if self.is_area(number) {
            return self.area(number).map(Block::from);
        }
        match &self.index {
            Index::Heap(heap) => {
                heap.block(Slot(number)).map(|block| Block::from(&block).shortened(&self.shorter))
            }
            Index::Sorted(all) => {
                all.get(usize::try_from(number).ok()?).map(|block| block.shortened(&self.shorter))
            }
        }
    }

    /// The live block, or the area, that a word points into, below its usable size; and how far in.
    #[inline]
    pub fn find(&self, word: u64) -> Option<(u32, Block, u64)> {
        match &self.index {
            Index::Heap(heap) => match heap.classify_ordinary(word) {
                Place::Live { block, offset } => {
                    Some((block.slot.0, Block::from(&block).shortened(&self.shorter), offset))
                }
                Place::Free => None,
                Place::Foreign => self.find_area(word),
            },
            Index::Sorted(all) => {
                let before = all.partition_point(|block| block.address <= word);
                let found = before.checked_sub(1).and_then(|place| Some((place, *all.get(place)?)));
                match found.filter(|(_, block)| word - block.address < block.len.max(1)) {
                    Some((place, block)) => {
                        let block = block.shortened(&self.shorter);
                        Some((u32::try_from(place).ok()?, block, word - block.address))
                    }
                    None => self.find_area(word),
                }
            }
        }
    }

    /// Has what [`find`](Blocks::find) will look at brought into the cache. Returns the number that it will most likely say.
    #[inline]
    pub(crate) fn foresee(&self, word: u64) -> Option<u32> {
        match &self.index {
            Index::Heap(heap) => {
                let (slot, tag) = heap.foresee(word)?;
                prefetch(tag);
                Some(slot.0)
            }
            Index::Sorted(_) => None,
        }
    }

    fn find_area(&self, word: u64) -> Option<(u32, Block, u64)> {
        let before = self.areas.partition_point(|area| area.range.start <= word);
        let place = before.checked_sub(1)?;
        let area = self.areas.get(place).filter(|area| area.range.contains(&word))?;
        let number = self.first_area.checked_add(u32::try_from(place).ok()?)?;
        Some((number, Block::from(area), word - area.range.start))
    }

    /// As [`find`](Blocks::find), the number and how far in.
    #[inline]
    pub fn at(&self, word: u64) -> Option<(u32, u64)> {
        self.find(word).map(|(number, _, offset)| (number, offset))
    }

    /// The block that a word points to or just past: of two that touch, the one that begins there.
    #[inline]
    pub fn at_or_past(&self, word: u64) -> Option<Hit> {
        if let Some((number, block, offset)) = self.find(word) {
            // Past the bytes in use is no object any more.
            return Some(Hit { number, block, offset, past: offset >= block.len && offset > 0 });
        }
        let (number, block, offset) = self.find(word.checked_sub(1)?)?;
        Some(Hit { number, block, offset: offset + 1, past: true })
    }
}

/// Live blocks, with their numbers.
pub enum Live<'b> {
    #[doc(hidden)]
    Heap(mcrx_allocator::reader::Blocks<'b>, &'b FxHashMap<u64, u64>),
    #[doc(hidden)]
    Sorted(&'b [Block], Range<u32>, &'b FxHashMap<u64, u64>),
}

impl Iterator for Live<'_> {
    type Item = (u32, Block);

    #[inline]
    fn next(&mut self) -> Option<(u32, Block)> {
        match self {
            Live::Heap(blocks, shorter) => {
                blocks.next().map(|block| (block.slot.0, Block::from(&block).shortened(shorter)))
            }
            Live::Sorted(all, numbers, shorter) => {
                let number = numbers.next()?;
                Some((number, all.get(usize::try_from(number).ok()?)?.shortened(shorter)))
            }
        }
    }
}

impl Block {
    /// As much of it as is in use.
    #[inline]
    fn shortened(self, shorter: &Shorter) -> Block {
        match shorter.is_empty() {
            true => self,
            false => Block { len: shorter.get(&self.address).copied().unwrap_or(self.len), ..self },
        }
    }
}

impl From<&mcrx_allocator::reader::Block> for Block {
    #[inline]
    fn from(block: &mcrx_allocator::reader::Block) -> Block {
        Block {
            address: block.address.0,
            len: if block.whole { block.usable } else { block.requested },
            requested: block.requested,
            site: Some(block.site),
        }
    }
}

impl From<&Area> for Block {
    fn from(area: &Area) -> Block {
        let len = area.range.end - area.range.start;
        Block { address: area.range.start, len, requested: len, site: None }
    }
}

/// Where a pointer leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The block's number.
    pub number: u32,
    /// The block.
    pub block: Block,
    /// Bytes from its start.
    pub offset: u64,
    /// Past its last byte: what a loop stops at.
    pub past: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_part_of_a_block_that_is_in_use_is_past_it() {
        let block = |address, len| Block { address, len, requested: len, site: None };
        let blocks = Blocks::listed([block(0x1000, 48), block(0x2000, 48)], Vec::new());
        let blocks = blocks.in_use(&[0x1000..0x1018, 0x2000..0x2030, 0x3000..0x3008]);
        let lens: Vec<u64> = blocks.iter().map(|(_, block)| block.len).collect();
        assert_eq!(lens, [24, 48]);
        assert_eq!(blocks.get(0).map(|block| (block.len, block.requested)), Some((24, 48)));
        assert_eq!(blocks.at_or_past(0x1018).map(|hit| (hit.number, hit.past)), Some((0, true)));
        assert_eq!(blocks.at_or_past(0x2018).map(|hit| (hit.number, hit.past)), Some((1, false)));
    }
}
