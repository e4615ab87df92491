//! How much there is of what: what `mcrx trace` prints.

use super::{Graph, Kind, Node};
use crate::blocks::{Block, Blocks};
use crate::mark::Marked;
use rayon::prelude::*;
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

impl Totals {
    fn add(&mut self, other: &Totals) {
        let Totals { blocks, bytes, pointers, pinned, unreachable } = other;
        self.blocks.live += blocks.live;
        self.blocks.typed += blocks.typed;
        self.blocks.partly_typed += blocks.partly_typed;
        self.blocks.untyped += blocks.untyped;
        self.bytes.live += bytes.live;
        self.bytes.typed += bytes.typed;
        self.bytes.conservative += bytes.conservative;
        self.pointers.precise += pointers.precise;
        self.pointers.opaque += pointers.opaque;
        self.pointers.likely += pointers.likely;
        for (pair, other) in [(&mut self.pinned, pinned), (&mut self.unreachable, unreachable)] {
            pair.blocks += other.blocks;
            pair.bytes += other.bytes;
        }
    }

    fn joined(mut self, other: Totals) -> Totals {
        self.add(&other);
        self
    }

    fn add_block(&mut self, graph: &Graph, marked: &Marked, number: u32, block: &Block) {
        let ty = marked.ty(number);
        let typed = match ty {
            Some(_) => block.requested,
            None => {
                marked.islands_of(number).map(|(_, island)| island.size).sum::<u64>().min(block.requested)
            }
        };
        self.blocks.live += 1;
        self.bytes.live += block.requested;
        self.bytes.typed += typed;
        match typed {
            _ if ty.is_some() => self.blocks.typed += 1,
            0 => self.blocks.untyped += 1,
            _ if typed == block.requested => self.blocks.typed += 1,
            _ => self.blocks.partly_typed += 1,
        }
        if graph.is_reached(Node(number)) {
            self.bytes.conservative += block.requested - typed;
        } else {
            self.unreachable.add(block.requested);
        }
        if graph.is_pinned(number) {
            self.pinned.add(block.requested);
        }
    }

    fn add_pointer(&mut self, kind: Kind) {
        match kind {
            Kind::Precise | Kind::PastEnd => self.pointers.precise += 1,
            Kind::Opaque => self.pointers.opaque += 1,
            Kind::Likely | Kind::Disagreeing => self.pointers.likely += 1,
        }
    }
}

/// Numbers that one thread looks at at a time.
const CHUNK: u32 = 1 << 14;

/// Of all blocks, and of those of which `is_own` says that the program itself made them. Areas are no blocks.
pub(super) fn count(
    graph: &Graph,
    blocks: &Blocks<'_>,
    marked: &Marked,
    is_own: impl Fn(u32) -> bool + Sync,
) -> (Totals, Totals) {
    let none = || (Totals::default(), Totals::default());
    let joined =
        |one: (Totals, Totals), other: (Totals, Totals)| (one.0.joined(other.0), one.1.joined(other.1));
    let of_blocks = (0..graph.first_area.div_ceil(CHUNK)).into_par_iter().map(|chunk| {
        let (mut all, mut own) = none();
        let first = chunk * CHUNK;
        let end = first.saturating_add(CHUNK).min(graph.first_area);
        for (number, block) in blocks.range(first..end) {
            let totals = if is_own(number) { &mut own } else { &mut all };
            totals.add_block(graph, marked, number, &block);
        }
        (all, own)
    });
    let of_pointers = graph.live_chunks().map(|(rows, live)| {
        let (mut all, mut own) = none();
        for place in live {
            for (to, kind) in rows.targets(place).filter(|(to, _)| to.0 < graph.first_area) {
                let totals = if is_own(to.0) { &mut own } else { &mut all };
                totals.add_pointer(kind);
            }
        }
        (all, own)
    });
    let (others, own) = joined(of_blocks.reduce(none, joined), of_pointers.reduce(none, joined));
    (others.joined(own), own)
}
