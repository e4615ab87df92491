//! What one instruction does to what registers and slots hold.
//!
//! Instructions that carry pointers and sizes are known one by one; all others leave what they write unknown.

use super::allocator::Handed;
use super::flow::{Flow, Notes, pointer};
use super::spot::Spot;
use super::state::{Place, State};
use super::value::{Gpr, Known, Value};
use iced_x86::{ConditionCode, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind};

/// Bytes that a string instruction is taken to write at most.
const WORD: i64 = 8;

impl<'r> Flow<'_, 'r, '_> {
    /// Carries the state over an instruction.
    pub(super) fn step(&self, state: &mut State, instruction: &Instruction, notes: Notes<'_, 'r>) {
        match instruction.flow_control() {
            FlowControl::Next => self.compute(state, instruction, notes),
            FlowControl::Call | FlowControl::IndirectCall => self.call(state, instruction, notes),
            FlowControl::Return => {
                if let Some(seen) = notes {
                    self.note_return(state, instruction.ip(), seen);
                }
            }
            FlowControl::UnconditionalBranch | FlowControl::IndirectBranch => {
                self.jump(state, instruction, notes);
            }
            _ => {}
        }
    }

    fn jump(&self, state: &State, instruction: &Instruction, notes: Notes<'_, 'r>) {
        let Some(seen) = notes else { return };
        if let Some((site, allocator)) = self.watched(instruction.ip()) {
            self.note_call(state, site, &allocator, instruction, seen);
        }
        if let Some(target) = self.program.target(instruction)
            && self.program.function(target).is_some_and(|function| Some(function.id()) != self.own())
        {
            self.note_arguments(state, target, instruction.ip(), seen);
        }
    }

    fn own(&self) -> Option<crate::table::FunctionId> {
        self.function.map(|function| function.id())
    }

    fn call(&self, state: &mut State, instruction: &Instruction, mut notes: Notes<'_, 'r>) {
        let target = self.program.target(instruction);
        if let (Some(target), Some(seen)) = (target, notes.as_deref_mut()) {
            self.note_arguments(state, target, instruction.ip(), seen);
        }
        let Some((site, allocator)) = self.watched(instruction.ip()) else {
            let result = self.result(state, target);
            state.call();
            state.set(Gpr::RAX, result);
            return;
        };
        if let Some(seen) = notes {
            self.note_call(state, site, &allocator, instruction, seen);
        }
        state.age(site);
        match allocator.handed {
            Handed::Returned(_) => {
                state.call();
                state.set(Gpr::RAX, Value::block(site));
            }
            Handed::Stored(register) => {
                let to = state.get(register).known;
                state.call();
                if let Known::Frame(slot) = to {
                    state.write(slot, WORD, Value::block(site));
                }
            }
        }
    }

    fn compute(&self, state: &mut State, instruction: &Instruction, notes: Notes<'_, 'r>) {
        match instruction.mnemonic() {
            Mnemonic::Mov => self.mov(state, instruction, notes),
            Mnemonic::Movsxd | Mnemonic::Movsx | Mnemonic::Movzx => extend(state, instruction),
            Mnemonic::Cdqe => {
                let value = number(state.get(Gpr::RAX));
                state.set(Gpr::RAX, value);
            }
            Mnemonic::Lea => self.lea(state, instruction),
            Mnemonic::Add | Mnemonic::Sub => self.sum(state, instruction),
            Mnemonic::Inc | Mnemonic::Dec if wide(instruction) => {
                let by = if instruction.mnemonic() == Mnemonic::Inc { 1 } else { -1 };
                update(state, instruction, |value| value.plus(by));
            }
            Mnemonic::And if wide(instruction) && is_immediate(instruction, 1) => {
                update(state, instruction, |value| value.moved(Known::Nothing));
                if instruction.op0_kind() == OpKind::Memory {
                    self.other(state, instruction);
                }
            }
            Mnemonic::Xor if same_registers(instruction) => {
                update(state, instruction, |_| Value::of(Known::Constant(0)));
            }
            Mnemonic::Shl if is_immediate(instruction, 1) && instruction.immediate(1) < 48 => {
                let by = 1 << instruction.immediate(1);
                update(state, instruction, |value| Value::of(value.known.times(by)));
            }
            Mnemonic::Imul => multiply(state, instruction),
            Mnemonic::Push => {
                let value = Gpr::of(instruction.op0_register())
                    .map_or(Value::UNKNOWN, |register| state.get(register));
                let top = state.get(Gpr::RSP).plus(-WORD);
                state.set(Gpr::RSP, top);
                if let Known::Frame(slot) = top.known {
                    state.write(slot, WORD, value);
                }
            }
            Mnemonic::Pop => {
                let top = state.get(Gpr::RSP);
                let value = slot_at(state, top);
                state.set(Gpr::RSP, top.plus(WORD));
                update(state, instruction, |_| value);
            }
            Mnemonic::Leave => {
                let frame = state.get(Gpr::RBP);
                state.set(Gpr::RBP, slot_at(state, frame));
                state.set(Gpr::RSP, frame.plus(WORD));
            }
            Mnemonic::Test | Mnemonic::Cmp => {
                let place = self.tested_place(state, instruction);
                state.test(place);
                return;
            }
            Mnemonic::Xchg => self.exchange(state, instruction, notes),
            Mnemonic::Cmpxchg => {
                let value = Gpr::of(instruction.op1_register())
                    .map_or(Value::UNKNOWN, |register| state.get(register));
                let (spot, size) = (self.spot(state, instruction), size_of(instruction));
                self.store(state, spot, value, size, instruction, notes);
                state.set(Gpr::RAX, Value::UNKNOWN);
            }
            mnemonic if is_conditional_move(mnemonic) => self.conditional_move(state, instruction),
            _ => self.other(state, instruction),
        }
        if instruction.rflags_modified() != 0 {
            state.test(None);
        }
    }

