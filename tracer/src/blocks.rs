//! The live blocks of a process in one numbering, whatever they are known from; and its *areas*: memory that is no block, but that
//! pointers may lead to all the same.
//!
//! ```text
//!   numbers   0 .. S          slots of the allocator's reader, by address; those that are free have no block. Behind those of blocks
//!                             come those of the parts that pools have handed out of some of them
//!             S .. S + A      areas: shared memory, the brk heap, what the program mapped for itself
//! ```
//!
//! A block that a pool hands out in parts is as long as what lies before the first of them. A pool may have given a part more room than
//! was asked for, by moving its mark without a call: what lies between a part and the next one is the part's, unless it can be no more than
//! what alignment left.
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
    /// Blocks of which not as much is in use as was asked for: how much, by address.
    lens: Lens,
}

type Lens = FxHashMap<u64, u64>;

/// What alignment leaves between two parts of a pool is less than this: pools align to words.
const ALIGNMENT: u64 = 8;

enum Index<'h> {
    /// By the allocator's own tables.
    Heap(&'h Heap),
    /// By search.
    Sorted(Vec<Block>),
}

impl<'h> Blocks<'h> {
    /// Those of a heap; and areas, which do not overlap it or each other.
    pub fn of(heap: &'h Heap, areas: Vec<Area>) -> Blocks<'h> {
        Blocks::new(Index::Heap(heap), heap.slots(), areas)
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
        Blocks { index, areas, first_area, lens: Lens::default() }
    }

    /// The same, where somebody knows of single blocks which part of them is in use: what is in them got smaller where it was.
    #[must_use]
    pub fn in_use<'p>(mut self, parts: impl IntoParallelIterator<Item = &'p Range<u64>>) -> Blocks<'h> {
        let shorter = parts.into_par_iter().filter_map(|part| {
            let len = part.end.saturating_sub(part.start);
            let (_, block, offset) = self.find(part.start)?;
            (offset == 0 && len < block.len).then_some((part.start, len))
        });
        self.lens = shorter.collect::<Vec<_>>().into_iter().collect();
        self
    }

    /// The same, where it is known of the blocks that pools hand out in parts, as `end` says, from which address on nothing is handed out yet.
    #[must_use]
    pub fn handed_out(mut self, end: impl Fn(&Block) -> Option<u64>) -> Blocks<'h> {
        let Index::Heap(heap) = &self.index else { return self };
        let mut parts = heap.blocks_in(heap.ordinary_slots()..heap.slots()).peekable();
        while let Some(first) = parts.next() {
            let Some(pool) = first.within.and_then(|pool| heap.block(pool)) else { continue };
            let room = pool.address.0..pool.address.0 + pool.usable;
            let rest = std::iter::from_fn(|| parts.next_if(|next| next.within == first.within));
            let range = |part: mcrx_allocator::reader::Block| part.address.0..part.address.0 + part.requested;
            let handed_out: Vec<_> = std::iter::once(first).chain(rest).map(range).collect();
            let end = end(&Block::from(&pool)).unwrap_or(room.end).min(room.end);
            for (address, len) in in_pool(room.start, &handed_out, end) {
                // What somebody knows better stays.
                self.lens.entry(address).or_insert(len);
            }
        }
        self
    }

    /// Whether a number is that of a part that a pool has handed out, and not of a block of its own.
    #[inline]
    pub fn is_part(&self, number: u32) -> bool {
        match &self.index {
            Index::Heap(heap) => number >= heap.ordinary_slots() && !self.is_area(number),
            Index::Sorted(_) => false,
        }
    }

    /// The block that a pool has handed out this part of.
    pub fn pool_of(&self, part: u32) -> Option<u32> {
        match &self.index {
            Index::Heap(heap) if self.is_part(part) => Some(heap.block(Slot(part))?.within?.0),
            _ => None,
        }
    }

    /// The parts that a pool has handed out of a block, by their numbers.
    pub fn parts_of(&self, number: u32) -> impl Iterator<Item = u32> {
        let heap = match &self.index {
            Index::Heap(heap) => Some(heap),
            Index::Sorted(_) => None,
        };
        heap.into_iter().flat_map(move |heap| heap.parts_of(Slot(number))).map(|part| part.slot.0)
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
            Index::Heap(heap) => Live::Heap(heap.blocks_in(numbers), &self.lens),
            Index::Sorted(all) => {
                let end = numbers.end.min(self.first_area);
                Live::Sorted(all, numbers.start.min(end)..end, &self.lens)
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
                heap.block(Slot(number)).map(|block| Block::from(&block).measured(&self.lens))
            }
            Index::Sorted(all) => {
                all.get(usize::try_from(number).ok()?).map(|block| block.measured(&self.lens))
            }
        }
    }

    /// The live block, or the area, that a word points into, below its usable size; and how far in.
    #[inline]
    pub fn find(&self, word: u64) -> Option<(u32, Block, u64)> {
        match &self.index {
            Index::Heap(heap) => match heap.classify(word) {
                Place::Live { mut block, mut offset } => {
                    // Between two parts it is the first one's end that is nearest.
                    if let Some(part) = heap.part_before(&block, offset) {
                        offset = word - part.address.0;
                        block = part;
                    }
                    Some((block.slot.0, Block::from(&block).measured(&self.lens), offset))
                }
                Place::Free => None,
                Place::Foreign => self.find_area(word),
            },
            Index::Sorted(all) => {
                let before = all.partition_point(|block| block.address <= word);
                let found = before.checked_sub(1).and_then(|place| Some((place, *all.get(place)?)));
                match found.filter(|(_, block)| word - block.address < block.len.max(1)) {
                    Some((place, block)) => {
                        let block = block.measured(&self.lens);
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

/// How long the block of a pool is that has handed out some parts, by address, and nothing from `end` on; and how long parts are that have
/// more room than was asked for.
fn in_pool(start: u64, parts: &[Range<u64>], end: u64) -> Vec<(u64, u64)> {
    let next = parts.iter().skip(1).map(|next| next.start).chain([end]);
    let widened = parts.iter().zip(next).filter(|(part, next)| next.saturating_sub(part.end) >= ALIGNMENT);
    let header = parts.first().map(|first| (start, first.start - start));
    header.into_iter().chain(widened.map(|(part, next)| (part.start, next - part.start))).collect()
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
            Live::Heap(blocks, lens) => {
                blocks.next().map(|block| (block.slot.0, Block::from(&block).measured(lens)))
            }
            Live::Sorted(all, numbers, lens) => {
                let number = numbers.next()?;
                Some((number, all.get(usize::try_from(number).ok()?)?.measured(lens)))
            }
        }
    }
}

impl Block {
    /// As much of it as is in use.
    #[inline]
    fn measured(self, lens: &Lens) -> Block {
        match lens.is_empty() {
            true => self,
            false => Block { len: lens.get(&self.address).copied().unwrap_or(self.len), ..self },
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
    fn a_part_has_the_room_that_its_pool_gave_it_without_a_call() {
        // The second's element was pushed behind it, and so were two of the last one's; a word is what alignment may leave.
        let parts = [0x1020..0x1030, 0x1030..0x1040, 0x1048..0x1051, 0x1058..0x1060];
        assert_eq!(in_pool(0x1000, &parts, 0x1070), [(0x1000, 0x20), (0x1030, 0x18), (0x1058, 0x18)]);
        assert_eq!(in_pool(0x1000, &parts, 0x1060), [(0x1000, 0x20), (0x1030, 0x18)]);
        assert_eq!(in_pool(0x1000, &parts[..1], 0x1030), [(0x1000, 0x20)]);
    }

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
