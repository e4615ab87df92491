//! Blocks that only an image has: a region of the heap, made as the allocator would have left it.
//!
//! Small blocks come from slabs of their size class, which many threads fill at once, each class under a lock of its own; large ones have
//! slices to themselves. Nothing is written before the region is asked for: until then a block is an address and a size.
//!
//! The region drains: no allocator makes anything in it. Its blocks have no site.

use super::Room;
use mcrx_allocator::abi::{
    ARENA_BASE, CLASS_COUNT, Class, DATA_OFFSET, DESCRIPTORS_OFFSET, Descriptor, FIRST_SLICE, HEADS_OFFSET,
    HEAP_STRIDE, HEAPS_OFFSET, Header, Kind, MAGIC, MAX_SLAB_BLOCK, REGION_SIZE, SLICE_SIZE, SLICES, SiteId,
    SlabShape, Tag, VERSION, Word, flag,
};
use mcrx_tracer::image::{Buffer, Content, Mapping, MappingKind, Memory, Permissions, Process, Segment};
use std::io;
use std::mem::offset_of;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

const PAGE: u64 = 4096;

/// A region of the heap that is not there yet.
#[derive(Debug)]
pub struct OfflineRoom {
    /// Which place of the arena.
    slot: u64,
    /// The first slice that nobody has.
    next: AtomicU32,
    /// Slabs by class.
    slabs: [Mutex<Vec<Slab>>; CLASS_COUNT],
    large: Mutex<Vec<Large>>,
}

#[derive(Debug)]
struct Slab {
    slice: u32,
    shape: SlabShape,
    /// What was asked for of each of its blocks.
    sizes: Vec<u32>,
}

#[derive(Debug)]
struct Large {
    slice: u32,
    slices: u32,
    size: u64,
}

impl OfflineRoom {
    /// At a place of the arena. Epochs are numbered as the places are.
    pub(super) fn new(slot: u64) -> OfflineRoom {
        OfflineRoom {
            slot,
            next: AtomicU32::new(FIRST_SLICE),
            slabs: std::array::from_fn(|_| Mutex::default()),
            large: Mutex::default(),
        }
    }

    fn base(&self) -> u64 {
        ARENA_BASE + self.slot * REGION_SIZE
    }

    /// Slices that are side by side. `None`: there are not so many left.
    fn take(&self, slices: u32) -> Option<u32> {
        let behind = |next: u32| next.checked_add(slices).filter(|end| *end <= SLICES);
        self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, behind).ok()
    }

    fn small(&self, size: u32) -> Option<u64> {
        let class = Class::of(size.into());
        let mut slabs = self.slabs.get(usize::from(class.0))?.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |slab: &Slab| wide(slab.sizes.len()) >= slab.shape.limit.into();
        if slabs.last().is_none_or(is_full) {
            let slice = self.take(class.slab_slices())?;
            slabs.push(Slab { slice, shape: class.slab_shape(slice), sizes: Vec::new() });
        }
        let slab = slabs.last_mut()?;
        let number = wide(slab.sizes.len());
        slab.sizes.push(size);
        let in_slab = u64::from(slab.shape.first) + number * u64::from(slab.shape.block_size);
        Some(self.base() + u64::from(slab.slice) * SLICE_SIZE + in_slab)
    }

    fn large(&self, size: u64) -> Option<u64> {
        let slices = u32::try_from(size.div_ceil(SLICE_SIZE)).ok()?;
        let slice = self.take(slices)?;
        self.large.lock().unwrap_or_else(PoisonError::into_inner).push(Large { slice, slices, size });
        Some(self.base() + u64::from(slice) * SLICE_SIZE)
    }

    /// Puts the region, with all blocks that were given so far, into the image of a process. Nothing, if none was; otherwise its base.
    ///
    /// # Errors
    /// There is no memory for it, or the process has something there.
    pub fn add_to(&self, process: &mut Process) -> io::Result<Option<u64>> {
        let region = self.region()?;
        if region.is_empty() {
            return Ok(None);
        }
        let mut segments = process.memory.segments().to_vec();
        segments.extend(region.iter().map(|(_, segment)| segment.clone()));
        process.memory = Memory::new(segments).map_err(io::Error::other)?;
        process.mappings.extend(region.into_iter().map(|(mapping, _)| mapping));
        process.mappings.sort_by_key(|mapping| mapping.range.start);
        Ok(Some(self.base()))
    }

    /// The region, with all blocks that were given so far. Nothing, if none was.
    pub(super) fn region(&self) -> io::Result<Vec<(Mapping, Segment)>> {
        let high = self.next.load(Ordering::Relaxed);
        if high == FIRST_SLICE {
            return Ok(Vec::new());
        }
        let mut tables = Tables::new(high)?;
        let mut spans = 0;
        for (class, slabs) in (0..).zip(&self.slabs) {
            let slabs = slabs.lock().unwrap_or_else(PoisonError::into_inner);
            slabs.iter().for_each(|slab| tables.add_slab(class, slab, self.base()));
            spans += slabs.len();
        }
        let large = self.large.lock().unwrap_or_else(PoisonError::into_inner);
        large.iter().for_each(|one| tables.add_large(one));
        let spans = u32::try_from(spans + large.len()).unwrap_or(u32::MAX);
        tables.add_header(self.base(), u32::try_from(self.slot).unwrap_or(u32::MAX), high, spans);
        Ok(tables.finish(self.base()))
    }
}

