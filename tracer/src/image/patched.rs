//! Bytes of another content, some of which were written over: only the pages that were are copied.
//!
//! ```text
//!  base      | a b | c d | e f | g h |      some of a content, which others have too
//!  pages     |     |     | E f |     |      copied when they are first written to
//!  read      | a b | c d | E f | g h |
//! ```
//!
//! Who asks for bytes on both sides of where a copied page begins gets copies of all of their pages: bytes that are lent lie side by side.

use super::content::{Content, wide};
use super::pages::Pages;
use super::{GRAIN, Reason, Segment};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// What is copied at a time, in bytes.
const PAGE: usize = 4096;

/// A content with changes of its own.
#[derive(Debug)]
pub struct Patched {
    base: Arc<Content>,
    /// Which byte of the base is the first.
    offset: u64,
    pages: Pages,
    len: usize,
}

impl Patched {
    /// The bytes of a segment, to be changed.
    ///
    /// # Errors
    /// There is no room for them in the address space. It costs nothing until it is written to.
    pub fn of(segment: &Segment) -> io::Result<Patched> {
        let range = segment.range();
        let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let base = Arc::clone(segment.content());
        Ok(Patched { base, offset: segment.offset(), pages: Pages::reserve(len, PAGE)?, len })
    }

    /// How many.
    pub fn len(&self) -> u64 {
        wide(self.len)
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Writes over what is there. `None`: there is not so much, or what it was cannot be read; nothing was written.
    #[must_use]
    pub fn write(&mut self, at: u64, bytes: &[u8]) -> Option<()> {
        let at = usize::try_from(at).ok()?;
        let Patched { base, offset, pages, .. } = self;
        let fill = |page: usize, into: &mut [u8]| fill(base, *offset, page, into);
        pages.bytes_mut(at..at.checked_add(bytes.len())?, fill)?.copy_from_slice(bytes);
        Some(())
    }

    #[inline]
    pub(super) fn bytes(&self, range: Range<usize>) -> Option<&[u8]> {
        if range.end > self.len {
            return None;
        }
        if self.pages.is_empty(&range) {
            return self.base.bytes(self.of_base(&range));
        }
        self.pages.bytes(range, |page, into| fill(&self.base, self.offset, page, into))
    }

    /// A copy of some bytes, made without any that stay.
    pub(crate) fn copied(&self, range: Range<usize>) -> Option<Vec<u8>> {
        if range.end > self.len {
            return None;
        }
        let mut copy = self.base.copied(self.of_base(&range))?.into_owned();
        self.overlay(wide(range.start), &mut copy);
        Some(copy)
    }

    /// Puts what was written over what the base has at a place.
    pub fn overlay(&self, at: u64, bytes: &mut [u8]) {
        let Ok(at) = usize::try_from(at) else { return };
        let range = at..at.saturating_add(bytes.len()).min(self.len);
        for (start, page) in self.pages.present(&range) {
            let (from, end) = (range.start.max(start), range.end.min(start + page.len()));
            let into = bytes.get_mut(from - range.start..end - range.start);
            if let (Some(into), Some(page)) = (into, page.get(from - start..end - start)) {
                into.copy_from_slice(page);
            }
        }
    }

    pub(super) fn why_not(&self, range: Range<usize>) -> Reason {
        if range.end > self.len { Reason::NotCaptured } else { self.base.why_not(self.of_base(&range)) }
    }

    /// Whether all bytes of a grain are certainly zeros.
    pub(crate) fn is_zero(&self, grain: usize) -> bool {
        let range = grain * GRAIN..self.len.min((grain + 1) * GRAIN);
        self.pages.is_empty(&range) && self.base.is_zero(&self.of_base(&range))
    }

    fn of_base(&self, range: &Range<usize>) -> Range<u64> {
        self.offset + wide(range.start)..self.offset + wide(range.end)
    }
}

fn fill(base: &Content, offset: u64, page: usize, into: &mut [u8]) -> bool {
    let start = offset + wide(page * PAGE);
    let from = base.bytes(start..start + wide(into.len()));
    from.map(|from| into.copy_from_slice(from)).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::Buffer;
    use super::*;
    use proptest::prelude::*;

    fn patched(bytes: &[u8], offset: u64) -> Patched {
        let content = Arc::new(Content::from(Buffer::from(bytes.to_vec())));
        let len = wide(bytes.len());
        Patched::of(&Segment::part(0x1000..0x1000 + len, content, offset)).unwrap()
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_and_all_else_is_as_it_was(
            writes in proptest::collection::vec((0usize..30_000, proptest::collection::vec(any::<u8>(), 0..6000)), 0..12),
            reads in proptest::collection::vec((0usize..30_000, 0usize..20_000), 1..12),
        ) {
            let all: Vec<u8> = (0..30_100u32).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1]).collect();
            let mut expected = all[100..].to_vec();
            let mut patched = patched(&all, 100);
            prop_assert_eq!(patched.len(), wide(expected.len()));
            for (at, bytes) in &writes {
                let fits = at + bytes.len() <= expected.len();
                prop_assert_eq!(patched.write(wide(*at), bytes).is_some(), fits);
                if fits {
                    expected[*at..at + bytes.len()].copy_from_slice(bytes);
                }
            }
            for (at, len) in reads {
                let range = at..at + len;
                let copied = patched.copied(range.clone());
                prop_assert_eq!(copied.as_deref(), expected.get(range.clone()));
                prop_assert_eq!(patched.bytes(range.clone()), expected.get(range));
            }
        }
    }

    #[test]
    fn what_is_not_written_to_is_lent_by_the_base_itself() {
        let mut patched = patched(&[5; 10 * PAGE], 0);
        patched.write(wide(2 * PAGE) + 7, &[1]).unwrap();
        let own = patched.base.bytes(0..wide(2 * PAGE)).unwrap();
        assert!(std::ptr::eq(patched.bytes(0..2 * PAGE).unwrap(), own));
        assert_eq!(patched.pages.present(&(0..10 * PAGE)).count(), 1);
        // To lend both sides of the written page, their pages are copied too.
        assert_eq!(patched.bytes(PAGE..4 * PAGE).unwrap()[PAGE + 7], 1);
        assert_eq!(patched.pages.present(&(0..10 * PAGE)).count(), 3);
    }

    #[test]
    fn a_grain_is_known_to_be_zero_until_something_is_written_there() {
        let base = Arc::new(Content::from(Buffer::zeros(4 * GRAIN).unwrap()));
        let mut patched = Patched::of(&Segment::part(0..wide(3 * GRAIN), base, wide(PAGE))).unwrap();
        patched.write(wide(GRAIN) + 9, &[1]).unwrap();
        let zero: Vec<bool> = (0..3).map(|grain| patched.is_zero(grain)).collect();
        assert_eq!(zero, [true, false, true]);
    }
}
