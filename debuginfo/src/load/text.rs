//! Strings of the debug info, by where they are: most are only hashed, and most of those many times.

use super::hash;
use super::source::Source;
use gimli::{DebugLineStrOffset, DebugStrOffset, DebugStrOffsetsIndex, Reader, Section};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Text<'a> {
    #[default]
    None,
    Inline(&'a [u8]),
    /// In `.debug_str`.
    Pooled(u64),
    /// In `.debug_line_str`.
    OfLines(u64),
    /// In the supplementary file.
    Supplementary(u64),
    /// In the table of offsets.
    Indexed(usize),
}

impl Text<'_> {
    pub(super) fn is_some(self) -> bool {
        self != Text::None
    }
}

/// Hashes of strings of `.debug_str`, by their places there. All threads share it; which strings it has at the moment changes nothing
/// but the time.
pub(super) struct Memo {
    /// The place and the length, made unreadable by the hash; and the hash. Two threads that write at once leave what does not fit together.
    slots: Vec<(AtomicU64, AtomicU64)>,
}

/// A power of two. Of 16 bytes each, so that all fit into the second-level cache.
const SLOTS: u64 = 1 << 14;

impl Memo {
    pub(super) fn new() -> Memo {
        Memo { slots: (0..SLOTS).map(|_| (AtomicU64::new(u64::MAX), AtomicU64::new(0))).collect() }
    }

    #[inline]
    fn slot(&self, place: u32) -> Option<&(AtomicU64, AtomicU64)> {
        // Strings that follow each other are some 16 bytes apart.
        let place = u64::from(place).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 50;
        self.slots.get(usize::try_from(place & (SLOTS - 1)).ok()?)
    }

    #[inline]
    fn get(&self, place: u32) -> Option<(u64, u16)> {
        let (key, hash) = self.slot(place)?;
        let hash = hash.load(Relaxed);
        let word = key.load(Relaxed) ^ hash;
        let length = u16::try_from((word & LENGTH) >> 32).ok()?;
        (word & !LENGTH == MARK | u64::from(place)).then_some((hash, length))
    }

    fn put(&self, place: u32, length: u16, of: u64) {
        if let Some((key, hash)) = self.slot(place) {
            key.store((MARK | u64::from(length) << 32 | u64::from(place)) ^ of, Relaxed);
            hash.store(of, Relaxed);
        }
    }
}

/// What tells a slot that two threads have written half each, besides its place.
const MARK: u64 = 0x5C3A << 48;
/// The bits of the length.
const LENGTH: u64 = 0xFFFF << 32;

impl<'a> Source<'_, 'a> {
    /// The bytes of a string; empty where there is none.
    pub(super) fn text(&self, text: Text<'a>) -> &'a [u8] {
        let found = self.find(text).unwrap_or_else(|error| {
            self.fail(error.into());
            &[]
        });
        self.account(found.len());
        found
    }

    fn find(&self, text: Text<'a>) -> gimli::Result<&'a [u8]> {
        let (unit, dwarf) = (&self.unit.unit, &self.unit.dwarf);
        let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let pooled = |place| {
            let mut rest = *dwarf.debug_str.reader();
            rest.skip(place)?;
            match memchr::memchr(0, rest.slice()) {
                Some(end) => Ok(rest.slice().get(..end).unwrap_or(&[])),
                None => rest.read_null_terminated_slice().map(|text| text.slice()),
            }
        };
        match text {
            Text::None => Ok(&[]),
            Text::Inline(text) => Ok(text),
            Text::Pooled(offset) => pooled(place(offset)),
            Text::OfLines(offset) => Ok(dwarf.line_string(DebugLineStrOffset(place(offset)))?.slice()),
            Text::Supplementary(offset) => Ok(dwarf.sup_string(DebugStrOffset(place(offset)))?.slice()),
            Text::Indexed(index) => pooled(dwarf.string_offset(unit, DebugStrOffsetsIndex(index))?.0),
        }
    }

    /// The hash of a string; 0 of an empty one.
    #[inline]
    pub(super) fn hash(&self, text: Text<'a>) -> u64 {
        if text == Text::None {
            return 0;
        }
        let known = match text {
            Text::Pooled(offset) => u32::try_from(offset).ok().zip(self.memo),
            _ => None,
        };
        match known.and_then(|(place, memo)| memo.get(place)) {
            Some((hash, length)) => {
                self.account(usize::from(length));
                hash
            }
            None => self.hash_anew(text, known),
        }
    }

    #[inline(never)]
    fn hash_anew(&self, text: Text<'a>, known: Option<(u32, &Memo)>) -> u64 {
        let found = self.text(text);
        let hash = if found.is_empty() { 0 } else { hash::text(found) };
        if let (Some((place, memo)), Ok(length)) = (known, u16::try_from(found.len())) {
            memo.put(place, length, hash);
        }
        hash
    }
}
