//! The entries of one binary's debug info, as far as they are about functions' variables: read on demand, units kept once they were read.

use super::unavailable::Unavailable;
use crate::dwarf::{DieRef, Dwarf, DwarfError, Slice, Unit, UnitId};
use crate::table::{Address, Function, Table};
use gimli::{AttributeValue, DebuggingInformationEntry, DwAt, UnitOffset};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

/// How far entries refer to others for what they do not say themselves. Real chains have up to three.
const ORIGINS_MAX: usize = 8;

pub(super) type Die<'d> = DebuggingInformationEntry<Slice<'d>>;
pub(super) type Value<'d> = AttributeValue<Slice<'d>>;

/// Debug info of a binary.
pub(crate) struct Locals<'d> {
    dwarf: &'d Dwarf<'d>,
    pub(super) table: &'d Table,
    units: Mutex<FxHashMap<UnitId, Arc<Unit<'d>>>>,
}

/// An entry, with the unit that it is read with.
#[derive(Clone)]
pub(super) struct Entry<'d> {
    pub(super) unit: Arc<Unit<'d>>,
    pub(super) die: Die<'d>,
}

impl<'d> Entry<'d> {
    pub(super) fn reference(&self) -> Option<DieRef> {
        Some(DieRef { unit: self.unit.id, offset: u32::try_from(self.die.offset().0).ok()? })
    }
}

impl<'d> Locals<'d> {
    pub(super) fn new(dwarf: &'d Dwarf<'d>, table: &'d Table) -> Locals<'d> {
        Locals { dwarf, table, units: Mutex::default() }
    }

    pub(super) fn unit(&self, id: UnitId) -> Result<Arc<Unit<'d>>, Unavailable> {
        let nowhere = Unavailable::Damaged(gimli::Error::OffsetOutOfBounds(u64::from(id.0)));
        if self.dwarf.unit_ids().len() <= usize::try_from(id.0).unwrap_or(usize::MAX) {
            return Err(nowhere);
        }
        let mut units = self.units.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(unit) = units.get(&id) {
            return Ok(Arc::clone(unit));
        }
        let unit = self.dwarf.unit(id).map_err(|error| match error {
            DwarfError::Damaged { source, .. } => Unavailable::Damaged(source),
            _ => nowhere,
        })?;
        let unit = Arc::new(unit);
        units.insert(id, Arc::clone(&unit));
        Ok(unit)
    }

    pub(super) fn entry(&self, at: DieRef) -> Result<Entry<'d>, Unavailable> {
        let unit = self.unit(at.unit)?;
        let die = unit.unit.entry(offset_of(at))?;
        Ok(Entry { unit, die })
    }

    pub(super) fn resolve(&self, unit: &Unit<'d>, value: Value<'d>) -> Option<DieRef> {
        self.dwarf.resolve(unit, value)
    }

    pub(super) fn origin(&self, unit: &Unit<'d>, die: &Die<'d>) -> Option<DieRef> {
        let value = die.attr_value(gimli::DW_AT_abstract_origin);
        self.resolve(unit, value.or_else(|| die.attr_value(gimli::DW_AT_specification))?)
    }

    /// The function that has code at an address: its entry, and what the table says of it.
    pub(super) fn function_at(&self, address: Address) -> Option<(DieRef, Function<'d>)> {
        let function = self.table.function_at(address)?;
        Some((die_of(function), function))
    }

    /// An attribute that the entry has or takes over from those that it refers to.
    pub(super) fn inherited(
        &self,
        unit: &Arc<Unit<'d>>,
        die: &Die<'d>,
        name: DwAt,
    ) -> Option<(Arc<Unit<'d>>, Value<'d>)> {
        if let Some(value) = die.attr_value(name) {
            return Some((Arc::clone(unit), value));
        }
        let mut next = self.origin(unit, die);
        for _ in 0..ORIGINS_MAX {
            let entry = self.entry(next?).ok()?;
            if let Some(value) = entry.die.attr_value(name) {
                return Some((entry.unit, value));
            }
            next = self.origin(&entry.unit, &entry.die);
        }
        None
    }

    /// The entry that an entry is in the end about: the end of its chain of origins.
    pub(super) fn root(&self, mut at: DieRef) -> DieRef {
        for _ in 0..ORIGINS_MAX {
            let Ok(entry) = self.entry(at) else { break };
            let Some(next) = self.origin(&entry.unit, &entry.die) else { break };
            at = next;
        }
        at
    }

    pub(super) fn name(&self, unit: &Arc<Unit<'d>>, die: &Die<'d>) -> Option<Cow<'d, str>> {
        self.string(unit, die, gimli::DW_AT_name)
    }

    pub(super) fn string(&self, unit: &Arc<Unit<'d>>, die: &Die<'d>, name: DwAt) -> Option<Cow<'d, str>> {
        let (unit, value) = self.inherited(unit, die, name)?;
        let text = unit.unit_ref().attr_string(value).ok()?;
        Some(String::from_utf8_lossy(text.slice()))
    }

    pub(super) fn line(&self, unit: &Arc<Unit<'d>>, die: &Die<'d>) -> u32 {
        let line = self.inherited(unit, die, gimli::DW_AT_decl_line).and_then(|(_, line)| line.udata_value());
        line.and_then(|line| u32::try_from(line).ok()).unwrap_or(0)
    }
}

