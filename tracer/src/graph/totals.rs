//! How much there is of what: what `mcrx trace` prints.

use super::{Graph, Kind, Node};
use crate::blocks::Blocks;
use crate::mark::Marked;
use serde::Serialize;

/// Counts over some of the blocks of a process. Bytes are those that the program asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// How far blocks are typed.
    pub blocks: Typed,
    /// How far their bytes are.
    pub bytes: Bytes,
    /// Pointers to them, in what roots lead to.
    pub pointers: Pointers,
    /// Those that must not move.
    pub pinned: Pair,
    /// Those that no root leads to.
    pub unreachable: Pair,
}

/// Blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Typed {
    /// All.
    pub live: u64,
    /// Of one type as a whole, or all of it islands.
    pub typed: u64,
    /// With an island.
    pub partly_typed: u64,
    /// The rest.
    pub untyped: u64,
}

/// Bytes of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Bytes {
    /// All.
    pub live: u64,
    /// Of objects whose type is known.
    pub typed: u64,
    /// Of blocks that are reached, but of no known type: read conservatively.
    pub conservative: u64,
}

/// Pointers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Pointers {
    /// Read by their types, those to just past the end of a block too.
    pub precise: u64,
    /// Read by their types, which do not say what they point to.
    pub opaque: u64,
    /// Words that may be pointers, and pointers whose types cannot be true.
    pub likely: u64,
}

/// How many blocks, of how many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Pair {
    /// How many.
    pub blocks: u64,
    /// Of how many bytes together.
    pub bytes: u64,
}

impl Pair {
    fn add(&mut self, bytes: u64) {
        self.blocks += 1;
        self.bytes += bytes;
    }
}

pub(super) fn count(
    graph: &Graph,
    blocks: &Blocks<'_>,
    marked: &Marked,
    counts: impl Fn(u32) -> bool,
) -> Totals {
    let mut totals = Totals::default();
    for (number, block) in (0u32..).zip(blocks.all()).filter(|(number, _)| counts(*number)) {
        let typed = match marked.ty(number) {
            Some(_) => block.requested,
            None => {
                marked.islands_of(number).map(|(_, island)| island.size).sum::<u64>().min(block.requested)
            }
        };
        totals.blocks.live += 1;
        totals.bytes.live += block.requested;
        totals.bytes.typed += typed;
        match typed {
            _ if marked.ty(number).is_some() => totals.blocks.typed += 1,
            0 => totals.blocks.untyped += 1,
            _ if typed == block.requested => totals.blocks.typed += 1,
            _ => totals.blocks.partly_typed += 1,
        }
        if graph.is_reached(Node(number)) {
            totals.bytes.conservative += block.requested - typed;
        } else {
            totals.unreachable.add(block.requested);
        }
        if graph.is_pinned(number) {
            totals.pinned.add(block.requested);
        }
    }
    for (_, edge) in graph.live_edges() {
        if graph.block(edge.to).is_none_or(|block| !counts(block)) {
            continue;
        }
        match edge.kind {
            Kind::Precise | Kind::PastEnd => totals.pointers.precise += 1,
            Kind::Opaque => totals.pointers.opaque += 1,
            Kind::Likely | Kind::Disagreeing => totals.pointers.likely += 1,
        }
    }
    totals
}
