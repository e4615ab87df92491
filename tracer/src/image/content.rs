//! What segments are windows onto.

use super::{Buffer, FileContent, GRAIN, Lazy, Patched, Reason};
use std::borrow::Cow;
use std::ops::Range;

/// Bytes, wherever they come from.
#[derive(Debug)]
pub enum Content {
    /// Copied from a process.
    Held(Buffer),
    /// Those of a file that the process had mapped and did not change. They are never copied.
    File(FileContent),
    /// Made when they are first asked for: chunks of a snapshot.
    Lazy(Lazy),
    /// Those of another, with changes.
    Patched(Patched),
}

impl Content {
    /// How many, in bytes. A file has as many as it has.
    pub fn len(&self) -> u64 {
        match self {
            Content::Held(buffer) => wide(buffer.len()),
            Content::File(file) => file.len(),
            Content::Lazy(lazy) => lazy.len(),
            Content::Patched(patched) => patched.len(),
        }
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes. `None`: they are not to be had; [`why_not`](Content::why_not) says why.
    #[inline]
    pub(crate) fn bytes(&self, range: Range<u64>) -> Option<&[u8]> {
        let range = narrow(&range)?;
        match self {
            Content::Held(buffer) => buffer.as_slice().get(range),
            Content::File(file) => file.bytes().ok()?.get(range),
            Content::Lazy(lazy) => lazy.bytes(range),
            Content::Patched(patched) => patched.bytes(range),
        }
    }

    /// The same for who looks at them once: nothing is kept for it.
    pub(crate) fn copied(&self, range: Range<u64>) -> Option<Cow<'_, [u8]>> {
        match self {
            Content::Patched(patched) => patched.copied(narrow(&range)?).map(Cow::Owned),
            Content::Held(_) | Content::File(_) | Content::Lazy(_) => self.bytes(range).map(Cow::Borrowed),
        }
    }

    /// Whether bytes are known to be zeros without a look at them.
    pub(crate) fn is_zero(&self, range: &Range<u64>) -> bool {
        let Some(range) = narrow(range).filter(|range| range.start < range.end) else { return false };
        (range.start / GRAIN..=(range.end - 1) / GRAIN).all(|grain| match self {
            Content::Held(buffer) => buffer.is_untouched(grain),
            Content::Lazy(lazy) => lazy.is_zero(grain),
            Content::Patched(patched) => patched.is_zero(grain),
            Content::File(_) => false,
        })
    }

    /// Why bytes that [`bytes`](Content::bytes) did not give cannot be had.
    #[cold]
    pub(crate) fn why_not(&self, range: Range<u64>) -> Reason {
        match self {
            Content::Held(_) => Reason::NotCaptured,
            Content::File(file) => {
                file.bytes().err().map_or(Reason::NotCaptured, |fault| fault.clone().into())
            }
            Content::Lazy(lazy) => narrow(&range).map_or(Reason::NotCaptured, |range| lazy.why_not(range)),
            Content::Patched(patched) => {
                narrow(&range).map_or(Reason::NotCaptured, |range| patched.why_not(range))
            }
        }
    }
}

impl From<Patched> for Content {
    fn from(patched: Patched) -> Content {
        Content::Patched(patched)
    }
}

impl From<Buffer> for Content {
    fn from(buffer: Buffer) -> Content {
        Content::Held(buffer)
    }
}

fn narrow(range: &Range<u64>) -> Option<Range<usize>> {
    Some(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

pub(super) fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