    fn mov(&self, state: &mut State, instruction: &Instruction, notes: Notes<'_, 'r>) {
        let value = match instruction.op1_kind() {
            OpKind::Register => {
                let from = instruction.op1_register();
                match (Gpr::of(from), from.size()) {
                    (Some(register), 8) => self.copied(state, register, instruction.ip()),
                    (Some(register), 4) => number(state.get(register)),
                    _ => Value::UNKNOWN,
                }
            }
            OpKind::Memory if wide(instruction) => self.load(state, instruction),
            OpKind::Memory => Value::UNKNOWN,
            // The immediate is extended to the operand's size.
            _ => Value::of(Known::Constant(instruction.immediate(1))),
        };
        if instruction.op0_kind() == OpKind::Memory {
            let (spot, size) = (self.spot(state, instruction), size_of(instruction));
            self.store(state, spot, value, size, instruction, notes);
            return;
        }
        let to = instruction.op0_register();
        let Some(register) = Gpr::of(to) else { return };
        state.set(register, if to.size() >= 4 { value } else { Value::UNKNOWN });
    }

    /// A register's value as it goes elsewhere, where the variable that is in it now may not follow.
    fn copied(&self, state: &State, register: Gpr, address: u64) -> Value {
        let value = state.get(register);
        if value.known != Known::Nothing {
            return value;
        }
        let found =
            self.pointer_in(state, register, address).and_then(|(ty, offset)| Some((ty.resolved()?, offset)));
        let known = found.map_or(Known::Nothing, |(ty, offset)| Known::Pointer(ty.id(), offset));
        Value { known, ..value }
    }

    /// What a word in memory holds.
    fn load(&self, state: &State, instruction: &Instruction) -> Value {
        let spot = self.spot(state, instruction);
        if let Spot::Slot(slot) = spot {
            let value = state.slot(slot);
            if value.known != Known::Nothing {
                return value;
            }
            let address = instruction.ip();
            let over = self.over_slot(state, slot, address, address);
            let declared =
                over.filter_map(|(located, into)| located.ty.place(into).filter(|place| place.rest == 0));
            let mut known: Vec<Known> = declared.map(|place| pointer(place.ty).known).collect();
            known.dedup();
            let known = if let [one] = known[..] { one } else { Known::Nothing };
            return Value { known, ..value };
        }
        self.stored_at(spot).map_or(Value::UNKNOWN, |stored| pointer(stored.pointer))
    }

    fn lea(&self, state: &mut State, instruction: &Instruction) {
        let to = instruction.op0_register();
        let Some(register) = Gpr::of(to) else { return };
        let value = self.address_of(state, instruction);
        state.set(register, if to.size() == 8 { value } else { number(value) });
    }

    fn address_of(&self, state: &State, instruction: &Instruction) -> Value {
        if instruction.is_ip_rel_memory_operand() {
            return Value::of(Known::Constant(instruction.ip_rel_memory_address()));
        }
        let displacement = instruction.memory_displacement64().cast_signed();
        let scale = u64::from(instruction.memory_index_scale());
        let base = Gpr::of(instruction.memory_base());
        let index = Gpr::of(instruction.memory_index());
        let value = |register| self.copied(state, register, instruction.ip());
        match (base, index) {
            (None, None) => Value::of(Known::Constant(displacement.cast_unsigned())),
            (Some(base), None) => value(base).plus(displacement),
            (None, Some(index)) => Value::of(state.get(index).known.times(scale).plus(displacement)),
            (Some(base), Some(index)) if base == index => {
                Value::of(state.get(base).known.times(scale + 1).plus(displacement))
            }
            (Some(base), Some(index)) => {
                let step = state.get(index).known.times(scale);
                value(base).moved(self.indexed(value(base).known, step).plus(displacement))
            }
        }
    }

