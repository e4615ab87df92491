//! What the second pass has at hand: all units, their outlines, and which types are the same.

use super::error::Fault;
use super::graph::Graph;
use super::limits::Budget;
use super::merge::Classes;
use super::names::Opened;
use super::outline::{Outline, at};
use super::source::Source;
use crate::dwarf::{DieRef, Dwarf, Unit, UnitId};
use crate::table::TypeId;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;

pub(super) struct Whole<'w, 'a> {
    pub(super) dwarf: &'w Dwarf<'a>,
    /// `None`: a skeleton, whose split unit is among the others.
    pub(super) units: &'w [Option<Unit<'a>>],
    pub(super) graph: &'w Graph<'a>,
    pub(super) classes: &'w Classes,
    pub(super) budget: &'w Budget,
}

/// A fault, and the unit that it is in.
pub(super) type Faulty = (UnitId, Fault);

impl<'w, 'a> Whole<'w, 'a> {
    /// `None`: a skeleton, or none at all.
    pub(super) fn unit(&self, id: UnitId) -> Option<&'w Unit<'a>> {
        self.units.get(at(id.0))?.as_ref()
    }

    fn source(&self, id: UnitId) -> Option<Source<'w, 'a>> {
        let unit = self.unit(id)?;
        Some(Source::new(self.dwarf, unit, self.budget, None))
    }

    pub(super) fn outline(&self, id: UnitId) -> Option<&'w Outline<'a>> {
        self.graph.outlines.get(at(id.0))
    }

    /// A unit, to read some of its entries.
    pub(super) fn opened(&self, unit: UnitId) -> Option<Opened<'w, 'a>> {
        Some(Opened::new(self.source(unit)?, self.outline(unit)?))
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

/// The units that one thread has opened.
pub(super) struct Desk<'w, 'a> {
    whole: &'w Whole<'w, 'a>,
    opened: FxHashMap<UnitId, Opened<'w, 'a>>,
}

impl<'w, 'a> Desk<'w, 'a> {
    pub(super) fn new(whole: &'w Whole<'w, 'a>) -> Desk<'w, 'a> {
        Desk { whole, opened: FxHashMap::default() }
    }

    /// `None`: a skeleton, or none at all.
    pub(super) fn unit(&mut self, unit: UnitId) -> Option<&mut Opened<'w, 'a>> {
        match self.opened.entry(unit) {
            Entry::Occupied(entry) => Some(entry.into_mut()),
            Entry::Vacant(entry) => Some(entry.insert(self.whole.opened(unit)?)),
        }
    }

    /// The first fault in any of them, and the unit that it is in.
    pub(super) fn settle(&self) -> Result<(), Faulty> {
        let mut units: Vec<UnitId> = self.opened.keys().copied().collect();
        units.sort_unstable();
        let faults =
            units.iter().filter_map(|unit| Some((*unit, self.opened.get(unit)?.source.settle().err()?)));
        faults.map(Err).next().unwrap_or(Ok(()))
    }
}

/// How many functions or variables a thread takes at once.
const SHARE: usize = 256;

/// How many are described before they are added to the table: what is described is kept that long.
const BATCH: usize = 8192;

/// Describes things on all cores and takes the descriptions in order.
pub(super) fn in_batches<'w, 'a, P: Copy + Sync, D: Send>(
    whole: &'w Whole<'w, 'a>,
    places: &[P],
    describe: impl Fn(&mut Desk<'w, 'a>, P) -> D + Sync,
    mut take: impl FnMut(D),
) -> Result<(), Faulty> {
    for batch in places.chunks(BATCH) {
        let shares: Vec<Result<Vec<D>, Faulty>> = batch
            .par_chunks(SHARE)
            .map(|share| {
                let mut desk = Desk::new(whole);
                let described = share.iter().map(|place| describe(&mut desk, *place)).collect();
                desk.settle()?;
                Ok(described)
            })
            .collect();
        for share in shares {
            share?.into_iter().for_each(&mut take);
        }
    }
    Ok(())
}
