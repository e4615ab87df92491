//! What the second pass has at hand: all units, their outlines, and which types are the same.

use super::error::Fault;
use super::graph::Graph;
use super::limits::Budget;
use super::merge::Classes;
use super::outline::{Outline, at};
use super::source::Source;
use crate::dwarf::{DieRef, Dwarf, Unit};
use crate::table::TypeId;

pub(super) struct Whole<'w, 'a> {
    pub(super) dwarf: &'w Dwarf<'a>,
    /// `None`: a skeleton, whose split unit is among the others.
    pub(super) units: &'w [Option<Unit<'a>>],
    pub(super) graph: &'w Graph<'a>,
    pub(super) classes: &'w Classes,
    pub(super) budget: &'w Budget,
}

/// A fault, and the unit that it is in.
pub(super) type Faulty = (usize, Fault);

impl<'w, 'a> Whole<'w, 'a> {
    pub(super) fn source(&self, unit: usize) -> Option<Source<'w, 'a>> {
        let unit = self.units.get(unit)?.as_ref()?;
        Some(Source::new(self.dwarf, unit, self.budget, None))
    }

    pub(super) fn outline(&self, unit: usize) -> Option<&'w Outline<'a>> {
        self.graph.outlines.get(unit)
    }

    /// The type in the table that a type of some unit became. Classes are added in order, so that their numbers are the table's.
    pub(super) fn type_of(&self, node: u32) -> Option<TypeId> {
        self.classes.of(node).map(TypeId)
    }

    /// The same, of an entry.
    pub(super) fn type_at(&self, die: Option<DieRef>) -> Option<TypeId> {
        self.type_of(self.graph.node(die?)?)
    }
}

/// The place of a unit among all.
pub(super) fn unit_of(die: DieRef) -> usize {
    at(die.unit.0)
}
