//! Where an operand in memory lies, and what pointer is declared to be there.

use super::flow::Flow;
use super::pointee::{Pointee, flexible_from};
use super::seen::Landing;
use super::state::State;
use super::value::{Gpr, Known};
use crate::table::{Address, Kind, Type};
use iced_x86::{Instruction, Register};

/// A place in memory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spot<'t> {
    /// It is not known.
    Unknown,
    /// In the frame, so far from the canonical frame address.
    Slot(i64),
    /// A variable of the program, or so many bytes times an index behind it.
    Global(u64, Option<u64>),
    /// So far into an object, or so many bytes times an index further.
    Object(Type<'t>, i64, Option<u64>),
    /// So far from where an argument of this function points; and what it is declared to point to.
    Through(Gpr, i64, Option<Type<'t>>),
}

/// A pointer that is declared to be somewhere.
pub(super) struct Stored<'t> {
    pub(super) pointer: Type<'t>,
    pub(super) landing: Landing,
    pub(super) name: String,
}

impl<'r> Flow<'_, 'r, '_> {
    /// Of an instruction's operand in memory.
    pub(super) fn spot(&self, state: &State, instruction: &Instruction) -> Spot<'r> {
        if matches!(instruction.memory_segment(), Register::FS | Register::GS) {
            return Spot::Unknown;
        }
        if instruction.is_ip_rel_memory_operand() {
            return Spot::Global(instruction.ip_rel_memory_address(), None);
        }
        let displacement = instruction.memory_displacement64().cast_signed();
        let scale = u64::from(instruction.memory_index_scale());
        let index = Gpr::of(instruction.memory_index());
        let scaled = index.map(|_| scale);
        let Some(base) = Gpr::of(instruction.memory_base()) else {
            return Spot::Global(displacement.cast_unsigned(), scaled);
        };
        let address = instruction.ip();
        match (state.get(base).known, index) {
            (Known::Frame(offset), None) => return Spot::Slot(offset.wrapping_add(displacement)),
            (Known::Frame(_), Some(_)) => return Spot::Unknown,
            (Known::Constant(start), _) if start != 0 => {
                return Spot::Global(start.wrapping_add_signed(displacement), scaled);
            }
            (Known::Entry(register, plus), None) if register.argument().is_some() => {
                let object = self.pointer_in(state, base, address).map(|(ty, _)| ty);
                return Spot::Through(register, plus.wrapping_add(displacement), object);
            }
            _ => {}
        }
        if let Some((ty, offset)) = self.pointer_in(state, base, address) {
            return Spot::Object(ty, offset.wrapping_add(displacement), scaled);
        }
        Spot::Unknown
    }

    /// Where a register points.
    pub(super) fn spot_of(&self, state: &State, register: Gpr, address: u64) -> Spot<'r> {
        match state.get(register).known {
            Known::Frame(offset) => Spot::Slot(offset),
            Known::Constant(start) => Spot::Global(start, None),
            Known::Entry(from, plus) => {
                Spot::Through(from, plus, self.pointer_in(state, register, address).map(|(ty, _)| ty))
            }
            _ => match self.pointer_in(state, register, address) {
                Some((ty, offset)) => Spot::Object(ty, offset, None),
                None => Spot::Unknown,
            },
        }
    }

    /// The pointer that is declared to be at a place outside of the frame.
    pub(super) fn stored_at(&self, spot: Spot<'r>) -> Option<Stored<'r>> {
        match spot {
            Spot::Unknown | Spot::Slot(_) => None,
            Spot::Global(address, index) => {
                let variable = self.program.table.variable_at(Address(address))?;
                let ty = variable.ty()?;
                let offset = address.checked_sub(variable.address().0)?;
                let (pointer, path) = pointer_inside(ty, offset, index)?;
                Some(Stored { pointer, landing: Landing::Global, name: variable.name().to_owned() + &path })
            }
            Spot::Object(ty, offset, index) => member(ty, offset, index),
            Spot::Through(_, offset, object) => member(object?, offset, None),
        }
    }
}

fn member(ty: Type<'_>, offset: i64, index: Option<u64>) -> Option<Stored<'_>> {
    let offset = u64::try_from(offset).ok()?;
    let size = ty.size().filter(|size| *size > 0)?;
    // A pointer to one is a pointer to the first of an array. What lies behind one without an index may be anything: a header's
    // payload, another structure of the same block.
    let index = index.filter(|step| *step != size);
    if offset >= size && flexible_from(ty).is_none() {
        return None;
    }
    let (pointer, path) = pointer_inside(ty, offset, index)?;
    let outer = ty.name().or_else(|| ty.resolved()?.name()).unwrap_or("*");
    Some(Stored { pointer, landing: Landing::Member, name: format!("{outer}{path}") })
}

/// The pointer at an offset of an object; with an index, one of an array of them.
fn pointer_inside(ty: Type<'_>, offset: u64, index: Option<u64>) -> Option<(Type<'_>, String)> {
    let place = ty.place(offset).filter(|place| place.rest == 0)?;
    Pointee::of(place.ty)?;
    let fits = match index {
        None => true,
        // An element's path ends in its index: `.names[0]`.
        Some(step) => place.path.ends_with(']') && place.ty.size() == Some(step),
    };
    (fits && matches!(place.ty.kind(), Kind::Pointer(_))).then_some((place.ty, place.path))
}
