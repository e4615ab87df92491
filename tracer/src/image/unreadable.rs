//! Why bytes of an image cannot be read.

use super::{Damage, FileFault};
use mcrx_allocator::reader;

/// Bytes that the image does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{len} bytes at {address:#x} cannot be read: {reason}")]
pub struct Unreadable {
    /// The first byte asked for.
    pub address: u64,
    /// Bytes asked for.
    pub len: usize,
    /// What stands in the way.
    pub reason: Reason,
}

/// What stands in the way of reading.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Some of them were not mapped, not readable, or not captured.
    #[error("the image does not have them")]
    NotCaptured,
    /// They lie in two segments: [`Memory::read`](super::Memory::read) joins them.
    #[error("they are not contiguous")]
    NotContiguous,
    /// The file that they are mapped from is not the one that the process had.
    #[error(transparent)]
    File(#[from] FileFault),
    /// The snapshot file is damaged there.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// This process has no room for them.
    #[error("no address space for them: {0}")]
    NoRoom(String),
}

impl From<&Unreadable> for reader::Unreadable {
    fn from(unreadable: &Unreadable) -> reader::Unreadable {
        /// `EIO` of errno(3).
        const INPUT_OUTPUT_ERROR: i32 = 5;
        let why = match unreadable.reason {
            Reason::NotCaptured | Reason::NotContiguous => reader::Why::NotMapped,
            Reason::File(_) | Reason::Damaged(_) | Reason::NoRoom(_) => {
                reader::Why::Other(INPUT_OUTPUT_ERROR)
            }
        };
        reader::Unreadable { address: reader::Address(unreadable.address), len: unreadable.len, why }
    }
}
