//! Flat images: what was found out about a binary, as one run of bytes that is the same in memory and in a file of the cache.
//!
//! A header, then arrays of records, each at a multiple of 16:
//!
//! ```text
//!    0  magic
//!    8  version, length of the build-id
//!   16  checksum of all but itself (XXH3, 64 bits; its seed are the eight bytes before)
//!   24  length of the whole
//!   32  build-id, padded with 0 to 64 bytes
//!   96  for each array: where it begins, its length in bytes
//!  ...  the arrays
//! ```
//!
//! An image is checked whole when it is opened. That finds every accident; who can forge a checksum can write wrong indices, and it is
//! up to whoever reads the records that those read as unknown things. What the arrays are is said by `Format`'s users: the table and
//! the sites.

pub(crate) mod strings;
mod write;

pub(crate) use write::Writer;

use memmap2::Mmap;
use twox_hash::XxHash3_64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The longest build-id that fits. Linkers write 8 to 32 bytes.
const LONGEST_BUILD_ID: usize = 64;

/// A sort of image.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) magic: [u8; 8],
    /// An image of another version is made anew, never converted.
    pub(crate) version: u32,
    /// How many arrays it has.
    pub(crate) sections: usize,
}

#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Extent {
    offset: u64,
    len: u64,
}

/// What stands before the list of arrays.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    magic: [u8; 8],
    version: u32,
    build_id_len: u32,
    checksum: u64,
    len: u64,
    build_id: [u8; LONGEST_BUILD_ID],
}

/// Why bytes are no image of what is wanted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ImageError {
    /// Shorter than it says, or than a header.
    #[error("it ends early")]
    Truncated,
    /// Another sort of file.
    #[error("it is something else")]
    Foreign,
    /// Written by another version of this program.
    #[error("it has version {found}")]
    Version {
        /// The file's.
        found: u32,
    },
    /// Some byte has changed since it was written.
    #[error("its checksum is wrong")]
    Corrupt,
}

#[derive(Debug)]
enum Bytes {
    Made(Vec<u64>),
    Mapped(Mmap),
}

/// An image that is whole.
#[derive(Debug)]
pub(crate) struct Image {
    bytes: Bytes,
    /// How many arrays it has.
    sections: usize,
}

impl Image {
    /// From a mapped file.
    pub(crate) fn from_map(map: Mmap, format: &Format) -> Result<Image, ImageError> {
        Image { bytes: Bytes::Mapped(map), sections: format.sections }.checked(format)
    }

    /// From bytes. They are copied.
    pub(crate) fn from_bytes(bytes: &[u8], format: &Format) -> Result<Image, ImageError> {
        if !bytes.len().is_multiple_of(8) {
            return Err(ImageError::Truncated);
        }
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        words.as_mut_bytes().iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Image { bytes: Bytes::Made(words), sections: format.sections }.checked(format)
    }

    fn checked(self, format: &Format) -> Result<Image, ImageError> {
        let bytes = self.as_bytes();
        let magic = bytes.get(..format.magic.len()).ok_or(ImageError::Truncated)?;
        if magic != format.magic {
            return Err(ImageError::Foreign);
        }
        let (header, rest) = Header::read_from_prefix(bytes).map_err(|_| ImageError::Truncated)?;
        if header.version != format.version {
            return Err(ImageError::Version { found: header.version });
        }
        if usize::try_from(header.len) != Ok(bytes.len()) || rest.len() < size_of::<Extent>() * self.sections
        {
            return Err(ImageError::Truncated);
        }
        if checksum(bytes) != header.checksum {
            return Err(ImageError::Corrupt);
        }
        Ok(self)
    }

    /// All of it, to be written to a file.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Made(words) => words.as_bytes(),
            Bytes::Mapped(map) => map,
        }
    }

    fn header(&self) -> Option<&Header> {
        Some(Header::ref_from_prefix(self.as_bytes()).ok()?.0)
    }

    /// Of the binary that it is about; empty where that has none.
    pub(crate) fn build_id(&self) -> &[u8] {
        let Some(header) = self.header() else { return &[] };
        usize::try_from(header.build_id_len).ok().and_then(|len| header.build_id.get(..len)).unwrap_or(&[])
    }

    /// That of all its contents.
    pub(crate) fn checksum(&self) -> u64 {
        self.header().map_or(0, |header| header.checksum)
    }

    /// The bytes of an array, by its place in the header; empty where it reaches out of the image.
    pub(crate) fn section(&self, index: usize) -> &[u8] {
        let find = || {
            let (_, rest) = Header::ref_from_prefix(self.as_bytes()).ok()?;
            let (extents, _) = <[Extent]>::ref_from_prefix_with_elems(rest, self.sections).ok()?;
            let extent = extents.get(index)?;
            let start = usize::try_from(extent.offset).ok()?;
            let end = start.checked_add(usize::try_from(extent.len).ok()?)?;
            self.as_bytes().get(start..end)
        };
        find().unwrap_or(&[])
    }

    /// The same as records; none where they do not fill it.
    pub(crate) fn records<T: FromBytes + Immutable + KnownLayout>(&self, index: usize) -> &[T] {
        <[T]>::ref_from_bytes(self.section(index)).unwrap_or(&[])
    }

    /// A string of a pool; empty where it is none.
    pub(crate) fn string(&self, pool: usize, offset: u32) -> &str {
        std::str::from_utf8(strings::at(self.section(pool), offset)).unwrap_or("")
    }
}

/// What the checksum of these bytes should be.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    let word = bytes.get(8..).and_then(|rest| rest.first_chunk::<8>()).copied().unwrap_or_default();
    XxHash3_64::oneshot_with_seed(u64::from_le_bytes(word), bytes.get(24..).unwrap_or(&[]))
}

/// A part of an array of records; empty where the array does not hold all of it.
pub(crate) fn part<T>(records: &[T], first: u32, count: u32) -> &[T] {
    let find = || {
        let first = usize::try_from(first).ok()?;
        records.get(first..first.checked_add(usize::try_from(count).ok()?)?)
    };
    find().unwrap_or(&[])
}

/// A place in an array, as records have it. Past the last one that fits, none.
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
