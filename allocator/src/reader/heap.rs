//! The heap of a process: all its regions, and the blocks placed outside them.

use super::decode::index;
use super::header::{Header, has_magic};
use super::parts::Parts;
use super::placed::{self, PlacedBlock};
use super::region::{Region, RegionBlocks};
use super::{Address, Block, Consistency, Error, Limits, Memory, Place, Slot};
use crate::abi::{ARENA_BASE, ARENA_SLOTS, REGION_SIZE, region_of};
use core::ops::Range;

const REGIONS_MAX: usize = {
    assert!(ARENA_SLOTS < 255);
    64
};
const _: () = assert!(REGIONS_MAX as u64 == ARENA_SLOTS);
/// No region in this place of the arena.
const NONE: u8 = u8::MAX;

/// Everything that lives in a process, as far as the allocator knows: read once, checked, and from then on independent
/// of the process. It takes 8 bytes per block, free ones included, and some 50 per slab.
#[derive(Debug)]
pub struct Heap {
    /// In the order of their addresses.
    regions: Vec<Region>,
    /// For each place of the arena: the index in `regions` of the region that lies there.
    in_arena: [u8; REGIONS_MAX],
    /// In the order of their addresses.
    placed: Vec<PlacedBlock>,
    /// Slots of all regions; those of placed blocks follow, then those of parts.
    region_slots: u32,
    parts: Parts,
    torn: u64,
}

/// The tables of a heap, copied, but not yet seen to make sense.
#[derive(Debug)]
pub struct Copied {
    heap: Heap,
    consistency: Consistency,
}

impl Copied {
    /// Sees that they make sense. Takes longer than copying, and does not need the process any more.
    ///
    /// # Errors
    /// As [`Heap::read`].
    pub fn check(self) -> Result<Heap, Error> {
        let Copied { mut heap, consistency } = self;
        heap.regions.iter_mut().try_for_each(|region| region.check(consistency))?;
        heap.torn += heap.regions.iter().map(Region::torn).sum::<u64>();
        Ok(heap)
    }
}

impl Heap {
    /// Reads and checks the regions at `bases` ([`find`] finds them), which make up the heap of one process.
    ///
    /// # Errors
    /// The heap is not what an allocator of this version leaves: see [`Error`]. With [`Consistency::Running`], what spans and tags
    /// say amiss is left out and counted instead ([`torn`](Heap::torn)).
    pub fn read(
        memory: &(impl Memory + ?Sized),
        bases: &[Address],
        consistency: Consistency,
        limits: Limits,
    ) -> Result<Heap, Error> {
        Heap::copy(memory, bases, consistency, limits)?.check()
    }