impl Room for OfflineRoom {
    fn block(&self, bytes: u64) -> Option<u64> {
        match u32::try_from(bytes) {
            Ok(size) if bytes <= MAX_SLAB_BLOCK => self.small(size),
            _ => self.large(bytes),
        }
    }
}

/// The parts of a region that are mapped.
struct Tables {
    header: Buffer,
    heads: Buffer,
    descriptors: Buffer,
    slices: Buffer,
}

impl Tables {
    /// Of slices up to this one.
    fn new(high: u32) -> io::Result<Tables> {
        let slices = u64::from(high - FIRST_SLICE);
        let zeros = |bytes: u64| Buffer::zeros(narrow(bytes.next_multiple_of(PAGE)));
        Ok(Tables {
            header: zeros(wide(size_of::<Header>()))?,
            heads: zeros(slices * 4)?,
            descriptors: zeros(slices * wide(size_of::<Descriptor>()))?,
            slices: zeros(slices * SLICE_SIZE)?,
        })
    }

    /// It belongs to the heap of a thread that is no more, so whoever frees one of its blocks looks after it.
    fn add_slab(&mut self, class: u8, slab: &Slab, base: u64) {
        let Slab { slice, shape, sizes } = slab;
        let capacity = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
        let slices = Class(class).slab_slices();
        self.describe(*slice, Word::new(Kind::Slab, class, flag::DIRTY | flag::COMMITTED, slices));
        let quarters = [
            (offset_of!(Descriptor, first), shape.first),
            (offset_of!(Descriptor, block_size), shape.block_size),
            (offset_of!(Descriptor, tags), shape.tags),
            (offset_of!(Descriptor, limit), shape.limit),
            (offset_of!(Descriptor, capacity), capacity),
        ];
        let owner = base + HEAPS_OFFSET + HEAP_STRIDE;
        self.descriptor(*slice, offset_of!(Descriptor, owner), &owner.to_le_bytes());
        self.descriptor(*slice, offset_of!(Descriptor, reciprocal), &shape.reciprocal.to_le_bytes());
        for (field, value) in quarters {
            self.descriptor(*slice, field, &value.to_le_bytes());
        }
        let tag = |size: &u32| tag(u64::from(*size)).0.to_le_bytes();
        let tags: Vec<u8> = sizes.iter().flat_map(tag).collect();
        put(&mut self.slices, in_slices(*slice) + u64::from(shape.tags), &tags);
    }

    fn add_large(&mut self, large: &Large) {
        self.describe(large.slice, Word::new(Kind::Large, 0, flag::DIRTY | flag::COMMITTED, large.slices));
        // The size stands beside the tag.
        self.descriptor(large.slice, offset_of!(Descriptor, tag), &tag(0).0.to_le_bytes());
        self.descriptor(large.slice, offset_of!(Descriptor, size), &large.size.to_le_bytes());
    }

    fn add_header(&mut self, base: u64, epoch: u32, high: u32, spans: u32) {
        let words = [
            (offset_of!(Header, magic), MAGIC),
            (offset_of!(Header, base), base),
            (offset_of!(Header, size), REGION_SIZE),
        ];
        let halves = [
            (offset_of!(Header, version), VERSION),
            (offset_of!(Header, epoch), epoch),
            (offset_of!(Header, draining), 1),
            (offset_of!(Header, high), high),
            (offset_of!(Header, committed), high),
            (offset_of!(Header, spans), spans),
            // Each table begins with an entry that stands for none.
            (offset_of!(Header, sites), 1),
            (offset_of!(Header, modules), 1),
        ];
        words.iter().for_each(|(at, word)| put(&mut self.header, wide(*at), &word.to_le_bytes()));
        halves.iter().for_each(|(at, half)| put(&mut self.header, wide(*at), &half.to_le_bytes()));
    }

    /// Says what span begins at a slice.
    fn describe(&mut self, slice: u32, word: Word) {
        self.descriptor(slice, offset_of!(Descriptor, word), &word.0.to_le_bytes());
        let number = u64::from(slice - FIRST_SLICE);
        let heads: Vec<u8> = (0..word.slices()).flat_map(|_| slice.to_le_bytes()).collect();
        put(&mut self.heads, number * 4, &heads);
    }

    fn descriptor(&mut self, slice: u32, field: usize, bytes: &[u8]) {
        let start = u64::from(slice - FIRST_SLICE) * wide(size_of::<Descriptor>());
        put(&mut self.descriptors, start + wide(field), bytes);
    }

