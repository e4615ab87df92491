//! A process's memory: which bytes lie at an address.

use super::content::wide;
use super::{Content, Reason, Unreadable};
use mcrx_allocator::reader::{self, Address};
use mcrx_debuginfo::frames;
use std::ops::Range;
use std::sync::Arc;

/// Contiguous addresses of a process, and the bytes that lie there: some of a content's.
#[derive(Debug, Clone)]
pub struct Segment {
    start: u64,
    /// One past its last.
    end: u64,
    content: Arc<Content>,
    /// Which of the content's bytes lies at `start`.
    offset: u64,
}

impl Segment {
    /// All of a content, at an address. It is cut where the addresses end.
    pub fn whole(start: u64, content: Arc<Content>) -> Segment {
        let end = start.saturating_add(content.len());
        Segment { start, end, content, offset: 0 }
    }

    /// The part of a content that begins `offset` bytes into it, at addresses. What the content does not reach is not in the segment.
    pub fn part(range: Range<u64>, content: Arc<Content>, offset: u64) -> Segment {
        let there = content.len().saturating_sub(offset);
        let end = range.end.max(range.start).min(range.start.saturating_add(there));
        Segment { start: range.start, end, content, offset }
    }

    /// Its addresses.
    pub fn range(&self) -> Range<u64> {
        self.start..self.end
    }

    /// What it is a window onto. The same for segments of memory that processes share.
    pub fn content(&self) -> &Arc<Content> {
        &self.content
    }

    /// Which byte of the content lies at its first address.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether bytes of the segment are known to be zeros without a look at them: they were never written, in an image that was taken of a
    /// process.
    pub fn is_zero(&self, range: &Range<u64>) -> bool {
        self.start <= range.start && range.end <= self.end && self.content.is_zero(&self.within(range))
    }

    /// Where an address of the segment is in the content.
    fn within(&self, range: &Range<u64>) -> Range<u64> {
        self.offset + (range.start - self.start)..self.offset + (range.end - self.start)
    }
}

/// Two segments that claim one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("two segments hold the address {address:#x}")]
pub struct Overlap {
    /// The first such address.
    pub address: u64,
}

/// The bytes of a process that are in an image.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// By address; none is empty, none overlap.
    segments: Vec<Segment>,
    /// Where each begins: what is searched.
    starts: Vec<u64>,
}

impl Memory {
    /// Memory of these segments, in any order. Empty ones are left out.
    ///
    /// # Errors
    /// Two of them overlap.
    pub fn new(segments: impl IntoIterator<Item = Segment>) -> Result<Memory, Overlap> {
        let mut segments: Vec<Segment> =
            segments.into_iter().filter(|segment| segment.start < segment.end).collect();
        segments.sort_by_key(|segment| segment.start);
        if let Some(pair) = segments.windows(2).find(|pair| pair[0].end > pair[1].start) {
            return Err(Overlap { address: pair[1].start });
        }
        let starts = segments.iter().map(|segment| segment.start).collect();
        Ok(Memory { segments, starts })
    }

