//! The eight bytes kept for every block.
//!
//! ```text
//!   63            40 39            20 19             2 1     0
//!  +----------------+----------------+----------------+-------+
//!  | generation     | site           | requested size | state |   live
//!  +----------------+----------------+----------------+-------+
//!  | generation     | last site      | next free block| state |   free
//!  +----------------+----------------+----------------+-------+
//! ```
//!
//! The generation counts the lives of the block's address (modulo 2^24, from a start that differs per slab), so that
//! address and generation together name a block across snapshots. The free list of a slab runs through the tags, not through
//! the blocks: a stale write to a freed block cannot corrupt it, and freeing a block never touches its memory.

use super::SiteId;

/// What a tag says of its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not handed out; its bytes are whatever the last owner left.
    Free,
    /// Handed out.
    Live,
    /// Never handed out since its pages came from the kernel: reads as zeros.
    FreeZero,
    /// Handed out, and the program has asked for its usable size: bytes past the requested size may be in use.
    LiveWhole,
}

/// The state, requested size, site and generation of one block; see the module for the layout.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Tag(pub u64);

const STATE_MASK: u64 = 0b11;
const LIVE_BIT: u64 = 0b01;
const WHOLE_BIT: u64 = 0b10;
const ZERO_BIT: u64 = 0b10;
const SIZE_SHIFT: u32 = 2;
const SIZE_BITS: u32 = 18;
const SITE_SHIFT: u32 = 20;
const SITE_BITS: u32 = 20;
const SITE_MASK: u64 = ((1 << SITE_BITS) - 1) << SITE_SHIFT;
const GENERATION_SHIFT: u32 = 40;
const GENERATION_MASK: u64 = !0 << GENERATION_SHIFT;

impl Tag {
    /// Sizes below this one fit a tag.
    pub const SIZE_LIMIT: u64 = 1 << SIZE_BITS;

    /// What the block is.
    #[must_use]
    pub const fn state(self) -> State {
        match self.0 & STATE_MASK {
            0b00 => State::Free,
            0b01 => State::Live,
            0b10 => State::FreeZero,
            _ => State::LiveWhole,
        }
    }

    /// Whether the block is handed out.
    #[must_use]
    #[inline(always)]
    pub const fn is_live(self) -> bool {
        self.0 & LIVE_BIT != 0
    }

    /// Bytes asked for (of a live slab block; 0 for a large block, whose size stands in its descriptor).
    #[must_use]
    #[inline(always)]
    pub const fn size(self) -> u64 {
        self.0 >> SIZE_SHIFT & ((1 << SIZE_BITS) - 1)
    }

    /// Where the block came from; of a free block, where it came from when it last lived.
    #[must_use]
    #[inline(always)]
    pub const fn site(self) -> SiteId {
        SiteId((self.0 >> SITE_SHIFT & ((1 << SITE_BITS) - 1)) as u32)
    }

    /// Which life of the address this is.
    #[must_use]
    #[inline(always)]
    pub const fn generation(self) -> u32 {
        (self.0 >> GENERATION_SHIFT) as u32
    }

    /// The index of the block after this one on its free list, 0 at the end.
    #[must_use]
    #[inline(always)]
    pub const fn next(self) -> u32 {
        (self.0 >> SIZE_SHIFT & ((1 << SIZE_BITS) - 1)) as u32
    }

    /// Whether a free block reads as zeros.
    #[must_use]
    #[inline(always)]
    pub const fn reads_zero(self) -> bool {
        self.0 & STATE_MASK == ZERO_BIT
    }

    /// The tag of a block that has never been handed out.
    #[must_use]
    #[inline(always)]
    pub const fn fresh(generation: u64, next: u32, zero: bool) -> Self {
        let state = if zero { ZERO_BIT } else { 0 };
        Tag(generation << GENERATION_SHIFT | (next as u64) << SIZE_SHIFT | state)
    }

    /// This free block's tag once handed out. `site_bits` as from [`Tag::site_bits`]; `size` below [`Tag::SIZE_LIMIT`].
    #[must_use]
    #[inline(always)]
    pub const fn taken(self, size: u64, site_bits: u64) -> Self {
        Tag(self.0 & GENERATION_MASK | site_bits | size << SIZE_SHIFT | LIVE_BIT)
    }

    /// This live block's tag once freed, in front of block `next`. The generation moves on.
    #[must_use]
    #[inline(always)]
    pub const fn freed(self, next: u32) -> Self {
        let kept = self.0 & (GENERATION_MASK | SITE_MASK);
        Tag(kept.wrapping_add(1 << GENERATION_SHIFT) | (next as u64) << SIZE_SHIFT)
    }

    /// This free block's tag with another block behind it.
    #[must_use]
    #[inline(always)]
    pub const fn linked(self, next: u32) -> Self {
        Tag(self.0 & (GENERATION_MASK | SITE_MASK | STATE_MASK) | (next as u64) << SIZE_SHIFT)
    }

    /// This live block's tag with every usable byte counted as the program's.
    #[must_use]
    pub const fn whole(self) -> Self {
        Tag(self.0 | WHOLE_BIT)
    }

    /// A site as it stands in a tag, so that caches can keep it ready.
    #[must_use]
    #[inline(always)]
    pub const fn site_bits(site: SiteId) -> u64 {
        (site.0 as u64) << SITE_SHIFT
    }
}

impl core::fmt::Debug for Tag {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.state() {
            State::Live | State::LiveWhole => {
                write!(f, "live({} bytes, site {}, gen {})", self.size(), self.site().0, self.generation())
            }
            State::Free | State::FreeZero => {
                write!(f, "free(next {}, gen {})", self.next(), self.generation())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_gives_back_what_it_was_made_of() {
        let fresh = Tag::fresh(0xAB_CDEF, 0x3_FFFE, true);
        assert_eq!((fresh.generation(), fresh.next(), fresh.state()), (0xAB_CDEF, 0x3_FFFE, State::FreeZero));
        let live = fresh.taken(Tag::SIZE_LIMIT - 1, Tag::site_bits(SiteId(0xF_FFFF)));
        assert_eq!((live.size(), live.site().0, live.generation()), (0x3_FFFF, 0xF_FFFF, 0xAB_CDEF));
        assert_eq!(live.whole().state(), State::LiveWhole);
        assert_eq!(live.whole().size(), live.size());
    }

    #[test]
    fn freeing_moves_the_generation_on_and_wraps() {
        let live = Tag::fresh(0xFF_FFFF, 0, false).taken(16, Tag::site_bits(SiteId(9)));
        let free = live.freed(7);
        assert_eq!((free.generation(), free.next(), free.state()), (0, 7, State::Free));
        assert_eq!(free.site(), SiteId(9), "a double free can still be traced to who made the block");
    }

    #[test]
    fn all_zero_bytes_are_a_free_block() {
        assert!(!Tag(0).is_live());
        assert_eq!(Tag(0).next(), 0);
    }
}