    fn finish(self, base: u64) -> Vec<(Mapping, Segment)> {
        let first = u64::from(FIRST_SLICE);
        let parts = [
            (0, self.header),
            (HEADS_OFFSET + first * 4, self.heads),
            (DESCRIPTORS_OFFSET + first * wide(size_of::<Descriptor>()), self.descriptors),
            (DATA_OFFSET, self.slices),
        ];
        let mapped = |(offset, buffer): (u64, Buffer)| {
            let segment = Segment::whole(base + offset, Arc::new(Content::from(buffer)));
            let kind = MappingKind::Anonymous { name: None };
            (Mapping { range: segment.range(), permissions: Permissions::READ_WRITE, kind }, segment)
        };
        parts.into_iter().map(mapped).collect()
    }
}

/// Of a live block.
fn tag(size: u64) -> Tag {
    Tag::fresh(0, 0, true).taken(size, Tag::site_bits(SiteId(0)))
}

/// Where a slice begins among those that are dealt out.
fn in_slices(slice: u32) -> u64 {
    u64::from(slice - FIRST_SLICE) * SLICE_SIZE
}

fn put(buffer: &mut Buffer, at: u64, bytes: &[u8]) {
    let at = narrow(at);
    if let Some(part) = buffer.part_mut(at..at.saturating_add(bytes.len())) {
        part.copy_from_slice(bytes);
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn narrow(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcrx_allocator::reader::{Address, Block, Consistency, Heap, Limits, Place};
    use mcrx_tracer::image::Memory;
    use proptest::prelude::*;
    use rayon::prelude::*;

    const SLOT: u64 = 2;
    const BASE: u64 = ARENA_BASE + SLOT * REGION_SIZE;

    fn read(room: &OfflineRoom) -> Heap {
        let region = room.region().unwrap();
        let memory = Memory::new(region.into_iter().map(|(_, segment)| segment)).unwrap();
        Heap::read(&memory, &[Address(BASE)], Consistency::Stopped, Limits::default()).unwrap()
    }

    fn sizes() -> impl Strategy<Value = u64> {
        prop_oneof![
            12 => 0u64..300,
            6 => 0u64..9000,
            3 => 8000u64..70_000,
            1 => 65_530u64..65_542,
            1 => 65_000u64..3_000_000,
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_blocks_that_were_given_are_those_that_a_reader_finds(
            sizes in proptest::collection::vec(sizes(), 1..3000),
        ) {
            let room = OfflineRoom::new(SLOT);
            let mut given: Vec<(u64, u64)> =
                sizes.par_iter().map(|size| (room.block(*size).unwrap(), *size)).collect();
            given.sort_unstable();
            let heap = read(&room);
            let found: Vec<Block> = heap.blocks().collect();
            let as_found: Vec<(u64, u64)> =
                found.iter().map(|block| (block.address.0, block.requested)).collect();
            prop_assert_eq!(&as_found, &given);
            prop_assert!(found.iter().all(|block| block.address.0 % 16 == 0));
            prop_assert!(found.iter().all(|block| block.usable >= block.requested && block.site.id.0 == 0));
            let apart = |pair: &[Block]| pair[0].address.0 + pair[0].usable <= pair[1].address.0;
            prop_assert!(found.windows(2).all(apart));
            for block in &found {
                for offset in [0, block.requested / 2, block.requested.saturating_sub(1), block.usable - 1] {
                    let place = heap.classify(block.address.0 + offset);
                    prop_assert_eq!(place, Place::Live { block: *block, offset });
                }
            }
            prop_assert_eq!(heap.classify(BASE + DATA_OFFSET - 1), Place::Free);
        }
    }

    #[test]
    fn no_two_threads_are_given_one_block() {
        let room = OfflineRoom::new(SLOT);
        let mut given: Vec<u64> =
            (0..200_000u64).into_par_iter().map(|number| room.block(number % 700).unwrap()).collect();
        given.sort_unstable();
        given.dedup();
        assert_eq!(given.len(), 200_000);
        assert_eq!(read(&room).blocks().count(), 200_000);
    }

    #[test]
    fn a_room_that_is_full_says_so_and_has_given_what_it_had() {
        let room = OfflineRoom::new(SLOT);
        let all = u64::from(SLICES - FIRST_SLICE) * SLICE_SIZE;
        assert_eq!(room.block(u64::MAX), None);
        assert_eq!(room.block(all + 1), None);
        assert_eq!(room.block(all - SLICE_SIZE), Some(BASE + DATA_OFFSET));
        assert_eq!(room.block(SLICE_SIZE + 1), None);
        assert!(room.block(8).is_some());
        assert_eq!(room.block(40_000), None, "a slab of that class takes eight slices");
        assert!(room.block(16).is_some());
    }

    #[test]
    fn a_room_that_gave_nothing_has_no_region() {
        assert!(OfflineRoom::new(SLOT).region().unwrap().is_empty());
    }
}
