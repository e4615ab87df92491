//! What all registers and stack slots hold at one point of a function.

use super::value::{Blocks, Gpr, Known, Value};
use std::collections::BTreeMap;

/// Slots that are followed at once. Frames of real functions use some hundreds.
const MOST_SLOTS: usize = 1024;

/// A place that a value can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Register(Gpr),
    /// Eight bytes, so far from the canonical frame address.
    Slot(i64),
}

/// At one point of a function. Slots are 8 bytes; what is not listed is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    registers: [Value; Gpr::COUNT],
    slots: BTreeMap<i64, Value>,
    /// The flags say whether this place is zero.
    tested: Option<Place>,
}

impl State {
    /// On entry to a function: the return address is the word below the canonical frame address.
    pub(super) fn entry() -> State {
        let mut state = State::default();
        for register in Gpr::all() {
            state.set(register, Value::of(Known::Entry(register, 0)));
        }
        state.set(Gpr::RSP, Value::of(Known::Frame(-8)));
        state
    }

    pub(super) fn get(&self, register: Gpr) -> Value {
        self.registers.get(register.index()).copied().unwrap_or_default()
    }

    pub(super) fn set(&mut self, register: Gpr, value: Value) {
        if self.tested == Some(Place::Register(register)) {
            self.tested = None;
        }
        if let Some(place) = self.registers.get_mut(register.index()) {
            *place = value;
        }
    }

    pub(super) fn slot(&self, offset: i64) -> Value {
        self.slots.get(&offset).copied().unwrap_or_default()
    }

    pub(super) fn at(&self, place: Place) -> Value {
        match place {
            Place::Register(register) => self.get(register),
            Place::Slot(offset) => self.slot(offset),
        }
    }

    /// Writes `size` bytes at an offset of the frame. Only what fills a slot is kept.
    pub(super) fn write(&mut self, offset: i64, size: i64, value: Value) {
        let end = offset.saturating_add(size.max(1));
        let touched: Vec<i64> =
            self.slots.range(offset.saturating_sub(7)..end).map(|(slot, _)| *slot).collect();
        for slot in touched {
            self.slots.remove(&slot);
        }
        if matches!(self.tested, Some(Place::Slot(_))) {
            self.tested = None;
        }
        if size == 8 && !value.is_unknown() && self.slots.len() < MOST_SLOTS {
            self.slots.insert(offset, value);
        }
    }

    /// All slots from an offset on are written in a way that is not followed.
    pub(super) fn forget_from(&mut self, offset: i64) {
        self.slots.split_off(&offset.saturating_sub(7));
        self.tested = None;
    }

    /// What a call may change is not known any more: registers that it does not keep, and what it may write through a pointer into
    /// the frame. Which blocks are there is remembered: a variable that is written keeps its type.
    pub(super) fn call(&mut self) {
        let lowest = Gpr::ARGUMENTS.iter().filter_map(|register| match self.get(*register).known {
            Known::Frame(offset) => Some(offset),
            _ => None,
        });
        if let Some(lowest) = lowest.min() {
            for (_, value) in self.slots.range_mut(lowest..) {
                value.known = Known::Nothing;
            }
        }
        for register in Gpr::CALLER_SAVED {
            self.set(register, Value::UNKNOWN);
        }
        self.tested = None;
    }

    /// An allocation is about to be made again.
    pub(super) fn age(&mut self, site: u16) {
        self.for_each(|value| *value = value.aged(site));
    }

    fn for_each(&mut self, mut change: impl FnMut(&mut Value)) {
        self.registers.iter_mut().for_each(&mut change);
        self.slots.values_mut().for_each(&mut change);
    }

    pub(super) fn test(&mut self, place: Option<Place>) {
        self.tested = place;
    }

    /// On the way taken if the tested place is zero: a block that is there was not made.
    pub(super) fn assume_zero(&mut self) {
        let Some(place) = self.tested else { return };
        let blocks: Blocks = self.at(place).blocks;
        for held in blocks.iter().filter(|held| held.offset == 0) {
            if held.must {
                self.for_each(|value| *value = value.without(held.site));
            } else {
                self.change(place, |value| value.without(held.site));
            }
        }
        self.change(place, |value| Value { known: Known::Constant(0), ..value });
    }

    /// What a value is if the tested place is zero.
    pub(super) fn if_zero(&self, value: Value) -> Value {
        let blocks = self.tested.map_or_else(Blocks::default, |place| self.at(place).blocks);
        let failed = blocks.iter().filter(|held| held.offset == 0 && held.must);
        failed.fold(value, |value, held| value.without(held.site))
    }

    fn change(&mut self, place: Place, change: impl Fn(Value) -> Value) {
        let value = match place {
            Place::Register(register) => self.registers.get_mut(register.index()),
            Place::Slot(offset) => self.slots.get_mut(&offset),
        };
        if let Some(value) = value {
            *value = change(*value);
        }
    }

    /// Whether the flags tell if some place is zero.
    pub(super) fn tested(&self) -> Option<Place> {
        self.tested
    }

    /// Another path comes to the same point. Says whether that brought anything new.
    pub(super) fn join(&mut self, other: &State) -> bool {
        let mut changed = false;
        for (to, from) in self.registers.iter_mut().zip(&other.registers) {
            changed |= meet(to, *from);
        }
        for (slot, to) in &mut self.slots {
            changed |= meet(to, other.slot(*slot));
        }
        for (slot, from) in &other.slots {
            if !self.slots.contains_key(slot) && self.slots.len() < MOST_SLOTS {
                let value = Value::UNKNOWN.join(*from);
                if !value.is_unknown() {
                    self.slots.insert(*slot, value);
                    changed = true;
                }
            }
        }
        if self.tested.is_some() && self.tested != other.tested {
            self.tested = None;
            changed = true;
        }
        changed
    }
}

fn meet(to: &mut Value, from: Value) -> bool {
    let joined = to.join(from);
    let changed = joined != *to;
    *to = joined;
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_the_way_of_a_failed_allocation_no_block_is_anywhere() {
        let mut state = State::entry();
        let rbx = Gpr::of(iced_x86::Register::RBX).unwrap();
        state.set(Gpr::RAX, Value::block(0));
        state.set(rbx, Value::block(0));
        state.write(-24, 8, Value::block(0).plus(16));
        state.test(Some(Place::Register(rbx)));
        state.assume_zero();
        assert!(state.get(Gpr::RAX).blocks.is_empty() && state.get(rbx).blocks.is_empty());
        assert!(state.slot(-24).blocks.is_empty());
    }

    #[test]
    fn a_write_that_overlaps_a_slot_ends_what_was_known_of_it() {
        let mut state = State::entry();
        state.write(-24, 8, Value::block(0));
        state.write(-20, 4, Value::UNKNOWN);
        assert!(state.slot(-24).is_unknown());
    }

    #[test]
    fn joining_ends_because_nothing_comes_back() {
        let (mut left, mut right) = (State::entry(), State::entry());
        left.write(-24, 8, Value::block(0));
        right.write(-24, 8, Value::of(Known::Constant(7)));
        assert!(left.join(&right));
        assert!(!left.join(&right));
    }
}
