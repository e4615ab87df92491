//! All objects of a process and the pointers between them.
//!
//! ```text
//!   nodes   0 .. S                  slots of blocks, by address; those without a block have no edges
//!           S .. B                  areas
//!           B .. B + R              roots, in their order
//!   edges   by node, then by offset: compressed sparse rows, in pieces of some thousand nodes
//! ```
//!
//! Marking begins with areas as with roots: both are there whoever points to them.
//!
//! An island is a part of its block: an edge's offsets say which. What is reached, what is pinned, and how many there are of each sort
//! follows from the edges alone.
//!
//! What it does not do: name anything (`paths` does), or decide about types.

mod build;
mod lost;
mod paths;
mod pins;
mod rows;
mod totals;

pub use lost::{Heuristic, Holding, Lost};
pub use mcrx_allocator::reader::SiteKey;
pub use paths::Step;
pub use pins::{Pin, PinnedBy, Seen};
pub use totals::{Bytes, Pair, Pointers, Totals, Typed};

use crate::blocks::Blocks;
use crate::mark::{Input, Marked};
use crate::marks::Marks;
use crate::spread::{Worker, exhaust};
use rayon::prelude::*;
use rows::Rows;
use std::ops::Range;

/// A block or a root, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(pub u32);

/// How a pointer was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// By its type, and what it points to is such a thing.
    Precise,
    /// By its type, to just past the end of a block.
    PastEnd,
    /// By its type, which does not say what it points to.
    Opaque,
    /// As a word that may be one.
    Likely,
    /// By its type, but what it points to is known as something else, or too small: it is treated as a likely one.
    Disagreeing,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Precise, Kind::PastEnd, Kind::Opaque, Kind::Likely, Kind::Disagreeing];

    fn number(self) -> u32 {
        match self {
            Kind::Precise => 0,
            Kind::PastEnd => 1,
            Kind::Opaque => 2,
            Kind::Likely => 3,
            Kind::Disagreeing => 4,
        }
    }

    /// Whether what it points to must not move: the word may be no pointer and must stay what it is.
    pub fn pins(self) -> bool {
        matches!(self, Kind::Likely | Kind::Disagreeing)
    }
}

/// A pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Where it is, in bytes from the start of its node.
    pub offset: u64,
    /// What it points to.
    pub to: Node,
    /// Where in that, in bytes.
    pub to_offset: u64,
    /// How it was read.
    pub kind: Kind,
}

/// Objects and pointers.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// The number of the first area: what is below are blocks.
    first_area: u32,
    /// The number of the first root.
    first_root: u32,
    nodes: u32,
    /// The edges of [`CHUNK`] nodes each.
    chunks: Vec<Rows>,
    /// For each block and area, whether a root leads to it.
    reached: Marks,
    /// For each block, whether a reached node holds a pointer that pins it.
    pinned: Marks,
    /// Pointers to code, and to constants and other data that are no objects here, in reached nodes.
    pub elsewhere: u64,
}

/// Nodes that are side by side in one piece, which one thread makes.
const CHUNK: u32 = 4096;

impl Graph {
    /// Reads all objects by the types that were found.
    pub fn build(input: &Input<'_>, marked: &Marked) -> Graph {
        let builder = build::Builder::new(input, marked);
        let first_root = input.blocks.numbers();
        let roots = u32::try_from(input.roots.len()).unwrap_or(u32::MAX);
        let areas = u32::try_from(input.blocks.areas().count()).unwrap_or(0);
        let mut graph = Graph {
            first_area: first_root.saturating_sub(areas),
            first_root,
            nodes: first_root.saturating_add(roots),
            ..Graph::default()
        };
        let chunk = |number: u32| {
            let first = number * CHUNK;
            builder.rows(first..first.saturating_add(CHUNK).min(graph.nodes))
        };
        graph.chunks = (0..graph.nodes.div_ceil(CHUNK)).into_par_iter().map(chunk).collect();
        graph.reached = match &marked.reached {
            Some(reached) => reached.clone(),
            None => graph.reach(),
        };
        graph.finish();
        graph
    }

    /// What roots lead to.
    fn reach(&self) -> Marks {
        struct Reacher<'g> {
            graph: &'g Graph,
            reached: &'g Marks,
        }
        impl Worker for Reacher<'_> {
            type Item = u32;