    /// A pointer to one object of an array, moved to another of it. Anything else that is added up is not known.
    fn indexed(&self, base: Known, step: Known) -> Known {
        match (base, step) {
            (Known::Pointer(ty, offset), Known::Multiple(step)) => {
                let size = self.program.table.ty(ty).and_then(crate::table::Type::size);
                let fits = size.is_some_and(|size| size > 0 && step.is_multiple_of(size));
                if fits { Known::Pointer(ty, offset) } else { Known::Nothing }
            }
            (Known::Constant(left), Known::Constant(right)) => Known::Constant(left.wrapping_add(right)),
            _ => Known::Nothing,
        }
    }

    fn sum(&self, state: &mut State, instruction: &Instruction) {
        let is_add = instruction.mnemonic() == Mnemonic::Add;
        let Some(to) = register_operand(instruction, 0) else {
            self.other(state, instruction);
            return;
        };
        let value = if is_immediate(instruction, 1) {
            let by = instruction.immediate(1).cast_signed();
            self.stepped(self.copied(state, to, instruction.ip()).plus(if is_add {
                by
            } else {
                by.wrapping_neg()
            }))
        } else {
            match register_operand(instruction, 1) {
                Some(from) if from == to && is_add => Value::of(state.get(to).known.times(2)),
                Some(from) if from == to => Value::of(Known::Constant(0)),
                Some(from) if is_add => {
                    let address = instruction.ip();
                    let (left, right) = (self.copied(state, to, address), self.copied(state, from, address));
                    let sum = match self.indexed(left.known, right.known) {
                        Known::Nothing => self.indexed(right.known, left.known),
                        sum => sum,
                    };
                    if left.blocks.is_empty() { right.moved(sum) } else { left.moved(sum) }
                }
                _ => Value::UNKNOWN,
            }
        };
        state.set(to, if wide(instruction) { value } else { number(value) });
    }

    /// A pointer that walks over an array of pointers points to one of them at each step.
    fn stepped(&self, value: Value) -> Value {
        let Known::Pointer(ty, offset @ 1..) = value.known else { return value };
        let is_pointer = |ty: crate::table::Type<'_>| matches!(ty.kind(), crate::table::Kind::Pointer(_));
        let walks = offset % WORD == 0 && self.program.table.ty(ty).is_some_and(is_pointer);
        if walks { Value { known: Known::Pointer(ty, 0), ..value } } else { value }
    }

    fn tested_place(&self, state: &State, instruction: &Instruction) -> Option<Place> {
        let is_zero = is_immediate(instruction, 1) && instruction.immediate(1) == 0;
        let fits = match instruction.mnemonic() {
            Mnemonic::Test => same_registers(instruction),
            _ => is_zero,
        };
        if !fits || !wide(instruction) {
            return None;
        }
        match instruction.op0_kind() {
            OpKind::Register => Gpr::of(instruction.op0_register()).map(Place::Register),
            OpKind::Memory => match self.spot(state, instruction) {
                Spot::Slot(slot) => Some(Place::Slot(slot)),
                _ => None,
            },
            _ => None,
        }
    }

    fn exchange(&self, state: &mut State, instruction: &Instruction, notes: Notes<'_, 'r>) {
        match (register_operand(instruction, 0), register_operand(instruction, 1)) {
            (Some(left), Some(right)) if wide(instruction) => {
                let (was_left, was_right) = (state.get(left), state.get(right));
                state.set(left, was_right);
                state.set(right, was_left);
            }
            (None, Some(register)) => {
                let (spot, size) = (self.spot(state, instruction), size_of(instruction));
                let value = if wide(instruction) { state.get(register) } else { Value::UNKNOWN };
                self.store(state, spot, value, size, instruction, notes);
                state.set(register, Value::UNKNOWN);
            }
            _ => self.other(state, instruction),
        }
    }

    fn conditional_move(&self, state: &mut State, instruction: &Instruction) {
        let Some(to) = register_operand(instruction, 0) else { return };
        let stays = state.get(to);
        let comes = match register_operand(instruction, 1) {
            Some(from) => self.copied(state, from, instruction.ip()),
            None if wide(instruction) => self.load(state, instruction),
            None => Value::UNKNOWN,
        };
        // As on the two ways of a branch: a block whose address is zero is none.
        let (stays, comes) = match instruction.condition_code() {
            ConditionCode::e => (stays, state.if_zero(comes)),
            ConditionCode::ne => (state.if_zero(stays), comes),
            _ => (stays, comes),
        };
        state.set(to, if wide(instruction) { stays.join(comes) } else { Value::UNKNOWN });
    }

