//! Why a snapshot cannot be opened or written.

use super::VERSION;
use crate::image::Reason;
use std::io;
use std::path::PathBuf;

/// A file that is no snapshot that can be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", .path.display())]
pub struct OpenError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: Refusal,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The system does not give it.
    #[error("cannot be opened: {0}")]
    Io(#[from] io::Error),
    /// Another sort of file.
    #[error("it is no snapshot of mcrx: `mcrx snapshot PID -o FILE` makes one")]
    Foreign,
    /// Made by an earlier release, whose files are not read any more.
    #[error(
        "it has version {found} of the format, and this mcrx reads version {VERSION}: take it anew, or use the mcrx that made it"
    )]
    Older {
        /// The file's version.
        found: u32,
    },
    /// Made by a later release.
    #[error(
        "it has version {found} of the format, and this mcrx reads up to {VERSION}: use the mcrx that made it, or a later one"
    )]
    Newer {
        /// The file's version.
        found: u32,
    },
    /// The end is not there: copying or writing it was broken off.
    #[error("it is cut short at {len} bytes: copy it again, or take another snapshot")]
    Truncated {
        /// Bytes that there are.
        len: u64,
    },
    /// Bytes of it have changed since it was written.
    #[error("it is damaged: {0}: copy it again from where it was made, or take another snapshot")]
    Corrupt(&'static str),
}

/// Why an image cannot be written to a file.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file's system says no. A file that was begun has been removed.
    #[error("{}: cannot be written: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// In the system's words.
        error: io::Error,
    },
    /// What is written to says no.
    #[error("the snapshot cannot be written: {0}")]
    Io(#[from] io::Error),
    /// The image does not give bytes that it has: it is of a snapshot that is damaged.
    #[error("the image cannot be read: {0}")]
    Unreadable(Reason),
    /// More than the format can number.
    #[error("the image has too much memory for a snapshot file: {0}")]
    TooLarge(&'static str),
    /// To redact is to know which bytes are the allocator's, and its tables make no sense.
    #[error(
        "the heap at {base:#x} of process {pid} makes no sense at {at:#x}, so that its tables cannot be told from its blocks: write \
         the snapshot without redaction"
    )]
    Tables {
        /// Whose.
        pid: u32,
        /// The region.
        base: u64,
        /// Where they make no sense.
        at: u64,
    },
}
