//! The live blocks of a process, with what a comparison asks of each.
//!
//! ```text
//!   blocks   address  bytes  generation  group     by address; 24 bytes each
//!                                          |
//!   groups                                 +--> type  site  owner      each combination once
//!                                                 |     |     +------> owners: a tree of ways
//!                                                 |     +------------> sites: call stacks
//!                                                 +------------------> types: names
//! ```
//!
//! Bytes are those that the program asked for. A block that a pool of the program's own hands out in parts counts for what is left of it
//! without them, so every byte is counted once.
//!
//! What it does not do: keep memory, or pointers.

mod build;
mod ways;

use crate::owners::{Owner, Owners};
use crate::sources::Frame;
use mcrx_debuginfo::file::BuildId;
use std::collections::BTreeSet;

/// A live block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its first byte.
    pub address: u64,
    /// Bytes that the program asked for; of a pool's, those that are in none of its parts.
    pub bytes: u64,
    /// Which life of the address this is; and whether it is a part of a pool's.
    pub life: Life,
    /// What it is, who made it, who holds it: its place in [`Index::groups`].
    pub group: u32,
}

/// Which life of its address a block is. Together with the address it names a block across snapshots of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Life(u32);

impl Life {
    /// Generations are of 24 bits.
    const PART: u32 = 1 << 31;

    /// `is_part`: what a pool has handed out, which has the pool's generation and may begin where the pool does.
    pub fn new(generation: u32, is_part: bool) -> Life {
        Life(if is_part { generation | Life::PART } else { generation })
    }
}

impl Block {
    /// What names it across snapshots of its process.
    pub fn identity(&self) -> (u64, Life) {
        (self.address, self.life)
    }
}

/// What blocks have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Group {
    /// What they are: a place in [`Index::types`].
    pub ty: u32,
    /// Who made them: a place in [`Index::sites`].
    pub site: u32,
    /// Who holds them.
    pub owner: Owner,
}

/// The blocks of a process.
#[derive(Debug, Default)]
pub struct Index {
    /// Whose they are.
    pub process: Process,
    /// By identity.
    pub blocks: Vec<Block>,
    /// Each once.
    pub groups: Vec<Group>,
    /// Names of types, each once.
    pub types: Vec<String>,
    /// Call stacks, innermost first. Empty: not recorded.
    pub sites: Vec<Vec<Frame>>,
    /// Who holds them.
    pub owners: Owners,
}

/// What is known of a process beside its memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// What it calls itself.
    pub name: String,
    /// Builds of its program and libraries.
    pub builds: BTreeSet<BuildId>,
    /// Which build its program is.
    pub program: Option<BuildId>,
    /// Where its first thread's stack ends, which the kernel draws anew for each program that is started. 0: not known.
    pub stack_end: u64,
}

impl Process {
    /// Whether two images are of one life of a process, so that address and generation name the same block in both. A process that an
    /// update has given another program is still the same one.
    pub fn is(&self, other: &Process) -> bool {
        let is_one_start = self.program != other.program || self.stack_end == other.stack_end;
        self.pid == other.pid && is_one_start
    }
}

/// What a type is called that is not known.
pub const UNTYPED: &str = "(no known type)";

/// The processes of a server at one instant.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Those with a heap.
    pub processes: Vec<Index>,
}
