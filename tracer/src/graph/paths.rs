//! How a root leads to an object.

use super::{Edge, Graph, Node, index};
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
        if self.is_start(to) || !self.is_reached(to) {
            return Vec::new();
        }
        let sure = self.search(to, |edge| !edge.kind.pins());
        if sure.is_empty() { self.search(to, |_| true) } else { sure }
    }

    fn search(&self, to: Node, may_be_followed: impl Fn(&Edge) -> bool) -> Vec<Step> {
        let nodes = index(self.nodes);
        let mut came_from = vec![NONE; nodes];
        let mut seen = vec![false; nodes];
        let index = |node: Node| index(node.0);
        let mut work: VecDeque<Node> = self.starts().map(Node).collect();
        for node in &work {
            seen[index(*node)] = true;
        }
        'search: while let Some(node) = work.pop_front() {
            for edge in self.edges(node).filter(|edge| may_be_followed(edge)) {
                if !std::mem::replace(&mut seen[index(edge.to)], true) {
                    came_from[index(edge.to)] = node.0;
                    if edge.to == to {
                        break 'search;
                    }
                    work.push_back(edge.to);
                }
            }
        }
        let mut steps = Vec::new();
        let mut at = to;
        while let Some(from) = came_from.get(index(at)).copied().filter(|from| *from != NONE) {
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
