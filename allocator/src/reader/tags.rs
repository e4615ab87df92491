//! The tags of a region's blocks, copied into one table by slot, and checked there.
//!
//! In two steps, because a process need only be held for the first.

use super::decode::index;
use super::header::Header;
use super::spans::{Content, Span, Spans, slice_address};
use super::{Address, BlockFault, Consistency, Error, Memory, Piece, Table, Unreadable, Why};
use crate::abi::{SITES_MAX, SLICE_SIZE, SlabShape, Tag};

/// Slabs whose tags are read at a time: as many buffers as one call of `process_vm_readv(2)` takes (`IOV_MAX`).
const BATCH: usize = 1024;
const TAG_BYTES: usize = size_of::<Tag>();

/// The tag of each slot, as it lies in memory.
#[derive(Debug, Default)]
pub(super) struct Tags {
    by_slot: Vec<u8>,
    /// Tags that made no sense and slabs that were gone, in a running process.
    pub(super) torn: u64,
}

impl Tags {
    /// Copies them; nothing of them can be trusted yet.
    pub(super) fn copy(
        memory: &(impl Memory + ?Sized),
        base: Address,
        spans: &Spans,
        consistency: Consistency,
    ) -> Result<Tags, Error> {
        let mut tags = Tags { by_slot: vec![0; index(spans.slots) * TAG_BYTES], torn: 0 };
        let mut rest = &mut tags.by_slot[..];
        for batch in spans.all().chunks(BATCH) {
            let len = batch.iter().map(tag_bytes).sum();
            let (bytes, after) = std::mem::take(&mut rest).split_at_mut(len);
            rest = after;
            let Err(unreadable) = memory.read_many(&mut pieces(base, batch, bytes)) else { continue };
            // A running process may have given one of the slabs back: then the others are read one by one.
            if consistency == Consistency::Stopped || unreadable.why != Why::NotMapped {
                return Err(Error::unreadable(base, Table::Tags)(unreadable));
            }
            tags.torn += one_by_one(memory, pieces(base, batch, bytes))
                .map_err(Error::unreadable(base, Table::Tags))?;
        }
        Ok(tags)
    }

    /// Sees that each block is what it says; of a running process, takes those out that are not.
    pub(super) fn check(
        &mut self,
        header: &Header,
        spans: &Spans,
        consistency: Consistency,
    ) -> Result<(), Error> {
        let (base, sites) = (header.base, known_sites(header, consistency));
        let (words, _) = self.by_slot.as_chunks_mut::<TAG_BYTES>();
        for span in spans.all() {
            let first = index(span.slot);
            let words = words.get_mut(first..first + index(span.slots())).unwrap_or(&mut []);
            for (number, word) in (0..).zip(words) {
                let tag = Tag(u64::from_le_bytes(*word));
                let fault = if tag.is_live() { fault(span, tag, sites) } else { None };
                let Some(fault) = fault else { continue };
                if consistency == Consistency::Stopped {
                    let at = block_address(base, span, number);
                    return Err(Error::Block { base, at, fault });
                }
                *word = [0; TAG_BYTES];
                self.torn += 1;
            }
        }
        Ok(())
    }

    #[inline]
    pub(super) fn at(&self, slot: u32) -> Tag {
        Tag(self.place(slot).map_or(0, |word| u64::from_le_bytes(*word)))
    }

    #[inline]
    pub(super) fn place(&self, slot: u32) -> Option<&[u8; TAG_BYTES]> {
        let (words, _) = self.by_slot.as_chunks::<TAG_BYTES>();
        words.get(index(slot))
    }
}

fn tag_bytes(span: &Span) -> usize {
    index(span.slots()) * TAG_BYTES
}

/// One piece per slab, in the order of the spans. The tags of large blocks are known already.
fn pieces<'b>(base: Address, batch: &[Span], mut bytes: &'b mut [u8]) -> Vec<Piece<'b>> {
    let mut pieces = Vec::with_capacity(batch.len());
    for span in batch {
        let (buffer, rest) = bytes.split_at_mut(tag_bytes(span).min(bytes.len()));
        bytes = rest;
        match span.content {
            Content::Slab { shape, .. } => {
                let address = Address(base.0 + u64::from(span.slice) * SLICE_SIZE + u64::from(shape.tags));
                pieces.push(Piece { address, buffer });
            }
            Content::Large { tag, .. } => buffer.copy_from_slice(&tag.0.to_le_bytes()),
        }
    }
    pieces
}

/// Reads what is there; what is not reads as free. Returns how many slabs that were.
fn one_by_one(memory: &(impl Memory + ?Sized), pieces: Vec<Piece<'_>>) -> Result<u64, Unreadable> {
    let mut missing = 0;
    for piece in pieces {
        match memory.read(piece.address, piece.buffer) {
            Ok(()) => {}
            Err(Unreadable { why: Why::NotMapped, .. }) => {
                piece.buffer.fill(0);
                missing += 1;
            }
            Err(other) => return Err(other),
        }
    }
    Ok(missing)
}

/// The address of block `number`, from 0, of a span.
pub(super) fn block_address(base: Address, span: &Span, number: u32) -> Address {
    let start = slice_address(base, span.slice).0;
    match span.content {
        Content::Slab { shape, .. } => Address(start + u64::from(shape.first + number * shape.block_size)),
        Content::Large { .. } => Address(start),
    }
}

/// What is wrong with a live block of a span.
fn fault(span: &Span, tag: Tag, sites: u32) -> Option<BlockFault> {
    match span.content {
        Content::Slab { shape, .. } => slab_fault(shape, tag, sites),
        Content::Large { size, .. } => large_fault(size, span.bytes(), tag, sites),
    }
}

fn slab_fault(shape: SlabShape, tag: Tag, sites: u32) -> Option<BlockFault> {
    let room = u64::from(shape.block_size);
    if tag.size() > room {
        return Some(BlockFault::Size { size: tag.size(), room });
    }
    site_fault(tag, sites)
}

/// What is wrong with a block whose size stands beside its tag.
pub(super) fn large_fault(size: u64, room: u64, tag: Tag, sites: u32) -> Option<BlockFault> {
    if size > room {
        return Some(BlockFault::Size { size, room });
    }
    if tag.size() != 0 {
        return Some(BlockFault::TagSize(tag.size()));
    }
    site_fault(tag, sites)
}

/// Sites that tags may name. A running process makes more while its heap is read: there any may turn out to exist.
pub(super) fn known_sites(header: &Header, consistency: Consistency) -> u32 {
    match consistency {
        Consistency::Stopped => header.sites,
        Consistency::Running => SITES_MAX,
    }
}

fn site_fault(tag: Tag, sites: u32) -> Option<BlockFault> {
    let site = tag.site().0;
    (site >= sites).then_some(BlockFault::Site { site, sites })
}
