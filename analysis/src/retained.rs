//! What all blocks of a type, of a site or of an owner keep alive together.
//!
//! A block that another one of the same type keeps alive counts with that one, once: a list of a thousand nodes retains what its first one does.

use crate::dominators::{Dominators, Step};
use crate::edges::{Edges, at};
use crate::index::{Block, Group};

/// Bytes that are kept alive, by the numbers that an index has for types, sites and owners.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retained {
    /// For each type.
    pub types: Vec<u64>,
    /// For each site.
    pub sites: Vec<u64>,
    /// For each owner: what the blocks that it holds itself do.
    pub owners: Vec<u64>,
}

/// Sums for one sort of key.
struct Sums {
    bytes: Vec<u64>,
    /// How many blocks of each the walk is inside of.
    inside: Vec<u32>,
}

impl Sums {
    fn of(keys: usize) -> Sums {
        Sums { bytes: vec![0; keys], inside: vec![0; keys] }
    }

    fn enter(&mut self, key: u32, bytes: u64) {
        let (Some(sum), Some(inside)) = (self.bytes.get_mut(at(key)), self.inside.get_mut(at(key))) else {
            return;
        };
        if *inside == 0 {
            *sum += bytes;
        }
        *inside += 1;
    }

    fn leave(&mut self, key: u32) {
        if let Some(inside) = self.inside.get_mut(at(key)) {
            *inside -= 1;
        }
    }
}

impl Retained {
    /// `edges`: of the blocks, and of the beginnings behind them. `keys`: how many types, sites and owners there are.
    pub(crate) fn of(blocks: &[Block], groups: &[Group], edges: &Edges, keys: [usize; 3]) -> Retained {
        let first = u32::try_from(blocks.len()).unwrap_or(u32::MAX);
        let beginnings: Vec<u32> = (first..edges.nodes()).collect();
        let dominators = Dominators::of(edges, &beginnings);
        let retained = dominators.retained(|node| blocks.get(at(node)).map_or(0, |block| block.bytes));
        let mut sums = keys.map(Sums::of);
        let group = |node: u32| groups.get(at(blocks.get(at(node))?.group)).copied();
        let mut is_reached = vec![false; blocks.len()];
        dominators.tree().walk(|step| match step {
            Step::Enter(node) => {
                if let Some(group) = group(node) {
                    is_reached[at(node)] = true;
                    let bytes = retained[at(node)];
                    let keys = [group.ty, group.site, group.owner.0];
                    sums.iter_mut().zip(keys).for_each(|(sums, key)| sums.enter(key, bytes));
                }
            }
            Step::Leave(node) => {
                if let Some(group) = group(node) {
                    let keys = [group.ty, group.site, group.owner.0];
                    sums.iter_mut().zip(keys).for_each(|(sums, key)| sums.leave(key));
                }
            }
        });
        // What nothing leads to keeps nothing alive but itself.
        for (block, _) in blocks.iter().zip(&is_reached).filter(|(_, is_reached)| !**is_reached) {
            if let Some(group) = groups.get(at(block.group)) {
                let keys = [group.ty, group.site, group.owner.0];
                for (sums, key) in sums.iter_mut().zip(keys) {
                    sums.enter(key, block.bytes);
                    sums.leave(key);
                }
            }
        }
        let [types, sites, owners] = sums.map(|sums| sums.bytes);
        Retained { types, sites, owners }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Life;
    use crate::owners::Owner;

    /// Blocks of these groups and sizes, and a beginning that leads to the first.
    fn retained(made: &[(u32, u64)], edges: &[&[u32]]) -> Retained {
        let block = |(address, (group, bytes)): (u64, &(u32, u64))| Block {
            address,
            bytes: *bytes,
            life: Life::new(0, false),
            group: *group,
        };
        let blocks: Vec<Block> = (0..).zip(made).map(block).collect();
        let groups = [0, 1].map(|ty| Group { ty, site: 0, owner: Owner(ty) });
        let mut all = Edges::default();
        edges.iter().for_each(|targets| all.push(targets.iter().copied()));
        all.push([0]);
        Retained::of(&blocks, &groups, &all, [2, 1, 2])
    }

    #[test]
    fn a_list_retains_what_its_first_node_does() {
        let nodes = [(0, 10), (1, 100), (0, 10), (1, 100)];
        let found = retained(&nodes, &[&[1, 2], &[], &[3], &[]]);
        assert_eq!(found, Retained { types: vec![220, 200], sites: vec![220], owners: vec![220, 200] });
    }

    #[test]
    fn what_is_held_twice_belongs_to_neither() {
        let found = retained(&[(0, 1), (0, 10), (0, 20), (1, 300)], &[&[1, 2], &[3], &[3], &[]]);
        assert_eq!(found.types, [331, 300]);
        let found = retained(&[(1, 1), (0, 10), (0, 20), (1, 300)], &[&[1, 2], &[3], &[3], &[]]);
        assert_eq!(found.types, [30, 331]);
    }

    #[test]
    fn what_nothing_leads_to_counts_for_itself() {
        assert_eq!(retained(&[(0, 1), (1, 10), (1, 20)], &[&[], &[2], &[]]).types, [1, 30]);
    }
}
