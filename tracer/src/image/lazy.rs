//! Bytes that are made when they are first asked for, grain by grain.

use super::content::wide;
use super::pages::Pages;
use super::{GRAIN, Reason};
use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

/// Where the bytes of a [`Lazy`] content come from.
pub trait ChunkSource: Send + Sync {
    /// Writes the chunk with this number over `into`, which has [`GRAIN`] bytes (the last chunk: what is left) and was all zeros the
    /// first time. What is there after an error is not used.
    ///
    /// # Errors
    /// The chunk is damaged. The same is to be said whenever it is asked for.
    fn fill(&self, number: usize, into: &mut [u8]) -> Result<(), Damage>;

    /// All bytes of the chunk are zeros, for sure.
    fn is_zero(&self, number: usize) -> bool;
}

/// Why a chunk cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the snapshot is damaged at byte {at} of its file, {what}: copy it again from where it was made, or take another"
)]
pub struct Damage {
    /// Where in the file, in bytes.
    pub at: u64,
    /// What is wrong.
    pub what: &'static str,
}

/// Bytes that are made when they are first asked for. Address space for them is taken then, too.
pub struct Lazy {
    len: usize,
    source: Box<dyn ChunkSource>,
    pages: OnceLock<Result<Pages, String>>,
}

impl Lazy {
    /// `len` bytes that `source` makes.
    pub fn new(len: usize, source: Box<dyn ChunkSource>) -> Lazy {
        Lazy { len, source, pages: OnceLock::new() }
    }

    /// How many.
    pub fn len(&self) -> u64 {
        wide(self.len)
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn is_zero(&self, chunk: usize) -> bool {
        self.source.is_zero(chunk)
    }

    fn pages(&self) -> &Result<Pages, String> {
        self.pages.get_or_init(|| Pages::reserve(self.len, GRAIN).map_err(|error| error.to_string()))
    }

    #[inline]
    pub(super) fn bytes(&self, range: Range<usize>) -> Option<&[u8]> {
        self.pages().as_ref().ok()?.bytes(range, |chunk, into| self.source.fill(chunk, into).is_ok())
    }

    pub(super) fn why_not(&self, range: Range<usize>) -> Reason {
        if let Err(error) = self.pages() {
            return Reason::NoRoom(error.clone());
        }
        if range.is_empty() || range.end > self.len {
            return Reason::NotCaptured;
        }
        let fault = |chunk: usize| {
            let mut scratch = vec![0; GRAIN.min(self.len - chunk * GRAIN)];
            self.source.fill(chunk, &mut scratch).err()
        };
        let chunks = range.start / GRAIN..=(range.end - 1) / GRAIN;
        chunks.into_iter().find_map(fault).map_or(Reason::NotCaptured, Reason::Damaged)
    }
}

impl fmt::Debug for Lazy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Lazy").field("len", &self.len).finish_non_exhaustive()
    }
}
