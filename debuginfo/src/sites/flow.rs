//! Following the results of allocation calls through one function.
//!
//! A forward analysis over the function's [`Graph`] to a fixed point, then once more over each block to note what is seen: where the
//! block's address meets a variable of the debug info, is stored, is handed to another function, or is returned. Paths are not told
//! apart, but for one thing: where a test says that the allocation failed, nothing is followed, since compilers use the register as
//! the zero that it then is.
//!
//! What it does not do: follow a block through memory other than the frame, or into other functions (`find` does that by wrappers).

use super::allocator::{self, Allocator, Asked, Handed};
use super::graph::{Edge, Graph};
use super::pointee::{Pointee, begins_with};
use super::program::{Program, Target};
use super::seen::{Landing, Seen, Size};
use super::spot::Spot;
use super::state::State;
use super::value::{Gpr, Known, Value};
use super::variables::{Base, Home, Located, Variables};
use crate::table::{Address, Encoding, Function, Kind, Type};
use iced_x86::Instruction;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// How often each block is looked at, on average, before the analysis gives up. Real functions settle after some 3.
const MOST_ROUNDS: usize = 60;

/// A call whose result is followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watched {
    pub(super) call: Address,
    pub(super) allocator: Allocator,
}

/// The analysis of one function.
pub(super) struct Flow<'f, 'r, 'a> {
    pub(super) program: &'f Program<'r, 'a>,
    pub(super) function: Option<Function<'r>>,
    pub(super) variables: &'f Variables<'r>,
    /// By the call's address: an index into the watched calls, and how the call allocates.
    watched: FxHashMap<u64, (u16, Allocator)>,
}

/// What is noted of each watched call.
pub(super) type Notes<'n, 'r> = Option<&'n mut [Seen<'r>]>;