/// Reads an entry and all that are below it, in order. `visit` says whether to look below an entry; a depth of 0 is the entry itself.
pub(super) fn walk<'d>(
    unit: &Unit<'d>,
    at: DieRef,
    mut visit: impl FnMut(&Die<'d>, isize) -> Result<bool, Unavailable>,
) -> Result<(), Unavailable> {
    let mut entries = unit.unit.entries_raw(Some(offset_of(at)))?;
    let mut die = Die::default();
    // Entries at this depth or deeper are below one that is not to be looked below.
    let mut skipped = isize::MAX;
    while !entries.is_empty() {
        let is_entry = entries.read_entry(&mut die)?;
        let depth = die.depth();
        if is_entry && depth < skipped {
            skipped = if visit(&die, depth)? { isize::MAX } else { depth + 1 };
        }
        if entries.next_depth() <= 0 {
            break;
        }
    }
    Ok(())
}

/// Whether the code of an entry (a function, a block) has an address in it. `None`: it has no code of its own.
pub(super) fn covers<'d>(
    unit: &Unit<'d>,
    die: &Die<'d>,
    Address(address): Address,
) -> Result<Option<bool>, Unavailable> {
    let dwarf = unit.unit_ref();
    if let Some(ranges) = die.attr_value(gimli::DW_AT_ranges) {
        let Some(mut ranges) = dwarf.attr_ranges(ranges)? else { return Ok(None) };
        while let Some(range) = ranges.next()? {
            if range.begin <= address && address < range.end {
                return Ok(Some(true));
            }
        }
        return Ok(Some(false));
    }
    let Some(low) = die.attr_value(gimli::DW_AT_low_pc) else { return Ok(None) };
    let Some(low) = dwarf.attr_address(low)? else { return Ok(None) };
    let high = match die.attr_value(gimli::DW_AT_high_pc) {
        None => return Ok(None),
        Some(AttributeValue::Udata(size)) => low.checked_add(size),
        Some(value) => dwarf.attr_address(value)?,
    };
    Ok(Some(low <= address && high.is_some_and(|high| address < high)))
}

pub(super) fn die_of(function: Function<'_>) -> DieRef {
    DieRef { unit: UnitId(function.unit_id().0), offset: function.die() }
}

pub(super) fn offset_of(at: DieRef) -> UnitOffset {
    UnitOffset(usize::try_from(at.offset).unwrap_or(usize::MAX))
}
