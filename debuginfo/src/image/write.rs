//! Putting arrays behind a header.

use super::{Bytes, Extent, Format, Header, Image, LONGEST_BUILD_ID, checksum, number};
use zerocopy::{Immutable, IntoBytes};

/// An image in the making.
pub(crate) struct Writer {
    format: &'static Format,
    words: Vec<u64>,
    sections: Vec<Extent>,
}

impl Writer {
    /// `bytes`: of all arrays, so that room is made once.
    pub(crate) fn new(format: &'static Format, bytes: usize) -> Writer {
        let header = (size_of::<Header>() + format.sections * size_of::<Extent>()).div_ceil(16) * 2;
        let mut words = Vec::with_capacity(header + bytes / 8 + format.sections * 2);
        words.resize(header, 0);
        Writer { format, words, sections: Vec::with_capacity(format.sections) }
    }

    /// The next array.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let start = self.words.len();
        self.words.resize(start + bytes.len().div_ceil(16) * 2, 0);
        if let Some((to, _)) =
            self.words.get_mut(start..).and_then(|rest| rest.as_mut_bytes().split_at_mut_checked(bytes.len()))
        {
            to.copy_from_slice(bytes);
        }
        self.sections.push(Extent { offset: wide(start * 8), len: wide(bytes.len()) });
    }

    /// The same. By value, so that the records are freed as soon as they are copied.
    pub(crate) fn add_records<T: IntoBytes + Immutable>(&mut self, records: Vec<T>) {
        self.add(records.as_bytes());
    }

    /// The image, of a binary with this build-id.
    pub(crate) fn finish(mut self, build_id: &[u8]) -> Image {
        let mut header = Header {
            magic: self.format.magic,
            version: self.format.version,
            build_id_len: number(build_id.len().min(LONGEST_BUILD_ID)),
            checksum: 0,
            len: wide(self.words.len() * 8),
            build_id: [0; LONGEST_BUILD_ID],
        };
        header.build_id.iter_mut().zip(build_id).for_each(|(to, from)| *to = *from);
        self.put(&header);
        header.checksum = checksum(self.words.as_bytes());
        self.put(&header);
        Image { bytes: Bytes::Made(self.words), sections: self.format.sections }
    }

    fn put(&mut self, header: &Header) {
        let bytes = header.as_bytes().iter().chain(self.sections.as_bytes());
        self.words.as_mut_bytes().iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
