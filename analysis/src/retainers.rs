//! Who retains most: the upper part of the dominator tree, as rows to be printed one below the other.
//!
//! What retains too little to be told of is counted together with others of its type, and told of if there are many. Blocks of one type that
//! keep each other alive, as the nodes of a list do, are one row.

use crate::dominators::{Dominators, Tree};
use crate::edges::at;
use crate::index::{Index, Snapshot, UNTYPED};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;

/// A part of a server's heap that something keeps alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retainer {
    /// How far down the tree: 0 is a process.
    pub depth: usize,
    /// What it is.
    pub what: What,
    /// Its bytes, and those that would go with it.
    pub retained: u64,
    /// Its own bytes; of a list or tree those of all its nodes.
    pub bytes: u64,
    /// How many blocks would go.
    pub blocks: u64,
}

/// What retains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A process.
    Process {
        /// Its id.
        pid: u32,
        /// What it calls itself.
        name: String,
    },
    /// A variable, or another place where ways begin.
    Start(String),
    /// A block.
    Block {
        /// Its type.
        ty: String,
        /// Where it is.
        address: u64,
        /// Who holds it.
        owner: String,
        /// How many others of its type it keeps alive through each other.
        others: u64,
    },
    /// Blocks of one type, none of which retains much.
    Many {
        /// How many.
        count: u64,
        /// Their type.
        ty: String,
    },
}

/// The rows of all processes. `least`: bytes that one retains to be told of.
pub fn retainers(snapshot: &Snapshot, least: impl Fn(u64) -> u64) -> Vec<Retainer> {
    let total: u64 = snapshot.processes.iter().flat_map(|index| &index.blocks).map(|block| block.bytes).sum();
    let mut rows = Vec::new();
    for index in &snapshot.processes {
        let view = View::of(index, least(total).max(1));
        let bytes: u64 = index.blocks.iter().map(|block| block.bytes).sum();
        rows.push(Retainer {
            depth: 0,
            what: What::Process { pid: index.process.pid, name: index.process.name.clone() },
            retained: bytes,
            bytes: 0,
            blocks: u64::try_from(index.blocks.len()).unwrap_or(u64::MAX),
        });
        view.rows(&mut rows);
    }
    rows
}

/// Rows are not told of that are further down: nobody reads them.
const DEEPEST: usize = 24;

struct View<'i> {
    index: &'i Index,
    tree: Tree,
    /// For each node.
    bytes: Vec<u64>,
    blocks: Vec<u64>,
    is_reached: Vec<bool>,
    least: u64,
}

