//! Where the new image goes.
//!
//! * [`Merged`]: offline, into an image that has the new process's memory beside the old one's heap.
//! * [`OfflineRoom`]: blocks for it, in a region of the heap of their own.

mod merged;
mod room;

pub use merged::{MergeError, Merged, Place};
pub use room::OfflineRoom;

/// What cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing can be written at {address:#x}")]
pub struct Unwritable {
    /// Where.
    pub address: u64,
}

/// Memory that gets the new image: of a merged image, or of a process.
pub trait Target {
    /// Writes bytes, all of them or none.
    ///
    /// # Errors
    /// There is no memory there.
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Unwritable>;
}

/// Gives room for blocks that the plan needs: objects that grew, elements of new lists.
pub trait Room: Sync {
    /// A block of so many bytes, all zero, 16-aligned. `None`: there is none left.
    fn block(&self, bytes: u64) -> Option<u64>;
}
