//! Which blocks are lost, as valgrind and LeakSanitizer say it.
//!
//! ```text
//!   valgrind           from a root, or an area, ...                                             LeakSanitizer
//!   still reachable    a chain of pointers to the starts of blocks leads to it                  reachable
//!   possibly lost      chains do, but in each is a pointer into the middle of a block           reachable
//!   definitely lost    nothing leads to it, and no other lost block leads to it;                direct
//!                      of blocks that lead to each other the one at the lowest address          (indirect)
//!   indirectly lost    nothing leads to it, and a definitely lost block does: its *leader*      indirect
//! ```
//!
//! The words are those of the Valgrind User Manual, 4.2.8 "Memory leak detection", and of LeakSanitizer's design document. LeakSanitizer
//! calls a leak direct if no other leaked block points to it, so a ring has none: [`Lost::is_pointed_at`] tells that difference.
//! Memcheck itself follows a ring once, from its lowest block: where another lost block leads into it elsewhere, it calls both definitely
//! lost, and here only that other one is.
//!
//! A few bytes are kept for each number of a block. Every pointer is looked at three times at most, and nothing recurses: ten million
//! blocks in one list are no special case.
//!
//! What it does not do: decide what is reached ([`Graph::is_reached`]), or name anything.

mod heuristics;

pub use heuristics::Heuristic;

use super::{Graph, Node};
use crate::mark::{Input, Marked};
use heuristics::Interior;

/// How a block is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holding {
    /// By pointers to starts of blocks, one after another, from a root.
    Reachable,
    /// From a root, but there is a pointer into the middle of a block in every chain.
    Possibly,
    /// By nothing: a leader.
    Definitely,
    /// By lost blocks alone.
    Indirectly,
}

/// How all blocks of a process are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// For each number: one of those below, or the leader; a leader is its own.
    leaders: Vec<u32>,
    /// For each number, whether a lost block other than itself points to it.
    pointed_at: Vec<bool>,
}

/// Nothing has led to it yet; or there is no such block.
const UNSEEN: u32 = u32::MAX;
const REACHABLE: u32 = u32::MAX - 1;
const POSSIBLY: u32 = u32::MAX - 2;
/// Lost, and its leader not known yet.
const WALKED: u32 = u32::MAX - 3;

impl Lost {
    /// Looks at all blocks. `heuristics`: which pointers into the middle of a block are taken for pointers to its start.
    pub fn find(graph: &Graph, input: &Input<'_>, marked: &Marked, heuristics: &[Heuristic]) -> Lost {
        let interior = Interior::new(input, marked, heuristics);
        let pointers = |number| {
            graph.edges(Node(number)).filter_map(|edge| {
                let to = graph.block(edge.to)?;
                Some(Pointer { to, is_to_start: interior.is_as_good_as_start(to, &edge) })
            })
        };
        let blocks = input.blocks.iter().map(|(number, _)| number);
        let is_reached = |number| graph.is_reached(Node(number));
        classify(input.blocks.numbers(), graph.starts(), blocks, is_reached, pointers)
    }

    /// How a live block is held.
    pub fn holding(&self, block: u32) -> Holding {
        match self.leaders.get(at(block)).copied() {
            Some(POSSIBLY) => Holding::Possibly,
            Some(REACHABLE | UNSEEN) | None => Holding::Reachable,
            Some(leader) if leader == block => Holding::Definitely,
            Some(_) => Holding::Indirectly,
        }
    }

    /// The definitely lost block that an indirectly lost one is lost with. Of several the one at the highest address.
    pub fn leader(&self, block: u32) -> Option<u32> {
        (self.holding(block) == Holding::Indirectly).then(|| self.leaders.get(at(block)).copied()).flatten()
    }

    /// Whether a lost block points to this lost one. If not, LeakSanitizer calls it a direct leak.
    pub fn is_pointed_at(&self, block: u32) -> bool {
        self.pointed_at.get(at(block)).copied().unwrap_or(false)
    }
}

/// A pointer to a block.
#[derive(Debug, Clone, Copy)]
struct Pointer {
    to: u32,
    is_to_start: bool,
}

/// `numbers`: one past the highest of a block. `sources`: what is held by itself. `by_address`: live blocks.
fn classify<P: Iterator<Item = Pointer>>(
    numbers: u32,
    sources: impl Iterator<Item = u32>,
    by_address: impl Iterator<Item = u32>,
    is_reached: impl Fn(u32) -> bool,
    pointers: impl Fn(u32) -> P,
) -> Lost {
    let mut leaders = vec![UNSEEN; at(numbers)];
    let mut pointed_at = vec![false; at(numbers)];
    let mut work: Vec<u32> = Vec::new();
    for source in sources {
        work.push(source);
        while let Some(number) = work.pop() {
            for Pointer { to, .. } in pointers(number).filter(|pointer| pointer.is_to_start) {
                if leaders[at(to)] == UNSEEN {
                    leaders[at(to)] = REACHABLE;
                    work.push(to);
                }
            }
        }
    }
    let mut lost = Vec::new();
    for block in by_address {
        match leaders[at(block)] {
            REACHABLE => {}
            _ if is_reached(block) => leaders[at(block)] = POSSIBLY,
            _ => lost.push(block),
        }
    }
    // Whatever leads to the first block of a walk, and is not led to by it, begins a later walk, or is in one.
    let mut first_of_walk = Vec::new();
    for &first in &lost {
        if leaders[at(first)] != UNSEEN {
            continue;
        }
        first_of_walk.push(first);
        leaders[at(first)] = WALKED;
        work.push(first);
        while let Some(number) = work.pop() {
            for Pointer { to, .. } in pointers(number).filter(|pointer| pointer.to != number) {
                pointed_at[at(to)] = true;
                if leaders[at(to)] == UNSEEN {
                    leaders[at(to)] = WALKED;
                    work.push(to);
                }
            }
        }
    }
    // So backwards: one that no later walk has come to is led to by nothing but what it leads to itself.
    for &leader in first_of_walk.iter().rev() {
        if leaders[at(leader)] != WALKED {
            continue;
        }
        leaders[at(leader)] = leader;
        work.push(leader);
        while let Some(number) = work.pop() {
            for Pointer { to, .. } in pointers(number) {
                if leaders[at(to)] == WALKED {
                    leaders[at(to)] = leader;
                    work.push(to);
                }
            }
        }
    }
    Lost { leaders, pointed_at }
}

fn at(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