    /// The part of [`read`](Heap::read) for which the process must hold still.
    ///
    /// # Errors
    /// As [`read`](Heap::read).
    pub fn copy(
        memory: &(impl Memory + ?Sized),
        bases: &[Address],
        consistency: Consistency,
        limits: Limits,
    ) -> Result<Copied, Error> {
        let mut heap = Heap {
            regions: Vec::new(),
            in_arena: [NONE; REGIONS_MAX],
            placed: Vec::new(),
            region_slots: 0,
            parts: Parts::default(),
            torn: 0,
        };
        let mut sorted = bases.to_vec();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::Twice(twice[0]));
        }
        let mut placed = Vec::new();
        for base in sorted {
            let header = Header::read(memory, base)?;
            let (region, parts) = Region::copy(memory, header, consistency, limits, heap.region_slots)?;
            let (blocks, torn) = placed::read(memory, &header, consistency)?;
            placed.extend(blocks);
            heap.region_slots += region.slots();
            heap.torn += torn + parts.torn;
            heap.parts.add(parts);
            heap.add(region);
        }
        let in_region = |address| heap.region_of(address).is_some();
        let (placed, torn) = placed::arrange(placed, consistency, in_region)?;
        heap.placed = placed;
        heap.torn += torn;
        heap.parts.first_slot = heap.ordinary_slots();
        let blocks = u64::from(heap.parts.first_slot) + u64::from(heap.parts.len());
        if let (Some(region), true) = (heap.regions.last(), blocks > u64::from(u32::MAX)) {
            return Err(Error::TooLarge { base: region.header().base, blocks, limit: u32::MAX });
        }
        Ok(Copied { heap, consistency })
    }

    fn add(&mut self, region: Region) {
        let number = u8::try_from(self.regions.len()).unwrap_or(NONE);
        if let Some(place) =
            arena_place(region.header().base.0).and_then(|place| self.in_arena.get_mut(place))
        {
            *place = number;
        }
        self.regions.push(region);
    }

    /// Its regions, in the order of their addresses.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// The region in which new blocks are made: the one that does not drain.
    #[must_use]
    pub fn home(&self) -> Option<&Region> {
        self.regions.iter().find(|region| !region.header().draining)
    }

    /// What `word` is, if it is an address. Takes constant time (with placed blocks, for words outside the regions: the logarithm of
    /// their number; with blocks that have parts: that of theirs).
    #[must_use]
    #[inline]
    pub fn classify(&self, word: u64) -> Place {
        match self.classify_ordinary(word) {
            Place::Live { block, offset } if !self.parts.is_empty() => self.parts.refine(block, offset),
            place => place,
        }
    }

    /// As [`classify`](Heap::classify), for who does not want to know of parts: of a word that points into one, the block that it lies
    /// in.
    #[must_use]
    #[inline]
    pub fn classify_ordinary(&self, word: u64) -> Place {
        if let Some(region) = self.region_of(word) {
            return region.classify(word);
        }
        if self.placed.is_empty() {
            return Place::Foreign;
        }
        self.classify_placed(word)
    }

    /// The slot of a region that `word` points into, whether or not a block lives there, and the bytes that
    /// [`classify`](Heap::classify) will have to look at: for who looks up many words, so that they are in the cache by then.
    #[must_use]
    #[inline]
    pub fn foresee(&self, word: u64) -> Option<(Slot, &[u8; 8])> {
        let foreseen = self.region_of(word)?.foresee(word)?;
        // Which part it will be is not known without a search.
        (self.parts.is_empty() || !self.parts.has(foreseen.0)).then_some(foreseen)
    }

    fn classify_placed(&self, word: u64) -> Place {
        let after = self.placed.partition_point(|block| block.address.0 <= word);
        match after.checked_sub(1).and_then(|number| Some((number, self.placed.get(number)?))) {
            Some((number, placed)) if word < placed.end() => {
                Place::Live { block: self.placed_block(number, placed), offset: word - placed.address.0 }
            }
            _ => Place::Foreign,
        }
    }

    fn placed_block(&self, number: usize, placed: &PlacedBlock) -> Block {
        let slot = Slot(self.region_slots.saturating_add(u32::try_from(number).unwrap_or(u32::MAX)));
        Block::new(placed.region, placed.address, placed.size, placed.room, placed.tag, slot)
    }

    #[inline]
    fn region_of(&self, word: u64) -> Option<&Region> {
        let number = *self.in_arena.get(arena_place(word)?)?;
        self.regions.get(usize::from(number))
    }

    /// The offset of the first part of the block with a slot: what lies before it is the pool's own. `None` if it has no parts.
    #[must_use]
    pub fn first_part(&self, slot: Slot) -> Option<u64> {
        self.parts.first_offset(slot)
    }

    /// Of a block that has parts, the last one that begins at an offset or before.
    #[must_use]
    #[inline]
    pub fn part_before(&self, block: &Block, offset: u64) -> Option<Block> {
        if self.parts.is_empty() || block.within.is_some() {
            return None;
        }
        self.parts.before(block.slot, offset)
    }

    /// The parts of the block with a slot, by address.
    pub fn parts_of(&self, slot: Slot) -> impl Iterator<Item = Block> {
        self.parts.of_slot(slot).filter_map(|number| self.parts.block(number))
    }

    /// All live blocks: those of the regions in the order of their addresses, then the placed ones in theirs, then parts, those of each
    /// block together and by address.
    #[must_use]
    pub fn blocks(&self) -> Blocks<'_> {
        self.blocks_in(0..self.slots())
    }

    /// Those of them that are no parts: what the allocator itself has handed out, and counts.
    #[must_use]
    pub fn ordinary_blocks(&self) -> Blocks<'_> {
        self.blocks_in(0..self.ordinary_slots())
    }

    /// Those of them that are parts.
    #[must_use]
    pub fn parts(&self) -> Blocks<'_> {
        self.blocks_in(self.ordinary_slots()..self.slots())
    }

    /// The live blocks whose slots are in a range: in the order of their slots, which [`blocks`](Heap::blocks) has too.
    #[must_use]
    pub fn blocks_in(&self, slots: Range<u32>) -> Blocks<'_> {
        let placed = |slot: u32| index(slot.saturating_sub(self.region_slots)).min(self.placed.len());
        let placed = placed(slots.start)..placed(slots.end);
        let part = |slot: u32| slot.saturating_sub(self.parts.first_slot).min(self.parts.len());
        let parts = part(slots.start)..part(slots.end);
        Blocks { heap: self, slots, regions: &self.regions, region: None, placed, parts }
    }

    /// The live block with this number among the blocks of this reading. Takes the logarithm of the number of slabs.
    #[must_use]
    #[inline]
    pub fn block(&self, slot: Slot) -> Option<Block> {
        if let Some(number) = slot.0.checked_sub(self.region_slots) {
            let number = index(number);
            if number >= self.placed.len() {
                return self.parts.block(slot.0 - self.parts.first_slot);
            }
            return Some(self.placed_block(number, self.placed.get(number)?));
        }
        let before = self.regions.partition_point(|region| region.first_slot() <= slot.0);
        // A region without slots begins where the next one does.
        let regions = self.regions.get(..before)?.iter().rev();
        let region = regions.into_iter().find(|region| region.slots() > 0)?;
        region.at_slot(slot.0 - region.first_slot())
    }

    /// Every [`Block::slot`] is below this.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.ordinary_slots().saturating_add(self.parts.len())
    }

    /// [`Block::slot`] of a part is not below this, and that of every other block is.
    #[must_use]
    pub fn ordinary_slots(&self) -> u32 {
        self.region_slots.saturating_add(u32::try_from(self.placed.len()).unwrap_or(u32::MAX))
    }

    /// Spans and blocks that were left out because they made no sense. 0 with [`Consistency::Stopped`].
    #[must_use]
    pub fn torn(&self) -> u64 {
        self.torn
    }
}

