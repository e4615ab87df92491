//! Reads the heap of another process: every live block with its size, site and identity, and for any word what it points to.
//!
//! What you supply: [`Memory`], a way to read bytes at an address. What you get: a [`Heap`] that no longer needs the process,
//! with its [`blocks`](Heap::blocks) and [`classify`](Heap::classify), and the [`Sites`] that made them. It is one code path for a
//! live process, a snapshot and a table in a test.
//!
//! ```no_run
//! use mcrx_allocator::reader::{Address, Consistency, Heap, Limits, Memory, Place, Sites, Unreadable, Why, arena_bases, find};
//! use std::fs::File;
//! use std::os::unix::fs::FileExt;
//!
//! struct Process(File);
//!
//! impl Memory for Process {
//!     fn read(&self, address: Address, buffer: &mut [u8]) -> Result<(), Unreadable> {
//!         let unreadable = Unreadable { address, len: buffer.len(), why: Why::NotMapped };
//!         self.0.read_exact_at(buffer, address.0).map_err(|_| unreadable)
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A process that somebody has stopped.
//! let memory = Process(File::open("/proc/4711/mem")?);
//! let bases = find(&memory, &arena_bases(&std::fs::read("/proc/4711/maps")?));
//! let heap = Heap::read(&memory, &bases, Consistency::Stopped, Limits::default())?;
//! // From here on it may run.
//! let sites = Sites::read(&memory, &heap)?;
//! for block in heap.blocks() {
//!     let site = sites.get(block.site).map(|site| site.address());
//!     println!("{}: {} bytes made at {site:?}", block.address, block.requested);
//! }
//! if let Place::Live { block, offset } = heap.classify(0x1002_0001_0040) {
//!     println!("{offset} bytes into the block at {}", block.address);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it trusts
//! Nothing. A header of another version, counts past their tables, spans that do not tile the region, slabs that are not laid
//! out as their class implies, blocks larger than their place, sites that do not exist: each is refused by an [`Error`] that
//! says what was found and where. Shapes are computed from classes, lists are not followed at all, and time and memory
//! are bounded by the number of slices of a region and by [`Limits`].
//!
//! # How it works, and what it costs
//! [`Heap::read`] takes three looks at each region: the header; the descriptors, front to back, in pieces of 1 MiB, from which it makes a
//! table from slice to span; the tags of all slabs, many at a time. A word is then classified by region (one table of 64), slice (one
//! table), block (a multiplication, see [`SlabShape::index`](crate::abi::SlabShape::index)) and tag (one table). The process
//! need not be held for longer than that, [`Heap::copy`]; the check of what was copied can come later, and so can [`Sites`], since they
//! are never changed once made. A million blocks take some 4 ms to copy out of a live process.
//!
//! A block that a pool of the program's own hands out in parts (see [`abi::PartsHead`](crate::abi::PartsHead)) is a block, and so is each of
//! its parts, with slots behind all others: [`Block::within`] tells them apart. Without such blocks nothing is read for it.
//!
//! # What it is not for
//! Contents of blocks, roots, types: the tracer's. Stopping processes, `/proc`, files: the caller's.

mod address;
mod block;
mod decode;
mod error;
mod header;
mod heap;
mod maps;
mod memory;
mod parts;
mod placed;
mod region;
mod sites;
mod spans;
mod tags;

pub use address::{Address, Epoch, Era, Generation, Slot};
pub use block::{Block, Consistency, Limits, Place, SiteKey};
pub use error::{BlockFault, EntryFault, Error, PartsFault, SpanFault, Table};
pub use header::Header;
pub use heap::{Blocks, Copied, Heap, find};
pub use maps::arena_bases;
pub use memory::{Memory, Piece, Unreadable, Why};
pub use region::Region;
pub use sites::{Frame, Module, Site, Sites};
