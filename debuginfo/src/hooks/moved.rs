//! The first instructions of a function, made such that they can be run elsewhere.
//!
//! What they do stays the same byte by byte, but for distances: operands that are so far from the next instruction, and targets of jumps,
//! are written as distances that are worked out once the place is known. Short jumps become long ones. A call becomes a push of the address
//! that it returns to, where it was, and a jump: whoever walks the stack sees the function that calls.

use crate::file::Binary;
use crate::table::Address;
use iced_x86::{Code, FlowControl, Instruction, OpKind};
use mcrx_allocator::abi::{HookRow, MOVED_FIXES_MAX, MOVED_MAX, MovedFix, REPLACED_MAX, fix};

/// Bytes of a jump.
const JUMP: usize = 5;
/// `push imm32`, and `mov dword ptr [rsp + 4], imm32`: together a push of 64 bits.
const PUSH: [u8; 5] = [0x68, 0, 0, 0, 0];
const STORE_ABOVE: [u8; 8] = [0xC7, 0x44, 0x24, 4, 0, 0, 0, 0];

/// Why the first instructions cannot be run elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unmovable {
    /// The function ends before there is room for a jump.
    #[error("it is too short")]
    Short,
    /// Nothing that is known how to move.
    #[error("its first instructions cannot be run anywhere else")]
    Other,
}

/// What is to be replaced, and what it is elsewhere. The row does not know the size parameter yet.
#[derive(Debug)]
pub(super) struct Moved {
    /// The address of what is replaced.
    pub(super) start: u64,
    pub(super) row: HookRow,
}

/// `code`: the instructions from the entry on. `base`: the module's lowest address.
pub(super) fn first_instructions(
    binary: &Binary,
    code: &[Instruction],
    base: u64,
) -> Result<Moved, Unmovable> {
    // What marks a target of indirect calls stays where it is.
    let marked = usize::from(code.first().is_some_and(|first| first.code() == Code::Endbr64));
    let code = code.get(marked..).unwrap_or(&[]);
    let start = code.first().ok_or(Unmovable::Short)?.ip();
    let offset = start.checked_sub(base).and_then(|offset| u32::try_from(offset).ok());
    let mut row = HookRow {
        offset: offset.ok_or(Unmovable::Other)?,
        replaced: 0,
        size_parameter: 0,
        moved_len: 0,
        fixes_len: 0,
        original: [0; REPLACED_MAX],
        moved: [0; MOVED_MAX],
        fixes: [MovedFix::default(); MOVED_FIXES_MAX],
    };
    let mut replaced = 0;
    for instruction in code {
        if replaced >= JUMP {
            break;
        }
        // Ranges lie apart.
        if instruction.ip() != start + replaced as u64 {
            return Err(Unmovable::Short);
        }
        let bytes = binary.code(Address(instruction.ip()), instruction.len()).ok_or(Unmovable::Other)?;
        row.original
            .get_mut(replaced..replaced + bytes.len())
            .ok_or(Unmovable::Other)?
            .copy_from_slice(bytes);
        replaced += bytes.len();
        move_one(&mut row, instruction, bytes, base)?;
    }
    if replaced < JUMP {
        return Err(Unmovable::Short);
    }
    row.replaced = u8::try_from(replaced).map_err(|_| Unmovable::Other)?;
    Ok(Moved { start, row })
}

fn move_one(row: &mut HookRow, instruction: &Instruction, bytes: &[u8], base: u64) -> Result<(), Unmovable> {
    let at = row.moved_len;
    match instruction.flow_control() {
        FlowControl::Next if instruction.is_ip_rel_memory_operand() => {
            let target = instruction.ip_rel_memory_address();
            append(row, bytes)?;
            let within = distance_at(instruction, bytes).ok_or(Unmovable::Other)?;
            fix(row, at + within, target, base)
        }
        FlowControl::Next | FlowControl::Return => append(row, bytes),
        FlowControl::UnconditionalBranch if instruction.op0_kind() == OpKind::NearBranch64 => {
            append(row, &[0xE9, 0, 0, 0, 0])?;
            fix(row, at + 1, instruction.near_branch_target(), base)
        }
        FlowControl::ConditionalBranch if instruction.op0_kind() == OpKind::NearBranch64 => {
            // The condition is the lower half of the opcode's last byte, in the short and in the long form.
            let condition = match bytes {
                [opcode @ 0x70..=0x7F, _] => opcode & 0xF,
                [0x0F, opcode @ 0x80..=0x8F, ..] if bytes.len() == 6 => opcode & 0xF,
                // Loops have no long form.
                _ => return Err(Unmovable::Other),
            };
            append(row, &[0x0F, 0x80 | condition, 0, 0, 0, 0])?;
            fix(row, at + 2, instruction.near_branch_target(), base)
        }
        // It is the last that is replaced: it is as long as the jump.
        FlowControl::Call if instruction.op0_kind() == OpKind::NearBranch64 => {
            append(row, &PUSH)?;
            fix_as(row, fix::LOW, at + 1, instruction.next_ip(), base)?;
            append(row, &STORE_ABOVE)?;
            fix_as(row, fix::HIGH, at + 9, instruction.next_ip(), base)?;
            append(row, &[0xE9, 0, 0, 0, 0])?;
            fix(row, at + 14, instruction.near_branch_target(), base)
        }
        _ => Err(Unmovable::Other),
    }
}

/// Where among an instruction's bytes its distance from the next one is: four bytes, behind which there may be an immediate.
fn distance_at(instruction: &Instruction, bytes: &[u8]) -> Option<u8> {
    let distance = instruction.ip_rel_memory_address().wrapping_sub(instruction.next_ip());
    let wanted = distance.to_le_bytes();
    let mut found = bytes.windows(4).enumerate().filter(|(_, four)| *four == &wanted[..4]);
    // Twice the same bytes: it is not known which are meant.
    let (at, _) = found.next()?;
    if found.next().is_some() {
        return None;
    }
    u8::try_from(at).ok()
}

fn append(row: &mut HookRow, bytes: &[u8]) -> Result<(), Unmovable> {
    let at = usize::from(row.moved_len);
    row.moved.get_mut(at..at + bytes.len()).ok_or(Unmovable::Other)?.copy_from_slice(bytes);
    row.moved_len = u8::try_from(at + bytes.len()).map_err(|_| Unmovable::Other)?;
    Ok(())
}

/// The instruction appended last has a distance to `target` at `at`.
fn fix(row: &mut HookRow, at: u8, target: u64, base: u64) -> Result<(), Unmovable> {
    fix_as(row, fix::DISTANCE, at, target, base)
}

/// The instruction appended last has a value of `target` at `at`.
fn fix_as(row: &mut HookRow, kind: u16, at: u8, target: u64, base: u64) -> Result<(), Unmovable> {
    let target = target.checked_sub(base).and_then(|target| u32::try_from(target).ok());
    let fix = MovedFix { at, end: row.moved_len, kind, target: target.ok_or(Unmovable::Other)? };
    *row.fixes.get_mut(usize::from(row.fixes_len)).ok_or(Unmovable::Other)? = fix;
    row.fixes_len += 1;
    // So that a row's bytes say nothing twice.
    if let Some(place) = row.moved.get_mut(usize::from(at)..usize::from(at) + 4) {
        place.fill(0);
    }
    Ok(())
}
