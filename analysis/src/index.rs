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
//! The graph has the blocks as its nodes, in their order, and behind them the beginnings of ways: a variable, or a member of one, is a node.
//!
//! What it does not do: keep memory.

mod build;
mod ways;

use crate::edges::{Edges, at};
use crate::owners::{Owner, Owners};
use crate::retained::Retained;
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

    /// A number for it, to be mixed into others.
    pub(crate) fn number(self) -> u32 {
        self.0
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
    /// Which block leads to which; and behind the blocks where ways begin.
    pub edges: Edges,
    /// Where ways begin, in the order of their nodes.
    pub starts: Vec<Owner>,
    /// What types, sites and owners keep alive.
    pub retained: Retained,
}

impl Index {
    /// The nodes where ways begin.
    pub fn beginnings(&self) -> Vec<u32> {
        (u32::try_from(self.blocks.len()).unwrap_or(u32::MAX)..self.edges.nodes()).collect()
    }

    /// The blocks that nothing leads to, not even each other: the others that are lost hang on these.
    pub fn lost(&self) -> Vec<u32> {
        let mut is_reached = vec![false; self.blocks.len()];
        let mut work = Vec::new();
        let mut follow = |node: u32, is_reached: &mut Vec<bool>| {
            work.push(node);
            while let Some(node) = work.pop() {
                for to in self.edges.of(node) {
                    if let Some(is_reached) = is_reached.get_mut(at(*to)).filter(|is_reached| !**is_reached) {
                        *is_reached = true;
                        work.push(*to);
                    }
                }
            }
        };
        self.beginnings().into_iter().for_each(|node| follow(node, &mut is_reached));
        let lost: Vec<u32> =
            (0..).zip(&is_reached).filter(|(_, is_reached)| !**is_reached).map(|(node, _)| node).collect();
        let mut tops = Vec::new();
        // What another lost block leads to is not on top; of a ring the first one is.
        let mut is_pointed_at = vec![false; self.blocks.len()];
        for to in lost.iter().flat_map(|node| self.edges.of(*node).iter().filter(move |to| *to != node)) {
            if let Some(is_pointed_at) = is_pointed_at.get_mut(at(*to)) {
                *is_pointed_at = true;
            }
        }
        let (free, held): (Vec<u32>, Vec<u32>) = lost.into_iter().partition(|node| !is_pointed_at[at(*node)]);
        for node in free.into_iter().chain(held) {
            if !is_reached[at(node)] {
                is_reached[at(node)] = true;
                tops.push(node);
                follow(node, &mut is_reached);
            }
        }
        tops
    }

    fn group_of(&self, block: &Block) -> Option<&Group> {
        self.groups.get(at(block.group))
    }

    /// What a block is.
    pub fn type_of(&self, block: &Block) -> &str {
        let name = self.group_of(block).and_then(|group| self.types.get(at(group.ty)));
        name.map_or(UNTYPED, String::as_str)
    }

    /// Who made a block: the calls, innermost first.
    pub fn site_of(&self, block: &Block) -> &[Frame] {
        self.group_of(block).and_then(|group| self.sites.get(at(group.site))).map_or(&[], Vec::as_slice)
    }

    /// Who holds a block.
    pub fn owner_of(&self, block: &Block) -> String {
        self.group_of(block).map_or_else(String::new, |group| self.owners.name(group.owner))
    }
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
