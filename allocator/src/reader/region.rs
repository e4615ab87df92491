//! One region: from a word that points into it to the block, and from slot to slot through all of them.

use super::header::Header;
use super::parts::{self, RegionParts};
use super::spans::{Content, Span, Spans, slice_address};
use super::tags::{Tags, block_address};
use super::{Address, Block, Consistency, Error, Generation, Limits, Memory, Place, SiteKey, Slot};
use crate::abi::{SLICE_SIZE, State, Tag, slice_of};
use core::ops::Range;

/// Usable bytes of a large block are whole pages.
const PAGE: u64 = 4096;

/// A region as it was read.
#[derive(Debug)]
pub struct Region {
    header: Header,
    spans: Spans,
    tags: Tags,
    /// Number of its first slot within the heap.
    first_slot: u32,
}

impl Region {
    /// `first_slot`: slots of the regions before it, which count against the limit too.
    pub(super) fn copy(
        memory: &(impl Memory + ?Sized),
        header: Header,
        consistency: Consistency,
        limits: Limits,
        first_slot: u32,
    ) -> Result<(Region, RegionParts), Error> {
        let spans = Spans::read(memory, &header, consistency, limits.blocks.saturating_sub(first_slot))?;
        let tags = Tags::copy(memory, header.base, &spans, consistency)?;
        let parts = parts::read(memory, &header, &spans, &tags, consistency, first_slot)?;
        Ok((Region { header, spans, tags, first_slot }, parts))
    }

    pub(super) fn check(&mut self, consistency: Consistency) -> Result<(), Error> {
        self.tags.check(&self.header, &self.spans, consistency)
    }

    /// What it says of itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes of address space that have been dealt out at some time: the region's heap ends this far behind its tables.
    #[must_use]
    pub fn dealt_out(&self) -> u64 {
        u64::from(self.header.high - crate::abi::FIRST_SLICE) * SLICE_SIZE
    }

    pub(super) fn slots(&self) -> u32 {
        self.spans.slots
    }

    pub(super) fn torn(&self) -> u64 {
        self.spans.torn + self.tags.torn
    }

    /// `word` lies in the address space of this region.
    #[inline]
    pub(super) fn classify(&self, word: u64) -> Place {
        let found = self.slot_at(word).and_then(|(span, number)| self.block(span, number));
        match found {
            Some(block) if word - block.address.0 < block.usable => {
                Place::Live { offset: word - block.address.0, block }
            }
            _ => Place::Free,
        }
    }

    /// The span that a word points into, and which of its blocks, from 0, lies there, if one does.
    #[inline]
    fn slot_at(&self, word: u64) -> Option<(&Span, u32)> {
        let span = self.spans.covering(slice_of(word))?;
        let in_span = word - slice_address(self.header.base, span.slice).0;
        let number = match span.content {
            // The offset fits: a slab has at most 512 KiB.
            Content::Slab { shape, .. } => shape.index(u32::try_from(in_span).ok()?)?.0 - 1,
            Content::Large { .. } => 0,
        };
        Some((span, number))
    }

    /// The slot that `word` points into, whether or not a block lives there, and its tag.
    #[inline]
    pub(super) fn foresee(&self, word: u64) -> Option<(Slot, &[u8; size_of::<Tag>()])> {
        let (span, number) = self.slot_at(word)?;
        let slot = span.slot + number;
        Some((Slot(self.first_slot + slot), self.tags.place(slot)?))
    }

    /// The live blocks of those of the heap's slots that are this region's, in the order of their addresses.
    pub(super) fn blocks_in(&self, slots: &Range<u32>) -> RegionBlocks<'_> {
        let end = self.first_slot.saturating_add(self.spans.slots);
        let within = |slot: u32| slot.clamp(self.first_slot, end) - self.first_slot;
        let (start, end) = (within(slots.start), within(slots.end));
        let spans = if start < end { self.spans.beginning_at(start) } else { &[] };
        let number = spans.first().map_or(0, |span| start.saturating_sub(span.slot));
        RegionBlocks { region: self, spans, number, end }
    }

    /// The block of a slot of this region, if it is live.
    #[inline]
    pub(super) fn at_slot(&self, slot: u32) -> Option<Block> {
        let span = self.spans.beginning_at(slot).first()?;
        self.block(span, slot.checked_sub(span.slot)?)
    }

    /// Number of its first slot within the heap.
    #[inline]
    pub(super) fn first_slot(&self) -> u32 {
        self.first_slot
    }

    /// Block `number`, from 0, of a span, if it is live.
    #[inline]
    fn block(&self, span: &Span, number: u32) -> Option<Block> {
        if number >= span.slots() {
            return None;
        }
        let slot = span.slot + number;
        let tag = self.tags.at(slot);
        if !tag.is_live() {
            return None;
        }
        let (requested, usable) = match span.content {
            Content::Slab { shape, .. } => (tag.size(), u64::from(shape.block_size)),
            Content::Large { size, .. } => (size, size.next_multiple_of(PAGE).max(PAGE)),
        };
        let address = block_address(self.header.base, span, number);
        let slot = Slot(self.first_slot + slot);
        Some(Block::new(self.header.base, address, requested, usable, tag, slot))
    }
}

/// The live blocks of consecutive slots of a region.
#[derive(Debug, Clone)]
pub(super) struct RegionBlocks<'r> {
    region: &'r Region,
    /// That of the next slot, and those behind it.
    spans: &'r [Span],
    /// Which of the first span's blocks is next.
    number: u32,
    /// One past the last slot.
    end: u32,
}

impl Iterator for RegionBlocks<'_> {
    type Item = Block;

    #[inline]
    fn next(&mut self) -> Option<Block> {
        loop {
            let (span, behind) = self.spans.split_first()?;
            let end = span.slots().min(self.end.saturating_sub(span.slot));
            while self.number < end {
                self.number += 1;
                if let Some(block) = self.region.block(span, self.number - 1) {
                    return Some(block);
                }
            }
            self.number = 0;
            self.spans = if span.slot < self.end { behind } else { &[] };
        }
    }
}

impl Block {
    #[inline]
    pub(super) fn new(
        region: Address,
        address: Address,
        requested: u64,
        usable: u64,
        tag: Tag,
        slot: Slot,
    ) -> Block {
        Block {
            address,
            requested,
            usable,
            site: SiteKey { region, id: tag.site() },
            generation: Generation(tag.generation()),
            whole: tag.state() == State::LiveWhole,
            slot,
            within: None,
        }
    }
}
