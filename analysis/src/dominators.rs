//! What would go with a block if it went: dominators, and the sizes that they retain.
//!
//! A node dominates another if every way from the beginning to that one leads through it. The immediate dominators make a tree; what is below
//! a node in it is what only that node keeps alive, and the bytes of all of that are its retained size.
//!
//! The algorithm is semi-NCA (Georgiadis, *Linear-Time Algorithms for Dominators and Related Problems*, Princeton 2005, section 2.3), in the
//! form in which LLVM has it. All is in arrays of 32-bit numbers, by the order in which a depth-first search meets the nodes; nothing recurses.

#[cfg(test)]
mod tests;

use crate::edges::{Edges, at};

/// No node: what dominates the beginnings, and nodes that nothing leads to.
pub const NONE: u32 = u32::MAX;

/// The dominator tree of a graph.
#[derive(Debug, Default)]
pub struct Dominators {
    /// For each node the one right above it, or [`NONE`].
    above: Vec<u32>,
    /// The nodes that something leads to, each after the one above it.
    order: Vec<u32>,
}

impl Dominators {
    /// Of a graph in which ways begin at any of these nodes.
    pub fn of(edges: &Edges, beginnings: &[u32]) -> Dominators {
        let mut search = Search::of(edges, beginnings);
        let before = search.predecessors(edges, beginnings);
        // Each of these arrays is as long as there are nodes: what is not needed any more goes before the next one comes.
        search.number = Vec::new();
        // Number 0 is a node that leads to all beginnings; the others have theirs by the search.
        let len = search.parent.len();
        let mut dominator = search.parent.clone();
        let mut semi: Vec<u32> = (0..number(len)).collect();
        let mut label = semi.clone();
        let mut stack = Vec::new();
        for node in (1..number(len)).rev() {
            let mut least = search.parent[at(node)];
            for from in before.of(node) {
                let through = evaluate(*from, node + 1, &mut search.parent, &mut label, &semi, &mut stack);
                least = least.min(semi[at(through)]);
            }
            semi[at(node)] = least;
        }
        drop((before, label, std::mem::take(&mut search.parent)));
        for node in 1..number(len) {
            let mut above = dominator[at(node)];
            while above > semi[at(node)] {
                above = dominator[at(above)];
            }
            dominator[at(node)] = above;
        }
        drop(semi);
        let mut above = vec![NONE; at(edges.nodes())];
        for node in 1..number(len) {
            let dominator = dominator[at(node)];
            above[at(search.node[at(node)])] = if dominator == 0 { NONE } else { search.node[at(dominator)] };
        }
        search.node.remove(0);
        Dominators { above, order: search.node }
    }

    /// The node right above another one. `None`: it is a beginning, several lead to it, or nothing does.
    pub fn above(&self, node: u32) -> Option<u32> {
        self.above.get(at(node)).copied().filter(|above| *above != NONE)
    }

    /// The nodes that something leads to, each after the one above it.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// For each node what it retains, its own size with it. Nothing retains what nothing leads to: that has its own size.
    pub fn retained(&self, size: impl Fn(u32) -> u64) -> Vec<u64> {
        let mut retained: Vec<u64> = (0..number(self.above.len())).map(size).collect();
        for node in self.order.iter().rev() {
            if let Some(above) = self.above(*node) {
                retained[at(above)] += retained[at(*node)];
            }
        }
        retained
    }

    /// The tree from above.
    pub fn tree(&self) -> Tree {
        let mut tree = Tree {
            below: vec![NONE; self.above.len()],
            next: vec![NONE; self.above.len()],
            tops: Vec::new(),
        };
        // From the back, so that children come in their order.
        for node in self.order.iter().rev() {
            match self.above(*node) {
                Some(above) => {
                    tree.next[at(*node)] = tree.below[at(above)];
                    tree.below[at(above)] = *node;
                }
                None => tree.tops.push(*node),
            }
        }
        tree.tops.reverse();
        tree
    }
}

/// A dominator tree, to be walked from above.
#[derive(Debug)]
pub struct Tree {
    /// For each node the first one right below it.
    below: Vec<u32>,
    /// For each node the next one below the same.
    next: Vec<u32>,
    tops: Vec<u32>,
}

impl Tree {
    /// The nodes that none dominates.
    pub fn tops(&self) -> &[u32] {
        &self.tops
    }

