//! A server's processes at one instant: their memory, threads, mappings and modules.
//!
//! ```text
//!  Image --+-- Process 4711 --+-- modules, mappings, threads
//!          |                  +-- Memory --+-- Segment 0x5555_5555_4000 --> Content: pages of a file
//!          |                               +-- Segment 0x1000_0000_0000 --> Content: bytes that were copied
//!          |                               +-- Segment 0x7fff_f000_0000 --+
//!          +-- Process 4712 ---- Memory --- ... ---- Segment -------------+-> Content: memory that both share
//! ```
//!
//! A [`Memory`] is sorted [`Segment`]s, each a window onto a [`Content`]. Processes that share memory have segments of the same
//! content. A content is bytes that were copied from a process, pages of a file, chunks of a snapshot that are decompressed as they
//! are touched, or another one with changes; who reads does not see which. What was not captured is not there, and is not taken for zeros.
//!
//! An image is `Sync`, and reading it takes no lock once a chunk is there.
//!
//! ```
//! use mcrx_tracer::image::Fake;
//!
//! let image = Fake::new().words(0x1000, &[0x2000, 7]).bytes(0x2000, *b"hello, world").image();
//! let memory = &image.processes[0].memory;
//! assert_eq!(memory.word(0x1000), Some(0x2000));
//! assert_eq!(memory.bytes(0x2000, 5), Some(&b"hello"[..]));
//! assert_eq!(memory.word(0x3000), None);
//! ```
//!
//! What it does not do: say what any of it means.

mod buffer;
mod content;
mod fake;
mod file;
mod lazy;
mod mapping;
mod memory;
mod module;
mod pages;
mod patched;
mod process;
pub(crate) mod serial;
mod thread;
mod unreadable;

pub use buffer::{Buffer, GRAIN};
pub use content::Content;
pub use fake::Fake;
pub use file::{FileContent, FileFault, Identity};
pub use lazy::{ChunkSource, Damage, Lazy};
pub use mapping::{Inode, Mapping, MappingKind, Permissions};
pub use memory::{Memory, Overlap, Segment};
pub use module::{Module, Tls};
pub(crate) use pages::map_own;
pub use patched::Patched;
pub use process::Process;
pub use thread::{Registers, Thread, ThreadMemory};
pub use unreadable::{Reason, Unreadable};

use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// The processes of a server at one instant.
#[derive(Debug)]
pub struct Image {
    /// Parents before their children.
    pub processes: Vec<Process>,
    /// How it came about.
    pub taken: Taken,
}

/// How an image came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The instant.
    pub at: SystemTime,
    /// For how long the processes were held for it.
    pub held: Duration,
    /// How their memory was read.
    pub method: Method,
    /// The kernel's release, as `uname -r` says it.
    pub kernel: String,
    /// Bytes that are neither pointers nor the allocator's tables were replaced by zeros.
    pub redacted: bool,
}

/// How the memory of held processes is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Method {
    /// They are held until it is copied.
    #[default]
    Copy,
    /// Some of them are held until they are cloned: their memory is copied from the clone when they have gone on.
    Clone,
}

impl Image {
    /// The process with this id.
    pub fn process(&self, pid: u32) -> Option<&Process> {
        self.processes.iter().find(|process| process.pid == pid)
    }
}
