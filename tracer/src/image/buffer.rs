//! Bytes of this process's own that hold what was copied from another: zeros until they are written.
//!
//! A mapping of the allocator's tables is gigabytes long and holds a few written pages. So a buffer is address space whose pages come
//! when they are written, and it knows which [`GRAIN`]s of it may have been.

use memmap2::{Advice, Mmap, MmapMut, MmapOptions};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Bytes of the pieces in which a buffer knows whether it was written to: 1 MiB. The unit of snapshot files too.
pub const GRAIN: usize = 1 << 20;

/// Zeros, and what was written over them.
#[derive(Debug)]
pub struct Buffer {
    bytes: Bytes,
    /// One per grain: it may hold something else than zeros.
    written: Vec<bool>,
}

#[derive(Debug)]
enum Bytes {
    Reserved(MmapMut),
    Given(Vec<u8>),
    /// Some of a file. Nothing is written to it.
    Mapped(Arc<Mmap>, Range<usize>),
}

impl Buffer {
    /// `len` zeros that take no memory until they are written.
    ///
    /// # Errors
    /// There is no such room in the address space.
    pub fn zeros(len: usize) -> io::Result<Buffer> {
        // An empty mapping cannot be had.
        let map = MmapOptions::new().len(len.max(1)).no_reserve_swap().map_anon()?;
        let bytes = if len == 0 { Bytes::Given(Vec::new()) } else { Bytes::Reserved(map) };
        Ok(Buffer { bytes, written: vec![false; len.div_ceil(GRAIN)] })
    }

    /// Some of a file that holds a copy of memory. It cannot be written to.
    pub(crate) fn mapped(map: Arc<Mmap>, range: Range<usize>) -> Buffer {
        Buffer { written: vec![true; range.len().div_ceil(GRAIN)], bytes: Bytes::Mapped(map, range) }
    }

    /// Bytes.
    pub fn as_slice(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Reserved(map) => map,
            Bytes::Given(bytes) => bytes,
            Bytes::Mapped(map, range) => map.get(range.clone()).unwrap_or(&[]),
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes to be written. `None`: the range goes past the end.
    pub fn part_mut(&mut self, range: Range<usize>) -> Option<&mut [u8]> {
        self.parts_mut(&[range])?.pop()
    }

    /// Many pieces to be written, so that one call of `process_vm_readv(2)` can do it. `None`: they are not sorted, overlap, or go past
    /// the end.
    pub fn parts_mut(&mut self, ranges: &[Range<usize>]) -> Option<Vec<&mut [u8]>> {
        let mut rest: &mut [u8] = match &mut self.bytes {
            Bytes::Reserved(map) => map,
            Bytes::Given(bytes) => bytes,
            Bytes::Mapped(..) => &mut [],
        };
        let mut parts = Vec::with_capacity(ranges.len());
        let mut at = 0;
        for range in ranges {
            let len = range.end.checked_sub(range.start)?;
            let (_, from) = rest.split_at_mut_checked(range.start.checked_sub(at)?)?;
            let (part, behind) = from.split_at_mut_checked(len)?;
            parts.push(part);
            (rest, at) = (behind, range.end);
            if len > 0 {
                self.written.get_mut(range.start / GRAIN..=(range.end - 1) / GRAIN)?.fill(true);
            }
        }
        Some(parts)
    }

    /// Has the kernel use large pages for bytes that will all be written: a thousandth of the page faults. It may not.
    pub fn prefer_large_pages(&self, range: Range<usize>) {
        if let Bytes::Reserved(map) = &self.bytes
            && range.end <= map.len()
        {
            // Not every kernel has them.
            let _ = map.advise_range(Advice::HugePage, range.start, range.len());
        }
    }

    /// Whether all bytes of a grain, by its number, are certainly zeros.
    pub(crate) fn is_untouched(&self, grain: usize) -> bool {
        !self.written.get(grain).copied().unwrap_or(false)
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Buffer {
        Buffer { written: vec![true; bytes.len().div_ceil(GRAIN)], bytes: Bytes::Given(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_zeros_but_for_what_was_written_and_knows_where_that_is() {
        let mut buffer = Buffer::zeros(4 * GRAIN + 10).unwrap();
        let parts = buffer.parts_mut(&[GRAIN - 1..GRAIN + 1, 4 * GRAIN..4 * GRAIN + 10]).unwrap();
        parts.into_iter().for_each(|part| part.fill(7));
        let untouched: Vec<bool> = (0..5).map(|grain| buffer.is_untouched(grain)).collect();
        assert_eq!(untouched, [false, false, true, true, false]);
        assert_eq!(buffer.as_slice().iter().filter(|byte| **byte == 7).count(), 12);
    }

    #[test]
    fn parts_that_overlap_or_end_outside_are_not_given() {
        let mut buffer = Buffer::from(vec![0; 10]);
        assert!(buffer.parts_mut(&[0..4, 3..5]).is_none());
        assert!(buffer.parts_mut(&[4..5, 0..1]).is_none());
        assert!(buffer.part_mut(8..11).is_none());
        assert!(buffer.part_mut(10..10).is_some());
    }

    #[test]
    fn a_buffer_larger_than_the_memory_of_the_machine_can_be_had() {
        let mut buffer = Buffer::zeros(1 << 40).unwrap();
        buffer.part_mut((1 << 39)..(1 << 39) + 1).unwrap().fill(1);
        assert_eq!(buffer.as_slice()[1 << 39], 1);
    }
}