    /// The nodes right below another one.
    pub fn below(&self, node: u32) -> impl Iterator<Item = u32> {
        let first = self.below.get(at(node)).copied().filter(|node| *node != NONE);
        let next = |node: &u32| self.next.get(at(*node)).copied().filter(|node| *node != NONE);
        std::iter::successors(first, next)
    }

    /// Walks all of it: enters each node, then those below it, then leaves it.
    pub fn walk(&self, mut step: impl FnMut(Step)) {
        for top in &self.tops {
            let mut node = *top;
            step(Step::Enter(node));
            let mut path = Vec::new();
            loop {
                if self.below[at(node)] != NONE {
                    path.push(node);
                    node = self.below[at(node)];
                    step(Step::Enter(node));
                    continue;
                }
                step(Step::Leave(node));
                while !path.is_empty() && self.next[at(node)] == NONE {
                    let Some(above) = path.pop() else { break };
                    node = above;
                    step(Step::Leave(node));
                }
                if path.is_empty() {
                    break;
                }
                node = self.next[at(node)];
                step(Step::Enter(node));
            }
        }
    }
}

/// A step of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Down to a node.
    Enter(u32),
    /// Up from it.
    Leave(u32),
}

/// What a depth-first search met, by the order in which it did.
struct Search {
    /// The node with a number; of 0, which is none, [`NONE`].
    node: Vec<u32>,
    /// The number of the one from which it was found.
    parent: Vec<u32>,
    /// The number of a node; or [`NONE`].
    number: Vec<u32>,
}

impl Search {
    fn of(edges: &Edges, beginnings: &[u32]) -> Search {
        let mut search = Search { node: vec![NONE], parent: vec![0], number: vec![NONE; at(edges.nodes())] };
        // A node that is being looked at, and how many of its edges have been.
        let mut path: Vec<(u32, u32)> = Vec::new();
        for beginning in beginnings {
            search.meet(*beginning, 0, &mut path);
            while let Some((node, seen)) = path.last_mut() {
                let Some(to) = edges.of(*node).get(at(*seen)).copied() else {
                    path.pop();
                    continue;
                };
                *seen += 1;
                let from = search.number[at(*node)];
                search.meet(to, from, &mut path);
            }
        }
        search
    }

    fn meet(&mut self, node: u32, from: u32, path: &mut Vec<(u32, u32)>) {
        let next = number(self.node.len());
        match self.number.get_mut(at(node)) {
            Some(number) if *number == NONE => *number = next,
            _ => return,
        }
        self.node.push(node);
        self.parent.push(from);
        path.push((node, 0));
    }

    /// For each number those of the nodes that lead to it; 0 leads to the beginnings.
    fn predecessors(&self, edges: &Edges, beginnings: &[u32]) -> Edges {
        let targets_of = |node: &u32| if *node == NONE { beginnings } else { edges.of(*node) };
        // Each place first counts, then is where the next number's targets begin, and goes back by one with each that is put there.
        let mut ends = vec![0_u32; self.node.len() + 1];
        for to in self.node.iter().flat_map(targets_of) {
            ends[at(self.number[at(*to)])] += 1;
        }
        for place in 1..ends.len() {
            ends[place] += ends[place - 1];
        }
        let mut targets = vec![0; ends.last().map_or(0, |end| at(*end))];
        for (node, from) in self.node.iter().zip(0..) {
            for to in targets_of(node) {
                let place = &mut ends[at(self.number[at(*to)])];
                *place -= 1;
                targets[at(*place)] = from;
            }
        }
        Edges::from_parts(ends, targets)
    }
}

/// The node with the least semidominator on the way up from one through those that have been done; and the way is shortened.
fn evaluate(
    of: u32,
    first_done: u32,
    parent: &mut [u32],
    label: &mut [u32],
    semi: &[u32],
    stack: &mut Vec<u32>,
) -> u32 {
    let mut node = of;
    while parent[at(node)] >= first_done {
        stack.push(node);
        node = parent[at(node)];
    }
    while let Some(below) = stack.pop() {
        parent[at(below)] = parent[at(node)];
        if semi[at(label[at(node)])] < semi[at(label[at(below)])] {
            label[at(below)] = label[at(node)];
        }
        node = below;
    }
    label[at(node)]
}

fn number(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