            fn work(&mut self, node: u32, more: &mut Vec<u32>) {
                let Some((rows, place)) = self.graph.rows(Node(node)) else { return };
                let blocks = rows.targets(place).map(|(to, _)| to.0).filter(|to| *to < self.graph.first_root);
                more.extend(blocks.filter(|to| self.reached.set(*to)));
            }
        }
        let reached = Marks::clear(self.first_root);
        (self.first_area..self.first_root).for_each(|area| {
            reached.set(area);
        });
        exhaust((self.first_area..self.nodes).collect(), || Reacher { graph: self, reached: &reached });
        reached
    }

    /// What follows from edges in what is reached.
    fn finish(&mut self) {
        let pinned = Marks::clear(self.first_area);
        let elsewhere = self.live_chunks().map(|(rows, live)| {
            let mut elsewhere = 0;
            for place in live {
                let pinning = rows.targets(place).filter(|(_, kind)| kind.pins());
                pinning.for_each(|(to, _)| {
                    pinned.set(to.0);
                });
                elsewhere += u64::from(rows.elsewhere.get(place).copied().unwrap_or(0));
            }
            elsewhere
        });
        self.elsewhere = elsewhere.sum();
        self.pinned = pinned;
    }

    /// Pieces of the graph, each with the places of its reached nodes.
    fn live_chunks(&self) -> impl ParallelIterator<Item = (&Rows, impl Iterator<Item = usize>)> {
        let places = self.chunks.par_iter().enumerate();
        places.map(|(number, rows)| {
            let first = u32::try_from(number).unwrap_or(u32::MAX).saturating_mul(CHUNK);
            let end = first.saturating_add(CHUNK).min(self.nodes);
            let live = (first..end).filter(|node| self.is_reached(Node(*node)));
            (rows, live.map(move |node| index(node - first)))
        })
    }

    /// The piece that has a node's edges, and its place there.
    #[inline]
    fn rows(&self, node: Node) -> Option<(&Rows, usize)> {
        Some((self.chunks.get(index(node.0 / CHUNK))?, index(node.0 % CHUNK)))
    }

    /// All nodes, those of free slots too.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = Node> + use<> {
        (0..self.nodes).map(Node)
    }

    /// The nodes that are roots.
    pub fn roots(&self) -> impl ExactSizeIterator<Item = Node> + use<> {
        (self.first_root..self.nodes).map(Node)
    }

    /// Whether ways begin at a node: a root, or an area.
    pub fn is_start(&self, node: Node) -> bool {
        self.starts().contains(&node.0)
    }

    fn starts(&self) -> Range<u32> {
        self.first_area..self.nodes
    }

    /// The block or area that a node is.
    pub fn block(&self, node: Node) -> Option<u32> {
        (node.0 < self.first_root).then_some(node.0)
    }

    /// The root that a node is: its place in the list of roots.
    pub fn root(&self, node: Node) -> Option<usize> {
        node.0.checked_sub(self.first_root).filter(|_| node.0 < self.nodes).map(index)
    }

    /// The pointers in a node, by offset. None, if there is no such node.
    #[inline]
    pub fn edges(&self, node: Node) -> impl Iterator<Item = Edge> {
        self.rows(node).into_iter().flat_map(|(rows, place)| rows.edges(place))
    }

    /// Whether a node holds pointers, read by its type, that lead to no node: to code, to constants, to nothing.
    #[inline]
    pub fn leads_elsewhere(&self, node: Node) -> bool {
        let count = |(rows, place): (&Rows, usize)| rows.elsewhere.get(place).copied();
        self.rows(node).and_then(count).is_some_and(|count| count > 0)
    }

    /// All pointers in nodes that roots lead to.
    pub fn live_edges(&self) -> impl Iterator<Item = (Node, Edge)> {
        let live = self.nodes().filter(|node| self.is_reached(*node));
        live.flat_map(|node| self.edges(node).map(move |edge| (node, edge)))
    }

    /// Whether a root leads to a node.
    #[inline]
    pub fn is_reached(&self, node: Node) -> bool {
        self.is_start(node) || self.reached.has(node.0)
    }

    /// Whether a block must not move.
    #[inline]
    pub fn is_pinned(&self, block: u32) -> bool {
        self.pinned.has(block)
    }

    /// All pointers to a node, reached or not, with the nodes that hold them.
    pub fn refs(&self, to: Node) -> impl Iterator<Item = (Node, Edge)> {
        let of_node = move |node| self.edges(node).filter(move |edge| edge.to == to);
        self.nodes().flat_map(move |node| of_node(node).map(move |edge| (node, edge)))
    }

    /// Counts of all blocks, and of those of which `is_own` says that the program itself made them. Areas are no blocks.
    pub fn totals(
        &self,
        blocks: &Blocks<'_>,
        marked: &Marked,
        is_own: impl Fn(u32) -> bool + Sync,
    ) -> (Totals, Totals) {
        totals::count(self, blocks, marked, is_own)
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
