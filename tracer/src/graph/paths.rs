//! How a root leads to an object.

use super::{Edge, Graph, Node, index};
use crate::marks::Marks;
use rustc_hash::FxHashSet;
use std::collections::VecDeque;

/// One step of a path: a node, and the pointer in it that leads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Where the pointer is.
    pub node: Node,
    /// The pointer.
    pub edge: Edge,
}

/// No step leads here.
const NONE: u32 = u32::MAX;

impl Graph {
    /// The shortest way from a root to a node; of several the one whose pointers come first. Ways without likely pointers are taken
    /// where there are any, however long. Empty: the node is a root or an area, or no root leads to it.
    pub fn path_to(&self, to: Node) -> Vec<Step> {
        self.paths_to(&[to]).pop().unwrap_or_default()
    }

    /// The same for several nodes, in their order, at the price of one.
    pub fn paths_to(&self, all: &[Node]) -> Vec<Vec<Step>> {
        let mut paths = vec![Vec::new(); all.len()];
        let mut left: Vec<usize> = (0..all.len()).collect();
        left.retain(|place| !self.is_start(all[*place]) && self.is_reached(all[*place]));
        let may_be_followed: [fn(&Edge) -> bool; 2] = [|edge| !edge.kind.pins(), |_| true];
        for may_be_followed in may_be_followed {
            let wanted: Vec<Node> = left.iter().map(|place| all[*place]).collect();
            for (place, found) in left.iter().zip(self.search(&wanted, may_be_followed)) {
                paths[*place] = found;
            }
            left.retain(|place| paths[*place].is_empty());
        }
        paths
    }

    fn search(&self, all: &[Node], may_be_followed: fn(&Edge) -> bool) -> Vec<Vec<Step>> {
        let mut wanted: FxHashSet<Node> = all.iter().copied().collect();
        let seen = Marks::clear(self.nodes);
        let mut came_from = vec![NONE; index(self.nodes)];
        let mut work: VecDeque<Node> =
            if wanted.is_empty() { VecDeque::new() } else { self.starts().map(Node).collect() };
        for node in &work {
            seen.set(node.0);
        }
        'search: while let Some(node) = work.pop_front() {
            for edge in self.edges(node).filter(may_be_followed) {
                if seen.set(edge.to.0) {
                    came_from[index(edge.to.0)] = node.0;
                    if wanted.remove(&edge.to) && wanted.is_empty() {
                        break 'search;
                    }
                    work.push_back(edge.to);
                }
            }
        }
        all.iter().map(|to| self.steps(*to, &came_from, may_be_followed)).collect()
    }

    /// From where the search began to a node, by the node that each was found from.
    fn steps(&self, to: Node, came_from: &[u32], may_be_followed: fn(&Edge) -> bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = to;
        while let Some(from) = came_from.get(index(at.0)).copied().filter(|from| *from != NONE) {
            let from = Node(from);
            let leads = |edge: &Edge| edge.to == at && may_be_followed(edge);
            let Some(edge) = self.edges(from).find(leads) else { break };
            steps.push(Step { node: from, edge });
            at = from;
        }
        steps.reverse();
        steps
    }
}
