//! A unit, and what its attributes may refer to.

use super::error::Fault;
use super::limits::Budget;
use super::plan::Plans;
use super::text::Memo;
use crate::dwarf::{DieRef, Dwarf, Slice, Unit, UnitId};
use std::cell::{Cell, RefCell};

/// A unit that is being read.
pub(super) struct Source<'u, 'a> {
    pub(super) dwarf: &'u Dwarf<'a>,
    pub(super) unit: &'u Unit<'a>,
    budget: &'u Budget,
    /// Of the main file's strings; none where the unit is in another.
    pub(super) memo: Option<&'u Memo>,
    pub(super) plans: RefCell<Plans>,
    /// Bytes of names that the budget does not know of yet.
    names: Cell<u64>,
    fault: Cell<Option<Fault>>,
    failed: Cell<bool>,
}

/// How many bytes of names are read before the budget is asked.
const INSTALMENT: u64 = 1 << 20;

/// Where an attribute leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Reference {
    /// Nowhere: there is none, or it is damaged.
    #[default]
    None,
    /// Into its own unit.
    Here(u32),
    /// Into another unit.
    There(DieRef),
}

impl<'u, 'a> Source<'u, 'a> {
    pub(super) fn new(
        dwarf: &'u Dwarf<'a>,
        unit: &'u Unit<'a>,
        budget: &'u Budget,
        memo: Option<&'u Memo>,
    ) -> Source<'u, 'a> {
        let memo = memo.filter(|_| dwarf.file(unit.id) == dwarf.file(UnitId(0)));
        Source {
            dwarf,
            unit,
            budget,
            memo,
            plans: RefCell::default(),
            names: Cell::new(0),
            fault: Cell::new(None),
            failed: Cell::new(false),
        }
    }

    pub(super) fn budget(&self) -> &'u Budget {
        self.budget
    }

    /// Takes the room of abbreviations that another unit has used.
    pub(super) fn with_room_of(self, plans: Plans) -> Source<'u, 'a> {
        Source { plans: RefCell::new(plans.cleared()), ..self }
    }

    /// Keeps the first fault. Nothing more is read.
    #[cold]
    pub(super) fn fail(&self, fault: Fault) {
        if !self.failed.replace(true) {
            self.fault.set(Some(fault));
        }
    }

    #[inline]
    pub(super) fn has_failed(&self) -> bool {
        self.failed.get()
    }

    /// The first fault, if there was one. What was read before it is not complete.
    pub(super) fn settle(&self) -> Result<(), Fault> {
        self.pay();
        match self.fault.get() {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    #[inline]
    pub(super) fn account(&self, bytes: usize) {
        let names = self.names.get().saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.names.set(names);
        if names > INSTALMENT {
            self.pay();
        }
    }

    fn pay(&self) {
        if let Err(excess) = self.budget.names(self.names.take()) {
            self.fail(excess.into());
        }
    }

    /// Where a reference out of the unit leads.
    pub(super) fn resolve(&self, value: gimli::AttributeValue<Slice<'a>>) -> Reference {
        match self.dwarf.resolve(self.unit, value) {
            Some(die) if die.unit == self.unit.id => Reference::Here(die.offset),
            Some(die) => Reference::There(die),
            None => Reference::None,
        }
    }
}
