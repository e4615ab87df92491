//! The tags of a region's slabs, copied into one table by slot and checked there.

use super::decode::index;
use super::header::Header;
use super::spans::{Content, Span, Spans, slice_address};
use super::{Address, BlockFault, Consistency, Error, Memory, Piece, Table, Unreadable, Why};
use crate::abi::{SITES_MAX, SLICE_SIZE, SlabShape, Tag};

/// Slabs whose tags are read at a time: as many buffers as one call of `process_vm_readv(2)` takes (`IOV_MAX`).
const BATCH: usize = 1024;
/// Bytes of tags read at a time, give or take a slab's.
const BATCH_BYTES: usize = 4 << 20;

/// The tag of each slot; of what is not live, 0.
#[derive(Debug, Default)]
pub(super) struct Tags {
    by_slot: Vec<Tag>,
    /// Tags that made no sense, in a running process.
    pub(super) torn: u64,
}

impl Tags {
    pub(super) fn read(
        memory: &(impl Memory + ?Sized),
        header: &Header,
        spans: &Spans,
        consistency: Consistency,
    ) -> Result<Tags, Error> {
        let mut tags = Tags { by_slot: Vec::with_capacity(index(spans.slots)), torn: 0 };
        let sites = known_sites(header, consistency);
        let mut reader = Reader { memory, base: header.base, sites, consistency, bytes: Vec::new() };
        let mut rest = spans.all();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(batch_len(rest));
            reader.read(batch, &mut tags)?;
            rest = after;
        }
        Ok(tags)
    }

    pub(super) fn at(&self, slot: u32) -> Tag {
        self.by_slot.get(index(slot)).copied().unwrap_or(Tag(0))
    }

    /// Adds the tag of a block, unless it is free; an error if it cannot be what it says.
    fn add(
        &mut self,
        tag: Tag,
        fault: Option<BlockFault>,
        consistency: Consistency,
    ) -> Result<(), BlockFault> {
        let kept = match fault {
            _ if !tag.is_live() => Tag(0),
            None => tag,
            Some(fault) if consistency == Consistency::Stopped => return Err(fault),
            Some(_) => {
                self.torn += 1;
                Tag(0)
            }
        };
        self.by_slot.push(kept);
        Ok(())
    }
}

fn tag_bytes(span: &Span) -> usize {
    match span.content {
        Content::Slab { capacity, .. } => index(capacity) * size_of::<Tag>(),
        Content::Large { .. } => 0,
    }
}

fn batch_len(spans: &[Span]) -> usize {
    let mut bytes = 0;
    let fits = |span: &&Span| {
        let before = bytes;
        bytes += tag_bytes(span);
        before < BATCH_BYTES
    };
    spans.iter().take(BATCH).take_while(fits).count()
}

struct Reader<'a, M: ?Sized> {
    memory: &'a M,
    base: Address,
    sites: u32,
    consistency: Consistency,
    bytes: Vec<u8>,
}

impl<M: Memory + ?Sized> Reader<'_, M> {
    fn read(&mut self, batch: &[Span], tags: &mut Tags) -> Result<(), Error> {
        let base = self.base;
        self.bytes.clear();
        self.bytes.resize(batch.iter().map(tag_bytes).sum(), 0);
        if let Err(unreadable) = self.fill(batch) {
            // A running process may have given one of the slabs back: then the others are read one by one.
            if self.consistency == Consistency::Stopped || unreadable.why != Why::NotMapped {
                return Err(Error::unreadable(base, Table::Tags)(unreadable));
            }
            tags.torn += self.fill_one_by_one(batch)?;
        }
        let mut rest = &self.bytes[..];
        for span in batch {
            let (bytes, after) = rest.split_at(tag_bytes(span));
            rest = after;
            match span.content {
                Content::Slab { shape, .. } => self.slab(span, shape, bytes, tags)?,
                Content::Large { size, tag } => {
                    let fault = large_fault(size, span.bytes(), tag, self.sites);
                    let at = slice_address(base, span.slice);
                    tags.add(tag, fault, self.consistency).map_err(|fault| Error::Block {
                        base,
                        at,
                        fault,
                    })?;
                }
            }
        }
        Ok(())
    }

    fn fill(&mut self, batch: &[Span]) -> Result<(), Unreadable> {
        let mut pieces = pieces(self.base, batch, &mut self.bytes);
        self.memory.read_many(&mut pieces)
    }

    /// What cannot be read reads as free. Returns how many slabs that were.
    fn fill_one_by_one(&mut self, batch: &[Span]) -> Result<u64, Error> {
        let mut missing = 0;
        for piece in pieces(self.base, batch, &mut self.bytes) {
            match self.memory.read(piece.address, piece.buffer) {
                Ok(()) => {}
                Err(Unreadable { why: Why::NotMapped, .. }) => {
                    piece.buffer.fill(0);
                    missing += 1;
                }
                Err(gone) => return Err(Error::unreadable(self.base, Table::Tags)(gone)),
            }
        }
        Ok(missing)
    }

    fn slab(&self, span: &Span, shape: SlabShape, bytes: &[u8], tags: &mut Tags) -> Result<(), Error> {
        let base = self.base;
        let room = u64::from(shape.block_size);
        let (words, _) = bytes.as_chunks::<8>();
        for (number, word) in (0u32..).zip(words) {
            let tag = Tag(u64::from_le_bytes(*word));
            let fault = if tag.size() > room {
                Some(BlockFault::Size { size: tag.size(), room })
            } else {
                site_fault(tag, self.sites)
            };
            tags.add(tag, fault, self.consistency).map_err(|fault| {
                let offset = u64::from(shape.first + number * shape.block_size);
                let at = Address(slice_address(base, span.slice).0 + offset);
                Error::Block { base, at, fault }
            })?;
        }
        Ok(())
    }
}

/// One piece per slab, in the order of the spans.
fn pieces<'b>(base: Address, batch: &[Span], mut bytes: &'b mut [u8]) -> Vec<Piece<'b>> {
    let mut pieces = Vec::with_capacity(batch.len());
    for span in batch {
        let Content::Slab { shape, .. } = span.content else { continue };
        let (buffer, rest) = bytes.split_at_mut(tag_bytes(span).min(bytes.len()));
        let address = Address(base.0 + u64::from(span.slice) * SLICE_SIZE + u64::from(shape.tags));
        pieces.push(Piece { address, buffer });
        bytes = rest;
    }
    pieces
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