    /// An instruction that is not known: what it writes is not known either.
    fn other(&self, state: &mut State, instruction: &Instruction) {
        let mut factory = InstructionInfoFactory::new();
        let info = factory.info(instruction);
        let writes = |access: OpAccess| {
            matches!(
                access,
                OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
            )
        };
        let is_string = instruction.is_string_instruction();
        let to = if is_string { state.get(Gpr::ARGUMENTS[0]).known } else { Known::Nothing };
        if info.used_memory().iter().any(|used| writes(used.access())) {
            if let Known::Frame(slot) = to {
                state.forget_from(slot);
            } else if !is_string && let Spot::Slot(slot) = self.spot(state, instruction) {
                state.write(slot, size_of(instruction), Value::UNKNOWN);
            }
        }
        for used in info.used_registers().iter().filter(|used| writes(used.access())) {
            if let Some(register) = Gpr::of(used.register()) {
                state.set(register, Value::UNKNOWN);
            }
        }
    }
}

/// Only what a number can be: as such it is the same in fewer bytes.
fn number(value: Value) -> Value {
    match value.known {
        Known::Constant(number) => Value::of(Known::Constant(number & u64::from(u32::MAX))),
        known @ (Known::Entry(_, 0) | Known::Roughly(_, 0) | Known::Multiple(_)) => Value::of(known),
        _ => Value::UNKNOWN,
    }
}

fn extend(state: &mut State, instruction: &Instruction) {
    let from = (instruction.op1_kind() == OpKind::Register).then(|| instruction.op1_register());
    let value = from
        .filter(|from| from.size() == 4)
        .and_then(Gpr::of)
        .map_or(Value::UNKNOWN, |register| number(state.get(register)));
    update(state, instruction, |_| value);
}

fn multiply(state: &mut State, instruction: &Instruction) {
    let Some(to) = register_operand(instruction, 0) else {
        state.set(Gpr::RAX, Value::UNKNOWN);
        state.set(Gpr::RDX, Value::UNKNOWN);
        return;
    };
    let factor =
        |place| register_operand(instruction, place).map_or(Known::Nothing, |from| state.get(from).known);
    let known = if instruction.op_count() == 3 && is_immediate(instruction, 2) {
        factor(1).times(instruction.immediate(2))
    } else {
        match (state.get(to).known, factor(1)) {
            (known, Known::Constant(by)) | (Known::Constant(by), known) => known.times(by),
            _ => Known::Nothing,
        }
    };
    state.set(to, Value::of(known));
}

fn slot_at(state: &State, at: Value) -> Value {
    match at.known {
        Known::Frame(slot) => state.slot(slot),
        _ => Value::UNKNOWN,
    }
}

fn update(state: &mut State, instruction: &Instruction, change: impl FnOnce(Value) -> Value) {
    let Some(register) = register_operand(instruction, 0) else { return };
    let value = change(state.get(register));
    state.set(register, if wide(instruction) { value } else { number(value) });
}

fn register_operand(instruction: &Instruction, place: u32) -> Option<Gpr> {
    (place < instruction.op_count() && instruction.op_kind(place) == OpKind::Register)
        .then(|| Gpr::of(instruction.op_register(place)))
        .flatten()
}

fn same_registers(instruction: &Instruction) -> bool {
    let (left, right) = (instruction.op0_kind(), instruction.op1_kind());
    left == OpKind::Register
        && right == OpKind::Register
        && instruction.op0_register() == instruction.op1_register()
}

/// Whether the first operand has 8 bytes.
fn wide(instruction: &Instruction) -> bool {
    match instruction.op0_kind() {
        OpKind::Register => instruction.op0_register().size() == 8,
        OpKind::Memory => instruction.memory_size().size() == 8,
        _ => false,
    }
}

/// Bytes of the operand in memory.
fn size_of(instruction: &Instruction) -> i64 {
    i64::try_from(instruction.memory_size().size()).unwrap_or(WORD)
}

fn is_immediate(instruction: &Instruction, place: u32) -> bool {
    place < instruction.op_count()
        && !matches!(
            instruction.op_kind(place),
            OpKind::Register
                | OpKind::Memory
                | OpKind::NearBranch16
                | OpKind::NearBranch32
                | OpKind::NearBranch64
                | OpKind::FarBranch16
                | OpKind::FarBranch32
        )
        && instruction.try_immediate(place).is_ok()
}

fn is_conditional_move(mnemonic: Mnemonic) -> bool {
    use Mnemonic::*;
    matches!(
        mnemonic,
        Cmova
            | Cmovae
            | Cmovb
            | Cmovbe
            | Cmove
            | Cmovg
            | Cmovge
            | Cmovl
            | Cmovle
            | Cmovne
            | Cmovno
            | Cmovnp
            | Cmovns
            | Cmovo
            | Cmovp
            | Cmovs
    )
}
