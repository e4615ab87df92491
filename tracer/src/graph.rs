//! All objects of a process and the pointers between them.
//!
//! ```text
//!   nodes   0 .. B             live blocks, by address
//!           B .. B + R         roots, in their order
//!   edges   by node, then by offset (compressed sparse rows)
//! ```
//!
//! An island is a part of its block: an edge's offsets say which. What is reached, what is pinned, and how many there are of each sort
//! follows from the edges alone.
//!
//! What it does not do: name anything (`paths` does), or decide about types.

mod build;
mod lost;
mod paths;
mod pins;
mod totals;

pub use lost::{Heuristic, Holding, Lost};
pub use paths::Step;
pub use pins::{Pin, PinnedBy};
pub use totals::{Bytes, Pair, Pointers, Totals, Typed};

use crate::blocks::Blocks;
use crate::mark::{Input, Marked};
use rayon::prelude::*;

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
    blocks: u32,
    /// Where each node's edges begin, and the end of the last one's.
    starts: Vec<usize>,
    edges: Vec<Edge>,
    /// For each node, whether a root leads to it.
    reached: Vec<bool>,
    /// For each block, whether a reached node holds a pointer that pins it.
    pinned: Vec<bool>,
    /// Pointers to code, and to constants and other data that are no objects here, in reached nodes.
    pub elsewhere: u64,
}

/// Nodes that one thread reads at a time.
const CHUNK: usize = 1024;

impl Graph {
    /// Reads all objects by the types that were found.
    pub fn build(input: &Input<'_>, marked: &Marked) -> Graph {
        let builder = build::Builder::new(input, marked);
        let blocks = u32::try_from(input.blocks.all().len()).unwrap_or(u32::MAX);
        let roots = u32::try_from(input.roots.len()).unwrap_or(0);
        let nodes: Vec<u32> = (0..blocks.saturating_add(roots)).collect();
        let chunks: Vec<build::Rows> =
            nodes.par_chunks(CHUNK).map(|nodes| builder.rows(nodes, blocks)).collect();
        let mut graph = Graph { blocks, ..Graph::default() };
        graph.edges.reserve_exact(chunks.iter().map(|rows| rows.edges.len()).sum());
        graph.starts.reserve_exact(nodes.len() + 1);
        graph.starts.push(0);
        let mut elsewhere = Vec::with_capacity(nodes.len());
        for rows in chunks {
            for count in rows.counts {
                graph.starts.push(graph.starts.last().copied().unwrap_or(0) + count);
            }
            graph.edges.extend(rows.edges);
            elsewhere.extend(rows.elsewhere);
        }
        graph.reach();
        graph.pin();
        let reached = elsewhere.iter().zip(&graph.reached).filter(|(_, reached)| **reached);
        graph.elsewhere = reached.map(|(count, _)| u64::from(*count)).sum();
        graph
    }

    fn reach(&mut self) {
        let nodes = self.starts.len().saturating_sub(1);
        let mut reached = vec![false; nodes];
        let mut work: Vec<u32> = Vec::new();
        for node in self.roots() {
            reached[at(node)] = true;
            work.push(node.0);
        }
        while let Some(node) = work.pop() {
            for edge in self.edges(Node(node)) {
                let place = &mut reached[at(edge.to)];
                if !std::mem::replace(place, true) {
                    work.push(edge.to.0);
                }
            }
        }
        self.reached = reached;
    }

    fn pin(&mut self) {
        let mut pinned = vec![false; usize::try_from(self.blocks).unwrap_or(0)];
        for (_, edge) in self.live_edges().filter(|(_, edge)| edge.kind.pins()) {
            if let Some(place) = pinned.get_mut(at(edge.to)) {
                *place = true;
            }
        }
        self.pinned = pinned;
    }

    /// All nodes.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = Node> + use<> {
        let count = u32::try_from(self.starts.len().saturating_sub(1)).unwrap_or(u32::MAX);
        (0..count).map(Node)
    }

    /// The nodes that are roots.
    pub fn roots(&self) -> impl ExactSizeIterator<Item = Node> + use<> {
        let count = u32::try_from(self.starts.len().saturating_sub(1)).unwrap_or(u32::MAX);
        (self.blocks.min(count)..count).map(Node)
    }

    /// The block that a node is.
    pub fn block(&self, node: Node) -> Option<u32> {
        (node.0 < self.blocks).then_some(node.0)
    }

    /// The root that a node is: its place in the list of roots.
    pub fn root(&self, node: Node) -> Option<usize> {
        usize::try_from(node.0.checked_sub(self.blocks)?).ok()
    }

    /// The pointers in a node, by offset. None, if there is no such node.
    pub fn edges(&self, node: Node) -> &[Edge] {
        let range = self.starts.get(at(node)).zip(self.starts.get(at(node) + 1));
        range.and_then(|(start, end)| self.edges.get(*start..*end)).unwrap_or(&[])
    }

    /// All pointers in nodes that roots lead to.
    pub fn live_edges(&self) -> impl Iterator<Item = (Node, &Edge)> {
        let live = self.nodes().filter(|node| self.is_reached(*node));
        live.flat_map(|node| self.edges(node).iter().map(move |edge| (node, edge)))
    }

    /// Whether a root leads to a node.
    pub fn is_reached(&self, node: Node) -> bool {
        self.reached.get(at(node)).copied().unwrap_or(false)
    }

    /// Whether a block must not move.
    pub fn is_pinned(&self, block: u32) -> bool {
        self.pinned.get(at(Node(block))).copied().unwrap_or(false)
    }

    /// All pointers to a node, reached or not, with the nodes that hold them.
    pub fn refs(&self, to: Node) -> impl Iterator<Item = (Node, &Edge)> {
        let of_node = move |node| self.edges(node).iter().filter(move |edge| edge.to == to);
        self.nodes().flat_map(move |node| of_node(node).map(move |edge| (node, edge)))
    }

    /// Counts of the blocks for which `counts` says so.
    pub fn totals(&self, blocks: &Blocks<'_>, marked: &Marked, counts: impl Fn(u32) -> bool) -> Totals {
        totals::count(self, blocks, marked, counts)
    }
}

fn at(node: Node) -> usize {
    usize::try_from(node.0).unwrap_or(usize::MAX)
}
