//! What blocks were handed out in by pools of the program's own: `abi::parts`, read and checked.
//!
//! Read while the process is held, since pools append at any time. Only spans whose descriptors name tables cost anything: three
//! looks for all of them together, at indexes, heads and records.

use super::decode::{index, u32_at, u64_at};
use super::header::Header;
use super::spans::{Content, Span, Spans, slice_address};
use super::tags::{Tags, block_address, known_sites};
use super::{
    Address, Block, Consistency, Error, Generation, Memory, PartsFault, Piece, Place, SiteKey, Slot, Table,
    Unreadable, Why,
};
use crate::abi::{PARTS_MAX, PartRecord, PartsHead, SiteId};
use std::mem::offset_of;
use std::ops::Range;

/// Pieces read by one call; as many buffers as one call of `process_vm_readv(2)` takes (`IOV_MAX`).
const BATCH: usize = 1024;
const HEAD: usize = size_of::<PartsHead>();
const RECORD: usize = size_of::<PartRecord>();

/// A block that was handed out in parts.
#[derive(Debug, Clone, Copy)]
struct Pool {
    region: Address,
    address: Address,
    generation: Generation,
    slot: u32,
    /// Its first part, by number, and how many it has.
    first: u32,
    count: u32,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    offset: u32,
    size: u32,
    site: SiteId,
}

/// The parts of the blocks of a region.
#[derive(Debug, Default)]
pub(super) struct RegionParts {
    pools: Vec<Pool>,
    parts: Vec<Part>,
    /// What made no sense, in a running process.
    pub(super) torn: u64,
}

/// The parts of all blocks of a heap, by the slots of their blocks and by offset.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pools: Vec<Pool>,
    parts: Vec<Part>,
    /// The slot of the first.
    pub(super) first_slot: u32,
}

impl Parts {
    pub(super) fn add(&mut self, region: RegionParts) {
        let before = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        self.pools.extend(
            region.pools.into_iter().map(|pool| Pool { first: pool.first.saturating_add(before), ..pool }),
        );
        self.parts.extend(region.parts);
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.parts.len()).unwrap_or(u32::MAX)
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.pools.is_empty()
    }

    #[inline]
    fn pool(&self, slot: u32) -> Option<&Pool> {
        let at = self.pools.binary_search_by_key(&slot, |pool| pool.slot).ok()?;
        self.pools.get(at)
    }

    /// Whether the block with this slot has parts.
    #[inline]
    pub(super) fn has(&self, slot: Slot) -> bool {
        self.pool(slot.0).is_some()
    }

    fn of(&self, pool: &Pool) -> &[Part] {
        self.parts.get(index(pool.first)..index(pool.first) + index(pool.count)).unwrap_or(&[])
    }

    pub(super) fn first_offset(&self, slot: Slot) -> Option<u64> {
        self.of(self.pool(slot.0)?).first().map(|part| part.offset.into())
    }

    /// Their numbers.
    pub(super) fn of_slot(&self, slot: Slot) -> Range<u32> {
        self.pool(slot.0).map_or(0..0, |pool| pool.first..pool.first.saturating_add(pool.count))
    }

    /// What points `offset` bytes into a block points into this.
    #[inline]
    pub(super) fn refine(&self, block: Block, offset: u64) -> Place {
        let found = self.pool(block.slot.0).and_then(|pool| {
            let parts = self.of(pool);
            let after = parts.partition_point(|part| u64::from(part.offset) <= offset);
            // Before one of some bytes can be one of none, but not behind it in the same place.
            let number = after.checked_sub(1)?;
            let inside = offset - u64::from(parts.get(number)?.offset);
            let number = pool.first + u32::try_from(number).ok()?;
            (inside < u64::from(parts.get(after - 1)?.size)).then_some((number, inside))
        });
        match found.and_then(|(number, inside)| Some((self.block(number)?, inside))) {
            Some((part, offset)) => Place::Live { block: part, offset },
            None => Place::Live { block, offset },
        }
    }

    /// The last part of the block with a slot that begins at an offset or before.
    pub(super) fn before(&self, slot: Slot, offset: u64) -> Option<Block> {
        let pool = self.pool(slot.0)?;
        let after = self.of(pool).partition_point(|part| u64::from(part.offset) <= offset);
        self.block(pool.first + u32::try_from(after.checked_sub(1)?).ok()?)
    }

    /// The part with a number.
    #[inline]
    pub(super) fn block(&self, number: u32) -> Option<Block> {
        let part = self.parts.get(index(number))?;
        let after = self.pools.partition_point(|pool| pool.first <= number);
        let pool = self.pools.get(after.checked_sub(1)?)?;
        Some(Block {
            address: Address(pool.address.0 + u64::from(part.offset)),
            requested: part.size.into(),
            usable: part.size.into(),
            site: SiteKey { region: pool.region, id: part.site },
            generation: pool.generation,
            whole: false,
            slot: Slot(self.first_slot.saturating_add(number)),
            within: Some(Slot(pool.slot)),
        })
    }
}