/// Live blocks of a heap, by slot.
#[derive(Debug, Clone)]
pub struct Blocks<'h> {
    heap: &'h Heap,
    slots: Range<u32>,
    /// Those that are still to come.
    regions: &'h [Region],
    /// The one that they come from now.
    region: Option<RegionBlocks<'h>>,
    /// Placed ones that are still to come, by their places.
    placed: Range<usize>,
    /// Parts that are still to come, by number.
    parts: Range<u32>,
}

impl Iterator for Blocks<'_> {
    type Item = Block;

    #[inline]
    fn next(&mut self) -> Option<Block> {
        loop {
            if let Some(block) = self.region.as_mut().and_then(Iterator::next) {
                return Some(block);
            }
            let Some((region, behind)) = self.regions.split_first() else {
                let Some(number) = self.placed.next() else {
                    return self.heap.parts.block(self.parts.next()?);
                };
                return Some(self.heap.placed_block(number, self.heap.placed.get(number)?));
            };
            (self.region, self.regions) = (Some(region.blocks_in(&self.slots)), behind);
        }
    }
}

/// In which place of the arena an address lies.
#[inline]
fn arena_place(address: u64) -> Option<usize> {
    let place = region_of(address).checked_sub(ARENA_BASE)? / REGION_SIZE;
    usize::try_from(place).ok()
}

/// Which of `candidates` (see [`arena_bases`](super::arena_bases)) hold a heap, of whatever version: those that begin with its magic.
/// A region that is being set up has none yet, and no blocks either.
#[must_use]
pub fn find(memory: &(impl Memory + ?Sized), candidates: &[Address]) -> Vec<Address> {
    candidates.iter().copied().filter(|base| has_magic(memory, *base)).collect()
}
