//! What the reader tells of blocks and words, and what it is told about the reading.

use super::{Address, Generation, Slot};
use crate::abi::SiteId;

/// A live block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// What `malloc` returned.
    pub address: Address,
    /// Bytes that the program asked for.
    pub requested: u64,
    /// Bytes that it may use: what `malloc_usable_size` says.
    pub usable: u64,
    /// Who made it.
    pub site: SiteKey,
    /// Which life of the address this is.
    pub generation: Generation,
    /// The program has asked for the usable size: bytes past the requested ones may be in use.
    pub whole: bool,
    /// Its number among the blocks of this reading.
    pub slot: Slot,
    /// Of a part, which a pool of the program's own has handed out: the block that it lies in. Address and generation, which is that
    /// block's, name it. `None`: what the allocator itself has handed out.
    pub within: Option<Slot>,
}

/// A site: its number means something within its region only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteKey {
    /// Base of the region whose table has it.
    pub region: Address,
    /// 0: not recorded.
    pub id: SiteId,
}

/// What a word is, taken for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It points `offset` bytes into a live block: below its usable size, perhaps past its requested one. If it points into a part of
    /// a block, that is what it is said to point into.
    Live {
        /// The block.
        block: Block,
        /// Bytes from its start.
        offset: u64,
    },
    /// It points into a region, but to no live block: a free block, a gap, the allocator's own tables.
    Free,
    /// It points to nothing of the allocator's.
    Foreign,
}

/// Whether the process holds still while its heap is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// All threads are stopped, at whatever instructions, or the memory is a copy made then: the reading is exact, and whatever makes
    /// no sense is an error.
    Stopped,
    /// The process goes on: blocks made or freed meanwhile may be seen or not, and what makes no sense, because it changed between two
    /// looks, is left out and counted.
    Running,
}

/// How much the reader may take into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Blocks of all regions, free ones included; and parts of blocks, for themselves. A block takes 8 bytes, a part 12.
    pub blocks: u32,
}

impl Default for Limits {
    /// 2^30 blocks, 8 GiB of tags: more than servers have; a corrupt heap can claim 2^36.
    fn default() -> Self {
        Limits { blocks: 1 << 30 }
    }
}
