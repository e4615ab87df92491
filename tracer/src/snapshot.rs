//! Images in files: written in one pass, mapped to be read.
//!
//! ```text
//!       0  head, 24 bytes
//!            0  magic "mcrxsnap"
//!            8  version (4 bytes), 0 (4 bytes)
//!           16  checksum of the bytes before
//!      24  chunks: zstd frames, end to end, each 1 MiB of one content's bytes (the last of a content: what is left)
//!       t  chunk table: a record of 32 bytes for each frame, by content, then by number
//!            0  content (4 bytes)
//!            4  number in the content: its bytes are those from number * 1 MiB on (4 bytes)
//!            8  where the frame begins in the file
//!           16  length of the frame in bytes (4 bytes), 0 (4 bytes)
//!           24  checksum of the frame
//!       d  description: contents, processes with their segments, how the image was taken (postcard)
//!  n - 64  tail, 64 bytes
//!            0  n, length of the file in bytes
//!            8  t
//!           16  frames
//!           24  d
//!           32  length of the description in bytes
//!           40  checksum of chunk table and description
//!           48  checksum of the tail's bytes before
//!           56  magic "mcrxtail"
//! ```
//!
//! Numbers are little-endian, of 8 bytes where nothing else is said; checksums are XXH3 of 64 bits. A chunk of zeros has no frame. Pages
//! of files are not in the file: the description names the file and what it is known by. The heap's tables, blocks, sites and all roots
//! are memory, and need no place of their own.
//!
//! Opening checks head, tail, chunk table and description, 32 KiB for each GiB of memory; a frame is checked and decompressed when a byte
//! of it is first asked for. A damaged frame makes its 1 MiB unreadable, with a reason, and nothing else. Nothing in a file is trusted:
//! what is allocated for it is bounded by its length, but for address space, which costs nothing until it is filled.
//!
//! The same image gives the same bytes. A file is for its owner only, since memory holds keys and passwords; redaction drops what is
//! neither pointer nor table of the allocator.
//!
//! What it does not do: encrypt, or keep files that memory is mapped from.

mod description;
mod error;
mod format;
mod read;
mod redact;
mod write;

pub use error::{OpenError, Refusal, WriteError};
pub use format::VERSION;
pub use read::open;
pub use write::{Options, Written, save, write};