impl<'f, 'r, 'a> Flow<'f, 'r, 'a> {
    /// What is seen of each of the watched calls, in their order. `None`: the function is too large.
    pub(super) fn follow(
        program: &'f Program<'r, 'a>,
        function: Option<Function<'r>>,
        variables: &'f Variables<'r>,
        graph: &Graph,
        watched: &[Watched],
    ) -> Option<Vec<Seen<'r>>> {
        let by_address = watched
            .iter()
            .enumerate()
            .map(|(index, watched)| Some((watched.call.0, (u16::try_from(index).ok()?, watched.allocator))));
        let flow = Flow { program, function, variables, watched: by_address.collect::<Option<_>>()? };
        let states = flow.settle(graph)?;
        let mut seen = vec![Seen::default(); watched.len()];
        for (block, state) in graph.blocks.iter().zip(states) {
            let Some(mut state) = state else { continue };
            for instruction in graph.instructions.get(block.first..block.end).unwrap_or_default() {
                flow.note_variables(&state, instruction.ip(), &mut seen);
                flow.step(&mut state, instruction, Some(&mut seen));
            }
        }
        Some(seen)
    }

    /// The state before each block. `None`: no path leads there.
    fn settle(&self, graph: &Graph) -> Option<Vec<Option<State>>> {
        let mut states: Vec<Option<State>> = vec![None; graph.blocks.len()];
        let entry = self.function.and_then(|function| function.code()).map(|code| code.0.0);
        let first = entry.and_then(|entry| graph.block_at(entry)).unwrap_or(0);
        *states.get_mut(first)? = Some(State::entry());
        let mut work = BTreeSet::from([first]);
        let mut left = graph.blocks.len().saturating_mul(MOST_ROUNDS);
        while let Some(index) = work.pop_first() {
            left = left.checked_sub(1)?;
            let (Some(block), Some(Some(state))) = (graph.blocks.get(index), states.get(index)) else {
                continue;
            };
            let mut state = state.clone();
            for instruction in graph.instructions.get(block.first..block.end).unwrap_or_default() {
                self.step(&mut state, instruction, None);
            }
            for (next, how) in &block.next {
                let assumed;
                let from = if *how == Edge::IfZero && state.tested().is_some() {
                    assumed = {
                        let mut zero = state.clone();
                        zero.assume_zero();
                        zero
                    };
                    &assumed
                } else {
                    &state
                };
                let changed = match states.get_mut(*next) {
                    Some(Some(to)) => to.join(from),
                    Some(none) => {
                        *none = Some(from.clone());
                        true
                    }
                    None => false,
                };
                if changed {
                    work.insert(*next);
                }
            }
        }
        Some(states)
    }

    pub(super) fn watched(&self, address: u64) -> Option<(u16, Allocator)> {
        self.watched.get(&address).copied()
    }

    /// The blocks in registers, against the variables that are in them at an instruction.
    fn note_variables(&self, state: &State, address: u64, seen: &mut [Seen<'r>]) {
        for register in Gpr::all() {
            let blocks = state.get(register).blocks;
            if blocks.is_empty() {
                continue;
            }
            for located in self.in_register(register, address) {
                let Home::Register(_, plus) = located.home else { continue };
                for held in blocks.iter().filter(|held| held.offset.checked_add(plus) == Some(0)) {
                    self.note(seen, held.site, located.ty, self.landing(located, held.site), address, || {
                        self.name(located)
                    });
                }
            }
        }
    }

    /// What a variable says of a block is strong where it belongs to the function, or to the inlined one, that makes the call.
    fn landing(&self, located: &Located<'r>, site: u16) -> Landing {
        let call = self.watched.iter().find(|(_, (index, _))| *index == site).map_or(0, |(call, _)| *call);
        if self.variables.is_foreign(located, call) { Landing::Inlined } else { Landing::Variable }
    }

    fn name(&self, located: &Located<'r>) -> String {
        self.variables.names.get(located.name).cloned().unwrap_or_default()
    }

    pub(super) fn note(
        &self,
        seen: &mut [Seen<'r>],
        site: u16,
        pointer: Type<'r>,
        landing: Landing,
        address: u64,
        name: impl FnOnce() -> String,
    ) {
        let Some(seen) = seen.get_mut(usize::from(site)) else { return };
        match Pointee::of(pointer) {
            Some(Pointee::Object(ty)) => seen.add(ty, landing, Address(address), name),
            Some(Pointee::Bytes) => seen.as_bytes = true,
            _ => {}
        }
    }

    fn in_register(&self, register: Gpr, address: u64) -> impl Iterator<Item = &Located<'r>> {
        let located = self.variables.in_registers.get(register.index()).into_iter().flatten();
        located.filter(move |located| located.covers(address))
    }

    /// The object that a register points into, and how far: as a variable in it says, or as what was loaded into it.
    pub(super) fn pointer_in(&self, state: &State, register: Gpr, address: u64) -> Option<(Type<'r>, i64)> {
        let mut found: Option<(Type<'r>, i64)> = None;
        for located in self.in_register(register, address) {
            let Home::Register(_, plus) = located.home else { continue };
            let Some(Pointee::Object(ty)) = Pointee::of(located.ty) else { continue };
            found = match found {
                None => Some((ty, plus.wrapping_neg())),
                Some((before, offset)) if offset == plus.wrapping_neg() && begins_with(before, ty) => found,
                Some((before, offset)) if offset == plus.wrapping_neg() && begins_with(ty, before) => {
                    Some((ty, offset))
                }
                Some(_) => return None,
            };
        }
        found.or_else(|| self.object(state.get(register).known))
    }

    /// The object that a known value points into.
    pub(super) fn object(&self, known: Known) -> Option<(Type<'r>, i64)> {
        match known {
            Known::Pointer(ty, offset) => Some((self.program.table.ty(ty)?, offset)),
            Known::Entry(register, plus) => {
                let mut parameters = self.variables.parameters.iter();
                let (_, ty) = parameters.find(|(parameter, _)| *parameter == register)?;
                Some((Pointee::of(*ty)?.object()?, plus))
            }
            _ => None,
        }
    }

    /// The variables that hold a slot of the frame at an instruction, each with the slot's offset in it. `next` is the address behind
    /// the instruction: places that hold from there on are set by it.
    pub(super) fn over_slot(
        &self,
        state: &State,
        slot: i64,
        address: u64,
        next: u64,
    ) -> impl Iterator<Item = (&Located<'r>, u64)> {
        self.variables.in_memory.iter().filter_map(move |located| {
            if !located.covers(if located.always { address } else { next }) {
                return None;
            }
            let Home::Memory(base, offset) = located.home else { return None };
            let start = match base {
                Base::Frame => offset,
                Base::Register(register) => match state.get(register).known {
                    Known::Frame(frame) => frame.checked_add(offset)?,
                    _ => return None,
                },
            };
            let into = u64::try_from(slot.checked_sub(start)?).ok()?;
            (into < located.ty.size().unwrap_or(0)).then_some((located, into))
        })
    }

    /// A value is stored.
    pub(super) fn store(
        &self,
        state: &mut State,
        spot: Spot<'r>,
        value: Value,
        size: i64,
        instruction: &Instruction,
        notes: Notes<'_, 'r>,
    ) {
        if let Some(seen) = notes {
            for held in value.blocks.iter() {
                self.note_store(state, spot, held.site, held.offset, instruction, seen);
            }
        }
        if let Spot::Slot(offset) = spot {
            state.write(offset, size, value);
        }
    }

    pub(super) fn note_store(
        &self,
        state: &State,
        spot: Spot<'r>,
        site: u16,
        offset: i64,
        instruction: &Instruction,
        seen: &mut [Seen<'r>],
    ) {
        let address = instruction.ip();
        if let Spot::Through(register, 0, Some(slot)) = spot
            && Pointee::of(slot).is_some_and(Pointee::is_silent)
            && let Some(seen) = seen.get_mut(usize::from(site))
        {
            seen.stored.insert((register, offset));
        }
        if offset != 0 {
            return;
        }
        if let Spot::Slot(slot) = spot {
            let over: Vec<_> = self.over_slot(state, slot, address, instruction.next_ip()).collect();
            for (located, into) in over {
                let Some(place) = located.ty.place(into).filter(|place| place.rest == 0) else { continue };
                let landing = self.landing(located, site);
                self.note(seen, site, place.ty, landing, address, || self.name(located) + &place.path);
            }
        } else if let Some(stored) = self.stored_at(spot) {
            let landing = stored.landing;
            self.note(seen, site, stored.pointer, landing, address, || stored.name);
        }
    }

    /// A call, or a jump that is one: what is handed over.
    pub(super) fn note_arguments(&self, state: &State, target: Target, address: u64, seen: &mut [Seen<'r>]) {
        let holds = |register: &Gpr| state.get(*register).blocks.iter().any(|held| held.offset == 0);
        if !Gpr::ARGUMENTS.iter().any(holds) {
            return;
        }
        for (register, ty) in self.program.parameters(target).iter() {
            for held in state.get(*register).blocks.iter().filter(|held| held.offset == 0) {
                let name = || self.program.name(target).unwrap_or_default().to_owned();
                self.note(seen, held.site, *ty, Landing::Argument, address, name);
            }
        }
    }

    /// How much an allocation asks for, as number and in terms of this function's own arguments.
    pub(super) fn note_call(
        &self,
        state: &State,
        site: u16,
        allocator: &Allocator,
        instruction: &Instruction,
        seen: &mut [Seen<'r>],
    ) {
        let address = instruction.ip();
        let returned = allocator.returns.and_then(|ty| self.program.table.ty(ty));
        if let Some(seen) = seen.get_mut(usize::from(site)) {
            seen.reached = true;
            (seen.size, seen.asked) = size(state, allocator.asked);
            if let Some(ty) = returned {
                seen.add(ty, Landing::Returned, Address(address), || "by the function called".to_owned());
            }
            seen.resized = allocator.resized.and_then(|register| match state.get(register).known {
                Known::Entry(from, 0) => Some(from),
                _ => None,
            });
            if let Some(register) = allocator.resized
                && let Some((ty, 0)) = self.pointer_in(state, register, address)
            {
                seen.add(ty, Landing::Resized, Address(address), String::new);
            }
        }
        if let Handed::Stored(register) = allocator.handed {
            let spot = self.spot_of(state, register, address);
            self.note_store(state, spot, site, 0, instruction, seen);
        }
    }

    /// A function returns.
    pub(super) fn note_return(&self, state: &State, address: u64, seen: &mut [Seen<'r>]) {
        let Some(returns) = self.function.and_then(|function| function.returns()) else { return };
        let Some(pointee) = Pointee::of(returns) else {
            self.note_returned_members(state, returns, address, seen);
            return;
        };
        for held in state.get(Gpr::RAX).blocks.iter() {
            let Some(seen) = seen.get_mut(usize::from(held.site)) else { continue };
            match pointee {
                Pointee::Object(ty) if held.offset == 0 => {
                    seen.add(ty, Landing::Returned, Address(address), String::new);
                }
                _ if pointee.is_silent() => {
                    seen.returned.insert(held.offset);
                }
                _ => {}
            }
        }
    }

    /// A structure of up to 16 bytes is returned in two registers (System V ABI for AMD64, 3.2.3).
    fn note_returned_members(&self, state: &State, returns: Type<'r>, address: u64, seen: &mut [Seen<'r>]) {
        let is_number =
            |place: &crate::table::Place<'_>| matches!(place.ty.kind(), Kind::Base(Encoding::Float));
        if returns.size().is_none_or(|size| size > 16)
            || returns.place(0).is_none_or(|place| is_number(&place))
        {
            return;
        }
        for (register, offset) in [(Gpr::RAX, 0), (Gpr::RDX, 8)] {
            let Some(place) = returns.place(offset).filter(|place| place.rest == 0) else { continue };
            for held in state.get(register).blocks.iter().filter(|held| held.offset == 0) {
                let outer = returns.name().unwrap_or_default();
                self.note(seen, held.site, place.ty, Landing::Member, address, || {
                    outer.to_owned() + &place.path
                });
            }
        }
    }

    /// What a call leaves in the register that it returns in, besides blocks of watched ones.
    pub(super) fn result(&self, state: &State, target: Option<Target>) -> Value {
        let Some(target) = target else { return Value::UNKNOWN };
        if matches!(target, Target::Imported(_))
            && self.program.name(target).is_some_and(allocator::returns_first_argument)
        {
            return state.get(Gpr::ARGUMENTS[0]);
        }
        let returns = self.program.function(target).and_then(|function| function.returns());
        returns.map_or(Value::UNKNOWN, pointer)
    }
}

/// What is known of a value of a pointer's type.
pub(super) fn pointer(ty: Type<'_>) -> Value {
    let object = Pointee::of(ty).and_then(Pointee::object).and_then(Type::resolved);
    object.map_or(Value::UNKNOWN, |object| Value::of(Known::Pointer(object.id(), 0)))
}

fn size(state: &State, asked: Asked) -> (Size, Asked) {
    let known = |register: Gpr| state.get(register).known;
    match asked {
        Asked::Unknown => (Size::Unknown, Asked::Unknown),
        Asked::Bytes(register, plus) => match known(register) {
            Known::Constant(number) => (Size::Bytes(number.wrapping_add_signed(plus)), Asked::Unknown),
            Known::Multiple(of) if plus == 0 => (Size::MultipleOf(of), Asked::Unknown),
            Known::Entry(from, more) | Known::Roughly(from, more) => {
                (Size::Unknown, Asked::Bytes(from, more.wrapping_add(plus)))
            }
            _ => (Size::Unknown, Asked::Unknown),
        },
        Asked::Elements { count, size } => match (known(count), known(size)) {
            (Known::Constant(count), Known::Constant(size)) => {
                (Size::Elements { count: Some(count), size }, Asked::Unknown)
            }
            (Known::Constant(1), Known::Entry(from, plus))
            | (Known::Entry(from, plus), Known::Constant(1)) => (Size::Unknown, Asked::Bytes(from, plus)),
            (_, Known::Constant(size)) => (Size::Elements { count: None, size }, Asked::Unknown),
            (
                Known::Entry(count, 0) | Known::Roughly(count, 0),
                Known::Entry(size, 0) | Known::Roughly(size, 0),
            ) => (Size::Unknown, Asked::Elements { count, size }),
            _ => (Size::Unknown, Asked::Unknown),
        },
    }
}
