//! Size classes: which block size serves a request, and how a slab of such blocks is laid out.
//!
//! Sixteen bytes apart up to 128, then eight classes to each doubling, so that rounding wastes at most an eighth and on
//! average a sixteenth. Every size is a multiple of 16, the alignment that C callers may count on.

use super::{SLICE_SIZE, Tag};

/// Classes, class 0 (never used) included.
pub const CLASS_COUNT: usize = 81;
/// The largest block that lives in a slab; larger ones get slices of their own.
pub const MAX_SLAB_BLOCK: u64 = 65_536;

/// Blocks above this size share slabs of eight slices instead of one.
const MAX_SMALL_BLOCK: u32 = 8192;
const BIG_SLAB_SLICES: u32 = 8;
/// Blocks are aligned to the power of two in their size, up to this.
const MAX_NATURAL_ALIGN: u32 = 4096;
/// Slabs begin their tags at one of this many cache lines, lest the tags of all slabs compete for the same cache sets.
const COLORS: u32 = 8;
const CACHE_LINE: u32 = 64;

/// The number of a size class, 1 to `CLASS_COUNT - 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class(pub u8);

impl Class {
    /// The smallest class whose blocks hold `size` bytes, at most [`MAX_SLAB_BLOCK`].
    #[must_use]
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "at most 80 for sizes up to MAX_SLAB_BLOCK")]
    pub const fn of(size: u64) -> Self {
        if size <= 128 {
            return Class(if size == 0 { 1 } else { ((size + 15) >> 4) as u8 });
        }
        let last = size - 1;
        let log = 63 - last.leading_zeros();
        Class((8 * (log - 7) + ((last >> (log - 3)) & 7) as u32 + 9) as u8)
    }

    /// Bytes of a block of this class.
    #[must_use]
    pub const fn block_size(self) -> u32 {
        let class = self.0 as u32;
        if class <= 8 {
            return 16 * class;
        }
        let step = class - 9;
        (9 + step % 8) << (step / 8 + 4)
    }

    /// The smallest class that holds `size` bytes in blocks aligned to `align`, a power of two.
    #[must_use]
    pub const fn aligned(size: u64, align: u64) -> Option<Self> {
        if align > MAX_NATURAL_ALIGN as u64 || size > MAX_SLAB_BLOCK {
            return None;
        }
        let mut class = Class::of(size);
        while (class.0 as usize) < CLASS_COUNT {
            if (class.block_size() as u64).is_multiple_of(align) {
                return Some(class);
            }
            class = Class(class.0 + 1);
        }
        None
    }

    /// Slices in a slab of this class.
    #[must_use]
    pub const fn slab_slices(self) -> u32 {
        if self.block_size() <= MAX_SMALL_BLOCK { 1 } else { BIG_SLAB_SLICES }
    }

    /// The layout of a slab of this class that begins at slice `slice` of its region.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a slab has at most 512 KiB")]
    pub const fn slab_shape(self, slice: u32) -> SlabShape {
        let size = self.block_size();
        let bytes = self.slab_slices() * SLICE_SIZE as u32;
        let natural = size & size.wrapping_neg();
        let align = if natural < MAX_NATURAL_ALIGN { natural } else { MAX_NATURAL_ALIGN };
        let color = slice % COLORS * CACHE_LINE;
        let per_block = size + size_of::<Tag>() as u32;
        let mut limit = (bytes - color) / per_block;
        let mut first = (color + limit * size_of::<Tag>() as u32).next_multiple_of(align);
        while first + limit * size > bytes {
            limit -= 1;
            first = (color + limit * size_of::<Tag>() as u32).next_multiple_of(align);
        }
        SlabShape { tags: color, first, limit, block_size: size, reciprocal: reciprocal(size) }
    }
}

/// Where things lie in a slab, in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlabShape {
    /// The tag of block 1.
    pub tags: u32,
    /// Block 1.
    pub first: u32,
    /// Blocks that fit.
    pub limit: u32,
    /// Bytes per block.
    pub block_size: u32,
    /// 2^64 divided by the block size, rounded up: to divide by multiplying.
    pub reciprocal: u64,
}

/// `ceil(2^64 / size)`. An offset below 2^19 times this has the quotient in its upper 64 bits, exactly (the error, below
/// `offset / 2^64`, is less than `1 / size`), and in its lower ones less than the reciprocal itself if and only if the
/// division leaves no rest (Lemire, Kaser, Kurz: *Faster Remainder by Direct Computation*, 2019, section 3).
const fn reciprocal(size: u32) -> u64 {
    (u64::MAX / size as u64) + 1
}

impl SlabShape {
    /// The number, from 1, of the block that holds the byte `offset` bytes into the slab, and the offset inside that block.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a quotient of 19 bits")]
    pub const fn index(&self, offset: u32) -> Option<(u32, u32)> {
        if offset < self.first {
            return None;
        }
        let from_first = offset - self.first;
        let index = ((from_first as u128 * self.reciprocal as u128) >> 64) as u32;
        if index >= self.limit {
            return None;
        }
        Some((index + 1, from_first - index * self.block_size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes() -> impl Iterator<Item = Class> {
        (1..u8::try_from(CLASS_COUNT).unwrap()).map(Class)
    }

    #[test]
    fn every_size_gets_the_smallest_class_that_holds_it() {
        let sizes: Vec<u32> = classes().map(Class::block_size).collect();
        assert!(sizes.is_sorted_by(|a, b| a < b));
        assert_eq!(u64::from(*sizes.last().unwrap()), MAX_SLAB_BLOCK);
        for size in 0..=MAX_SLAB_BLOCK {
            let want = sizes.iter().find(|s| u64::from(**s) >= size).unwrap();
            assert_eq!(Class::of(size).block_size(), *want, "size {size}");
        }
    }

    #[test]
    fn an_aligned_class_is_aligned_in_every_slab() {
        for align in (4..=12).map(|bits| 1u64 << bits) {
            for size in [1, 17, 100, 129, 1000, 4097, 20_000, MAX_SLAB_BLOCK] {
                let class = Class::aligned(size, align).unwrap();
                assert!(u64::from(class.block_size()) >= size);
                for slice in 0..16 {
                    let shape = class.slab_shape(slice);
                    assert_eq!(u64::from(shape.first) % align, 0, "{size} at {align}: {shape:?}");
                }
            }
        }
        assert_eq!(Class::aligned(1, 8192), None);
    }

    #[test]
    fn tags_and_blocks_of_a_slab_never_overlap() {
        for class in classes() {
            for slice in 0..16 {
                let shape = class.slab_shape(slice);
                assert!(shape.limit >= 7, "{shape:?}");
                assert!(shape.tags + 8 * shape.limit <= shape.first);
                assert!(
                    u64::from(shape.first + shape.limit * shape.block_size)
                        <= u64::from(class.slab_slices()) << 16
                );
            }
        }
    }

    #[test]
    fn the_reciprocal_divides_exactly() {
        for class in classes() {
            let shape = class.slab_shape(3);
            for offset in 0..class.slab_slices() << 16 {
                let want = offset.checked_sub(shape.first).and_then(|o| {
                    let index = o / shape.block_size;
                    (index < shape.limit).then_some((index + 1, o % shape.block_size))
                });
                assert_eq!(shape.index(offset), want, "{shape:?} at {offset}");
            }
        }
    }
}
