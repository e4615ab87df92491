//! The bytes of a unit, one after the other. Past the end there are zeros, and the fault is kept.

use super::Reader;
use crate::dwarf::Slice;
use crate::load::outline;
use gimli::ReaderOffsetId;

impl<'a> Reader<'_, '_, 'a> {
    /// The unit is over before its entries are.
    #[cold]
    pub(super) fn ends(&mut self) {
        let place = u64::try_from(self.end - self.rest.len()).unwrap_or(u64::MAX);
        self.source.fail(gimli::Error::UnexpectedEof(ReaderOffsetId(place)).into());
        self.rest = &[];
    }

    #[inline]
    pub(super) fn take(&mut self, bytes: u32) -> &'a [u8] {
        match self.rest.split_at_checked(outline::at(bytes)) {
            Some((taken, rest)) => {
                self.rest = rest;
                taken
            }
            None => {
                self.ends();
                &[]
            }
        }
    }

    #[inline]
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                *bytes
            }
            None => {
                self.ends();
                [0; N]
            }
        }
    }

    #[inline]
    pub(super) fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.bytes())
    }

    #[inline]
    pub(super) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.bytes())
    }

    #[inline]
    pub(super) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }

    #[inline]
    pub(super) fn leb(&mut self) -> u64 {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                u64::from(*byte)
            }
            _ => self.long_leb(gimli::Reader::read_uleb128),
        }
    }

    pub(super) fn long_leb<T: Default>(&mut self, read: impl Fn(&mut Slice<'a>) -> gimli::Result<T>) -> T {
        let mut rest = Slice::new(self.rest, gimli::LittleEndian);
        match read(&mut rest) {
            Ok(value) => {
                self.rest = rest.slice();
                value
            }
            Err(error) => {
                self.source.fail(error.into());
                self.rest = &[];
                T::default()
            }
        }
    }

    pub(super) fn uint(&mut self, bytes: u8) -> u64 {
        let taken = self.take(u32::from(bytes));
        taken.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    /// As wide as offsets in sections.
    pub(super) fn word(&mut self) -> u64 {
        self.uint(self.encoding.format.word_size())
    }

    pub(super) fn index(&mut self) -> usize {
        let index = self.leb();
        usize::try_from(index).unwrap_or(usize::MAX)
    }

    pub(super) fn block(&mut self, length: u64) -> &'a [u8] {
        // No unit is so long.
        self.take(u32::try_from(length).unwrap_or(u32::MAX))
    }

    pub(super) fn string(&mut self) -> &'a [u8] {
        let Some(length) = memchr::memchr(0, self.rest) else {
            self.ends();
            return &[];
        };
        let text = self.take(outline::number(length));
        self.take(1);
        text
    }
}
