//! All units' types as one graph: each type one node, by number in the order of units and entries, with an edge to each type that it is
//! made of.

use super::error::Fault;
use super::limits::Excess;
use super::outline::{NOTHING, Outline, at};
use crate::dwarf::DieRef;
use rayon::prelude::*;

/// The outlines of all units, linked.
pub(super) struct Graph<'a> {
    pub(super) outlines: Vec<Outline<'a>>,
    /// The number of each unit's first type; one more entry than units.
    bases: Vec<u32>,
}

impl<'a> Graph<'a> {
    /// Links the types of all units: their children become numbers of the whole.
    pub(super) fn link(mut outlines: Vec<Outline<'a>>) -> Result<Graph<'a>, Fault> {
        let mut bases = Vec::with_capacity(outlines.len() + 1);
        let mut next: usize = 0;
        for outline in &outlines {
            bases.push(u32::try_from(next).map_err(|_| Excess::Types)?);
            next += outline.dies.len();
        }
        // The last number stands for none.
        bases.push(u32::try_from(next).ok().filter(|all| *all != NOTHING).ok_or(Excess::Types)?);
        let mut children: Vec<Vec<u32>> =
            outlines.iter_mut().map(|outline| std::mem::take(&mut outline.children)).collect();
        let mut graph = Graph { outlines, bases };
        children.par_iter_mut().enumerate().for_each(|(unit, children)| {
            let (Some(base), Some(outline)) = (graph.bases.get(unit), graph.outlines.get(unit)) else {
                return;
            };
            for child in children.iter_mut().filter(|child| **child != NOTHING) {
                *child += base;
            }
            for (place, die) in &outline.abroad {
                if let (Some(child), Some(node)) = (children.get_mut(at(*place)), graph.node(*die)) {
                    *child = node;
                }
            }
        });
        for (outline, children) in graph.outlines.iter_mut().zip(children) {
            outline.children = children;
            outline.abroad = Vec::new();
        }
        Ok(graph)
    }

    /// How many types there are.
    pub(super) fn len(&self) -> usize {
        self.bases.last().map_or(0, |all| at(*all))
    }

    /// The type at an entry.
    pub(super) fn node(&self, die: DieRef) -> Option<u32> {
        let unit = at(die.unit.0);
        Some(self.bases.get(unit)? + self.outlines.get(unit)?.find(die.offset)?)
    }

    /// The number of a unit's first type.
    pub(super) fn base(&self, unit: usize) -> u32 {
        self.bases.get(unit).copied().unwrap_or(NOTHING)
    }

    /// The unit that a type is in, and its number there.
    pub(super) fn place(&self, node: u32) -> (usize, u32) {
        let unit = self.bases.partition_point(|base| *base <= node).saturating_sub(1);
        (unit, node - self.base(unit))
    }

    /// The types that a type is made of.
    pub(super) fn children(&self, node: u32) -> &[u32] {
        let (unit, ty) = self.place(node);
        self.outlines.get(unit).map_or(&[], |outline| outline.children_of(ty))
    }

    /// Cuts what has an entry for each type into what belongs to each unit.
    pub(super) fn cut<'v, T>(&self, mut values: &'v mut [T]) -> Vec<&'v mut [T]> {
        let mut parts = Vec::with_capacity(self.outlines.len());
        for outline in &self.outlines {
            let (part, rest) = values.split_at_mut(outline.dies.len().min(values.len()));
            parts.push(part);
            values = rest;
        }
        parts
    }
}
