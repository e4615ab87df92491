//! Where `switch` statements jump: the tables that compilers make of them.
//!
//! Two forms are known: words of 4 bytes that count from the table's address, added to it before a jump by register (gcc, clang; code
//! that may be loaded anywhere), and addresses of 8 bytes (other code). How long a table is, is told by the comparison before it, by
//! where the next table begins, or by the first word that leads out of the function.

use crate::file::Binary;
use crate::table::Address;
use iced_x86::{FlowControl, Instruction, Mnemonic, OpKind, Register};
use rustc_hash::FxHashMap;

/// How far before the jump its parts are looked for, in instructions.
const REACH: usize = 32;

/// The longest table that is read, in words. Those of interpreters have some hundreds.
const MOST_TARGETS: u64 = 4096;

/// For each jump by a table, by its address, where it may lead. Instructions are in order; `is_code` says of an address whether one is
/// there.
pub(super) fn tables(
    binary: &Binary,
    instructions: &[Instruction],
    is_code: impl Fn(u64) -> bool,
) -> FxHashMap<u64, Vec<u64>> {
    let mut bases: Vec<u64> = instructions.iter().filter_map(base).map(|(_, address)| address).collect();
    bases.sort_unstable();
    let jumps = instructions
        .iter()
        .enumerate()
        .filter(|(_, jump)| jump.flow_control() == FlowControl::IndirectBranch);
    let mut tables = FxHashMap::default();
    for (index, jump) in jumps {
        let before = &instructions[..index];
        let near = &before[before.len().saturating_sub(REACH)..];
        let Some((table, wide)) = table(jump, before, near) else { continue };
        let size: u64 = if wide { 8 } else { 4 };
        let next = bases.partition_point(|base| *base <= table);
        let room = bases.get(next).map_or(MOST_TARGETS, |next| (next - table) / size);
        let count = compared(near).unwrap_or(MOST_TARGETS).min(room).min(MOST_TARGETS);
        let target = |index: u64| {
            let address = Address(table.checked_add(index.checked_mul(size)?)?);
            let target = if wide {
                u64::from_le_bytes(*binary.bytes(address, 8)?.first_chunk()?)
            } else {
                let word = i32::from_le_bytes(*binary.bytes(address, 4)?.first_chunk()?);
                table.wrapping_add_signed(word.into())
            };
            is_code(target).then_some(target)
        };
        tables.insert(jump.ip(), (0..count).map_while(target).collect());
    }
    tables
}

/// The table that a jump goes by, and whether its words are addresses.
fn table(jump: &Instruction, before: &[Instruction], near: &[Instruction]) -> Option<(u64, bool)> {
    if jump.op0_kind() == OpKind::Memory {
        let by_index = jump.memory_base() == Register::None && jump.memory_index_scale() == 8;
        return (by_index && jump.memory_index() != Register::None)
            .then(|| (jump.memory_displacement64(), true));
    }
    let by = jump.op0_register().full_register();
    let sum = near.iter().rev().find(|instruction| writes(instruction, by))?;
    if sum.mnemonic() != Mnemonic::Add || sum.op1_kind() != OpKind::Register {
        return None;
    }
    let parts = [by, sum.op1_register().full_register()];
    let set = before.iter().rev().filter_map(base).find(|(register, _)| parts.contains(register))?;
    Some((set.1, false))
}

/// `lea register, [rip + ...]`.
fn base(instruction: &Instruction) -> Option<(Register, u64)> {
    (instruction.mnemonic() == Mnemonic::Lea && instruction.is_ip_rel_memory_operand())
        .then(|| (instruction.op0_register().full_register(), instruction.ip_rel_memory_address()))
}

fn writes(instruction: &Instruction, register: Register) -> bool {
    instruction.op_count() > 0
        && instruction.op0_kind() == OpKind::Register
        && instruction.op0_register().full_register() == register
        && !matches!(instruction.mnemonic(), Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Push)
}

/// How many words the comparison before a jump lets through: `cmp index, last` with `ja` behind it.
fn compared(near: &[Instruction]) -> Option<u64> {
    let above = near.iter().rposition(|instruction| instruction.mnemonic() == Mnemonic::Ja)?;
    let comparison = near[..above].iter().rev().find(|found| found.mnemonic() == Mnemonic::Cmp)?;
    let is_number = matches!(
        comparison.op1_kind(),
        OpKind::Immediate8
            | OpKind::Immediate8to32
            | OpKind::Immediate8to64
            | OpKind::Immediate32
            | OpKind::Immediate8to16
            | OpKind::Immediate16
            | OpKind::Immediate32to64
    );
    is_number.then(|| comparison.immediate(1))?.checked_add(1)
}