impl<'i> View<'i> {
    fn of(index: &'i Index, least: u64) -> View<'i> {
        let dominators = Dominators::of(&index.edges, &index.beginnings());
        let block = |node: u32| index.blocks.get(at(node));
        let mut is_reached = vec![false; index.blocks.len()];
        for node in dominators.order() {
            if let Some(is_reached) = is_reached.get_mut(at(*node)) {
                *is_reached = true;
            }
        }
        View {
            index,
            tree: dominators.tree(),
            bytes: dominators.retained(|node| block(node).map_or(0, |block| block.bytes)),
            blocks: dominators.retained(|node| u64::from(block(node).is_some())),
            is_reached,
            least,
        }
    }

    fn rows(&self, rows: &mut Vec<Retainer>) {
        let lost = (0..).zip(&self.is_reached).filter(|(_, is_reached)| !**is_reached).map(|(node, _)| node);
        let mut tops: Vec<u32> = self.tree.tops().to_vec();
        tops.extend(lost);
        let mut work = self.level(&tops, 1);
        work.reverse();
        while let Some((node, row)) = work.pop() {
            let depth = row.depth + 1;
            let mut row = row;
            if let Some(node) = node {
                let (alike, below) = self.alike(node);
                if let What::Block { others, .. } = &mut row.what {
                    *others = u64::try_from(alike.len()).unwrap_or(u64::MAX);
                    row.bytes += alike.iter().map(|node| self.own(*node)).sum::<u64>();
                }
                if depth < DEEPEST {
                    work.extend(self.level(&below, depth).into_iter().rev());
                }
            }
            rows.push(row);
        }
    }

    /// The blocks of the same type that a block keeps alive directly, or through each other; and all else that these and it do.
    fn alike(&self, node: u32) -> (Vec<u32>, Vec<u32>) {
        let ty = |node: u32| self.index.blocks.get(at(node)).map(|block| self.index.type_of(block));
        let (mut alike, mut below) = (Vec::new(), Vec::new());
        let mut work = vec![node];
        while let Some(one) = work.pop() {
            for child in self.tree.below(one) {
                if ty(child).is_some_and(|of_child| of_child != UNTYPED && Some(of_child) == ty(node)) {
                    alike.push(child);
                    work.push(child);
                } else {
                    below.push(child);
                }
            }
        }
        (alike, below)
    }

    fn own(&self, node: u32) -> u64 {
        self.index.blocks.get(at(node)).map_or(0, |block| block.bytes)
    }

    /// The rows of nodes side by side, the largest first. Those that stand for one node name it.
    fn level(&self, nodes: &[u32], depth: usize) -> Vec<(Option<u32>, Retainer)> {
        let mut rows = Vec::new();
        let mut many: FxHashMap<&str, Retainer> = FxHashMap::default();
        for node in nodes {
            let (retained, blocks) = (self.bytes[at(*node)], self.blocks[at(*node)]);
            let bytes = self.own(*node);
            if retained >= self.least {
                rows.push((Some(*node), Retainer { depth, what: self.what(*node), retained, bytes, blocks }));
                continue;
            }
            let ty = self.index.blocks.get(at(*node)).map_or("variables", |block| self.index.type_of(block));
            let nothing = || Retainer {
                depth,
                what: What::Many { count: 0, ty: ty.to_owned() },
                retained: 0,
                bytes: 0,
                blocks: 0,
            };
            let row = many.entry(ty).or_insert_with(nothing);
            if let What::Many { count, .. } = &mut row.what {
                *count += 1;
            }
            row.retained += retained;
            row.bytes += bytes;
            row.blocks += blocks;
        }
        rows.extend(many.into_values().filter(|row| row.retained >= self.least).map(|row| (None, row)));
        rows.sort_by_key(|(node, row)| (Reverse(row.retained), *node, row.blocks));
        rows
    }

    fn what(&self, node: u32) -> What {
        match self.index.blocks.get(at(node)) {
            Some(block) => What::Block {
                ty: self.index.type_of(block).to_owned(),
                address: block.address,
                owner: self.index.owner_of(block),
                others: 0,
            },
            None => {
                let start = at(node).checked_sub(self.index.blocks.len());
                let owner = start.and_then(|start| self.index.starts.get(start));
                What::Start(owner.map_or_else(String::new, |owner| self.index.owners.name(*owner)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::Edges;
    use crate::index::{Block, Group, Life};
    use crate::owners::Owners;
    use crate::retained::Retained;

    /// A process whose variable `list` leads to the first of its blocks: type, bytes, and where each leads.
    fn snapshot(made: &[(u32, u64, &[u32])]) -> Snapshot {
        let mut owners = Owners::default();
        let list = owners.start("list");
        let types: Vec<String> = ["struct node", "struct leaf"].map(str::to_owned).into();
        let mut edges = Edges::default();
        let mut blocks = Vec::new();
        for (address, (group, bytes, targets)) in (0..).zip(made) {
            blocks.push(Block { address, bytes: *bytes, life: Life::new(0, false), group: *group });
            edges.push(targets.iter().copied());
        }
        edges.push([0]);
        let groups: Vec<Group> = [0, 1].map(|ty| Group { ty, site: 0, owner: list }).into();
        let retained = Retained::of(&blocks, &groups, &edges, [2, 1, 1]);
        let index =
            Index { blocks, groups, types, owners, edges, starts: vec![list], retained, ..Index::default() };
        Snapshot { processes: vec![index] }
    }

    fn told(snapshot: &Snapshot, least: u64) -> Vec<(usize, String, u64, u64)> {
        let name = |what: &What| match what {
            What::Process { .. } => "process".to_owned(),
            What::Start(name) => name.clone(),
            What::Block { ty, address, others, .. } => format!("{ty} {address} +{others}"),
            What::Many { count, ty } => format!("{count} x {ty}"),
        };
        let rows = retainers(snapshot, |_| least);
        rows.iter().map(|row| (row.depth, name(&row.what), row.retained, row.blocks)).collect()
    }

    #[test]
    fn a_list_is_one_row_and_what_its_nodes_hold_is_another() {
        let list = snapshot(&[
            (0, 1, &[1, 3]),
            (0, 1, &[2, 4]),
            (0, 1, &[5]),
            (1, 10, &[]),
            (1, 10, &[]),
            (1, 10, &[]),
        ]);
        assert_eq!(
            told(&list, 20),
            [
                (0, "process".to_owned(), 33, 6),
                (1, "list".to_owned(), 33, 6),
                (2, "struct node 0 +2".to_owned(), 33, 6),
                (3, "3 x struct leaf".to_owned(), 30, 3),
            ]
        );
    }

    #[test]
    fn what_nothing_leads_to_stands_beside_variables() {
        let lost = snapshot(&[(0, 1, &[]), (1, 100, &[])]);
        assert_eq!(told(&lost, 50)[1], (1, "struct leaf 1 +0".to_owned(), 100, 1));
    }
}