    /// The segments, by address.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// How many bytes it has, pages of files included.
    pub fn len(&self) -> u64 {
        self.segments.iter().map(|segment| segment.end - segment.start).sum()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The segment that an address lies in.
    #[inline]
    pub fn segment_at(&self, address: u64) -> Option<&Segment> {
        let before = self.starts.partition_point(|start| *start <= address);
        self.segments.get(before.checked_sub(1)?).filter(|segment| address < segment.end)
    }

    /// `len` bytes at an address, of one segment. `None`: the image does not have them all, or not side by side;
    /// [`why_not`](Memory::why_not) says which.
    #[inline]
    pub fn bytes(&self, address: u64, len: usize) -> Option<&[u8]> {
        let range = address..address.checked_add(wide(len))?;
        let segment = self.segment_at(address).filter(|segment| range.end <= segment.end)?;
        segment.content.bytes(segment.within(&range))
    }

    /// The 8 bytes at an address, aligned or not. `None`: as of [`bytes`](Memory::bytes).
    #[inline]
    pub fn word(&self, address: u64) -> Option<u64> {
        self.bytes(address, 8)?.first_chunk().map(|word| u64::from_le_bytes(*word))
    }

    /// Why [`bytes`](Memory::bytes) does not have these. `None`: it has.
    #[cold]
    pub fn why_not(&self, address: u64, len: usize) -> Option<Unreadable> {
        if self.bytes(address, len).is_some() {
            return None;
        }
        let because = |reason| Some(Unreadable { address, len, reason });
        let Some(end) = address.checked_add(wide(len)) else { return because(Reason::NotCaptured) };
        let Some(segment) = self.segment_at(address) else { return because(Reason::NotCaptured) };
        if end > segment.end {
            let all = self.pieces(address..end).is_some();
            return because(if all { Reason::NotContiguous } else { Reason::NotCaptured });
        }
        because(segment.content.why_not(segment.within(&(address..end))))
    }

    /// Copies the bytes at an address, of however many segments that touch.
    ///
    /// # Errors
    /// The image does not have them all.
    pub fn read(&self, address: u64, buffer: &mut [u8]) -> Result<(), Unreadable> {
        if let Some(bytes) = self.bytes(address, buffer.len()) {
            buffer.copy_from_slice(bytes);
            return Ok(());
        }
        self.read_pieces(address, buffer)
    }

    #[cold]
    fn read_pieces(&self, address: u64, buffer: &mut [u8]) -> Result<(), Unreadable> {
        let len = buffer.len();
        let failed = |reason| Unreadable { address, len, reason };
        let pieces = address.checked_add(wide(len)).and_then(|end| self.pieces(address..end));
        let mut rest = buffer;
        for (segment, range) in pieces.ok_or_else(|| failed(Reason::NotCaptured))? {
            let within = segment.within(&range);
            let from = segment.content.bytes(within.clone());
            let from = from.ok_or_else(|| failed(segment.content.why_not(within)))?;
            let Some((to, behind)) = rest.split_at_mut_checked(from.len()) else { break };
            to.copy_from_slice(from);
            rest = behind;
        }
        Ok(())
    }

    /// The segments that hold a range, each with its part of it. `None`: they leave a gap.
    fn pieces(&self, range: Range<u64>) -> Option<Vec<(&Segment, Range<u64>)>> {
        let mut pieces = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let segment = self.segment_at(at)?;
            let end = segment.end.min(range.end);
            pieces.push((segment, at..end));
            at = end;
        }
        Some(pieces)
    }
}

impl reader::Memory for Memory {
    fn read(&self, address: Address, buffer: &mut [u8]) -> Result<(), reader::Unreadable> {
        Memory::read(self, address.0, buffer).map_err(|unreadable| reader::Unreadable::from(&unreadable))
    }
}

/// Without thread-local variables: those are a [`ThreadMemory`](super::ThreadMemory)'s.
impl frames::Memory for Memory {
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool {
        Memory::read(self, address, bytes).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Buffer;
    use super::*;

    fn segment(start: u64, bytes: &[u8]) -> Segment {
        Segment::whole(start, Arc::new(Content::Held(Buffer::from(bytes.to_vec()))))
    }

    #[test]
    fn bytes_are_found_within_a_segment_and_nowhere_else() {
        let memory = Memory::new([segment(0x2000, b"later"), segment(0x1000, b"early")]).unwrap();
        assert_eq!(memory.bytes(0x1000, 5), Some(&b"early"[..]));
        assert_eq!(memory.bytes(0x2001, 3), Some(&b"ate"[..]));
        for (address, len) in
            [(0xFFF, 1), (0xFFF, 2), (0x1000, 6), (0x1005, 1), (0x2005, 1), (u64::MAX, 1), (0, usize::MAX)]
        {
            assert_eq!(memory.bytes(address, len), None, "{address:#x} {len}");
            let why = memory.why_not(address, len).unwrap();
            assert_eq!(why.reason, Reason::NotCaptured, "{why}");
        }
    }

    #[test]
    fn segments_that_touch_are_read_together_but_not_lent_together() {
        let memory = Memory::new([segment(0x1005, b" then"), segment(0x1000, b"early")]).unwrap();
        assert_eq!(memory.bytes(0x1003, 5), None);
        assert_eq!(memory.why_not(0x1003, 5).unwrap().reason, Reason::NotContiguous);
        let mut buffer = [0; 5];
        memory.read(0x1003, &mut buffer).unwrap();
        assert_eq!(&buffer, b"ly th");
        assert!(memory.read(0x1008, &mut buffer).is_err());
    }

    #[test]
    fn a_part_of_a_content_ends_where_the_content_does() {
        let content = Arc::new(Content::Held(Buffer::from(b"0123456789".to_vec())));
        let part = Segment::part(0x1000..0x1008, Arc::clone(&content), 6);
        assert_eq!(part.range(), 0x1000..0x1004);
        let memory = Memory::new([part, Segment::part(0x2000..0x3000, content, 11)]).unwrap();
        assert_eq!(memory.bytes(0x1001, 2), Some(&b"78"[..]));
        assert_eq!(memory.len(), 4);
    }

    #[test]
    fn two_segments_in_one_place_are_refused() {
        let overlap = Memory::new([segment(0x1000, b"early"), segment(0x1004, b"late")]).unwrap_err();
        assert_eq!(overlap.address, 0x1004);
    }
}