/// A live block for which there may be a table.
struct Candidate {
    at: Address,
    room: u64,
    generation: u32,
    slot: u32,
    table: u64,
    count: u32,
}

struct Reading<'a, M: ?Sized> {
    memory: &'a M,
    header: &'a Header,
    spans: &'a Spans,
    consistency: Consistency,
    torn: u64,
}

/// `first_slot`: slots of the regions before.
pub(super) fn read(
    memory: &(impl Memory + ?Sized),
    header: &Header,
    spans: &Spans,
    tags: &Tags,
    consistency: Consistency,
    first_slot: u32,
) -> Result<RegionParts, Error> {
    let named: Vec<&Span> = spans.all().iter().filter(|span| span.parts != 0).collect();
    if named.is_empty() {
        return Ok(RegionParts::default());
    }
    let mut reading = Reading { memory, header, spans, consistency, torn: 0 };
    let mut candidates = reading.candidates(&named, tags)?;
    reading.heads(&mut candidates)?;
    let mut all = reading.records(&candidates, first_slot)?;
    all.torn = reading.torn;
    Ok(all)
}

impl<M: Memory + ?Sized> Reading<'_, M> {
    /// Of a held process an error, of a running one something that changed under our eyes.
    fn fault(&mut self, at: Address, fault: PartsFault) -> Result<(), Error> {
        match self.consistency {
            Consistency::Stopped => Err(Error::Parts { base: self.header.base, at, fault }),
            Consistency::Running => {
                self.torn += 1;
                Ok(())
            }
        }
    }

    fn is_table(&mut self, at: Address, address: u64, len: u64) -> Result<bool, Error> {
        let there = address.is_multiple_of(16) && self.spans.is_table(self.header.base, address, len);
        if !there {
            self.fault(at, PartsFault::Place(Address(address)))?;
        }
        Ok(there)
    }

    /// Reads `[address, address + len)` of each. What a running process has given back reads as zeros.
    fn many(&mut self, wanted: &[(u64, usize)]) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; wanted.iter().map(|(_, len)| len).sum()];
        let mut rest = &mut bytes[..];
        for batch in wanted.chunks(BATCH) {
            let mut pieces = Vec::with_capacity(batch.len());
            for (address, len) in batch {
                let (buffer, behind) = rest.split_at_mut((*len).min(rest.len()));
                rest = behind;
                pieces.push(Piece { address: Address(*address), buffer });
            }
            let Err(unreadable) = self.memory.read_many(&mut pieces) else { continue };
            let error = Error::unreadable(self.header.base, Table::Parts);
            if self.consistency == Consistency::Stopped || unreadable.why != Why::NotMapped {
                return Err(error(unreadable));
            }
            for piece in pieces {
                match self.memory.read(piece.address, piece.buffer) {
                    Ok(()) => {}
                    Err(Unreadable { why: Why::NotMapped, .. }) => {
                        piece.buffer.fill(0);
                        self.torn += 1;
                    }
                    Err(other) => return Err(error(other)),
                }
            }
        }
        Ok(bytes)
    }

    fn candidates(&mut self, named: &[&Span], tags: &Tags) -> Result<Vec<Candidate>, Error> {
        let base = self.header.base;
        let mut wanted = Vec::new();
        let mut indexes = Vec::new();
        let mut found = Vec::new();
        for span in named {
            let at = slice_address(base, span.slice);
            match span.content {
                Content::Large { size, tag } => {
                    if tag.is_live() {
                        let generation = tag.generation();
                        let (slot, table) = (span.slot, span.parts);
                        found.push(Candidate { at, room: size, generation, slot, table, count: 0 });
                    }
                }
                Content::Slab { shape, capacity } => {
                    if self.is_table(at, span.parts, 8 * u64::from(shape.limit))? {
                        wanted.push((span.parts, 8 * index(capacity)));
                        indexes.push((span, shape.block_size, capacity));
                    }
                }
            }
        }
        let bytes = self.many(&wanted)?;
        let (words, _) = bytes.as_chunks::<8>();
        let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
        for (span, block_size, capacity) in indexes {
            for number in 0..capacity {
                let table = words.next().unwrap_or(0);
                let tag = tags.at(span.slot + number);
                if table != 0 && tag.is_live() {
                    found.push(Candidate {
                        at: block_address(base, span, number),
                        room: block_size.into(),
                        generation: tag.generation(),
                        slot: span.slot + number,
                        table,
                        count: 0,
                    });
                }
            }
        }
        found.sort_by_key(|candidate| candidate.slot);
        Ok(found)
    }

    /// Leaves those that have parts.
    fn heads(&mut self, candidates: &mut Vec<Candidate>) -> Result<(), Error> {
        let mut placed = Vec::with_capacity(candidates.len());
        for candidate in candidates.drain(..) {
            if self.is_table(candidate.at, candidate.table, HEAD as u64)? {
                placed.push(candidate);
            }
        }
        let wanted: Vec<(u64, usize)> = placed.iter().map(|candidate| (candidate.table, HEAD)).collect();
        // Tables do not overlap: together they have no more than what there is for them.
        let mut left = self.spans.table_bytes();
        let bytes = self.many(&wanted)?;
        for (mut candidate, head) in placed.into_iter().zip(bytes.chunks_exact(HEAD)) {
            let (generation, count) = PartsHead::unpack(u64_at(head, offset_of!(PartsHead, state)));
            // Else it is a table of a block that is no more.
            if generation != candidate.generation || count == 0 {
                continue;
            }
            let capacity = u32_at(head, offset_of!(PartsHead, capacity));
            let block = u64_at(head, offset_of!(PartsHead, block));
            let len = HEAD as u64 + u64::from(capacity) * RECORD as u64;
            let at = candidate.at;
            if block != at.0 {
                self.fault(at, PartsFault::Owner(Address(block)))?;
            } else if count > capacity || capacity > PARTS_MAX || len > left {
                self.fault(at, PartsFault::Count { count, capacity })?;
            } else if self.is_table(at, candidate.table, len)? {
                left -= len;
                candidate.count = count;
                candidates.push(candidate);
            }
        }
        Ok(())
    }

    fn records(&mut self, candidates: &[Candidate], first_slot: u32) -> Result<RegionParts, Error> {
        let mut all = RegionParts::default();
        let sites = known_sites(self.header, self.consistency);
        // A table can be as long as its span: not all at once.
        for batch in candidates.chunks(BATCH) {
            let wanted: Vec<(u64, usize)> = batch
                .iter()
                .map(|candidate| (candidate.table + HEAD as u64, index(candidate.count) * RECORD))
                .collect();
            let bytes = self.many(&wanted)?;
            let mut records = bytes.chunks_exact(RECORD);
            for candidate in batch {
                let first = all.parts.len();
                let mut end = 0;
                for record in records.by_ref().take(index(candidate.count)) {
                    let part = Part {
                        offset: u32_at(record, offset_of!(PartRecord, offset)),
                        size: u32_at(record, offset_of!(PartRecord, size)),
                        site: SiteId(u32_at(record, offset_of!(PartRecord, site))),
                    };
                    let (start, past) =
                        (u64::from(part.offset), u64::from(part.offset) + u64::from(part.size));
                    if start < end {
                        self.fault(candidate.at, PartsFault::Order(part.offset))?;
                    } else if part.site.0 >= sites {
                        self.fault(candidate.at, PartsFault::Site { site: part.site.0, sites })?;
                    } else if past <= candidate.room {
                        all.parts.push(part);
                        end = past;
                    }
                    // A block that became smaller where it was has lost what lay behind.
                }
                let count = all.parts.len() - first;
                if count > 0 {
                    all.pools.push(Pool {
                        region: self.header.base,
                        address: candidate.at,
                        generation: Generation(candidate.generation),
                        slot: first_slot + candidate.slot,
                        first: u32::try_from(first).unwrap_or(u32::MAX),
                        count: u32::try_from(count).unwrap_or(u32::MAX),
                    });
                }
            }
        }
        Ok(all)
    }
}
