//! The table by which the allocator follows a site through allocation wrappers: for each return address in a wrapper, where on the stack
//! the wrapper's own return address lies then.
//!
//! Ordinary code keeps no frame pointer, so the distance is taken from the call frame information at the call: it says how far the
//! canonical frame address is from the stack pointer, and the return address is the 8 bytes below that (System V ABI for AMD64, 3.2.2).
//! Calls where it counts from another register, or is computed, get no row: there the allocator's sites end.
//!
//! The allocator looks up nothing but this table ([`mcrx_allocator::abi::CallerTableHeader`]), one file per build-id in the folder that
//! `MCRX_CALLERS` names. Which functions are wrappers is for [`crate::sites`] to say.

mod write;

pub use write::WriteError;
pub(crate) use write::write_whole;

use crate::file::{Binary, BuildId};
use crate::frames::cfi::{Cfa, Cfi, Room};
use crate::sites::{Sites, Wrapper};
use crate::table::Address;
use iced_x86::{Decoder, DecoderOptions, FlowControl};
use mcrx_allocator::abi::CallerRow;
use std::ops::Range;

/// The longest code that is looked at for one function: no real one comes near, and a table may claim anything.
const FUNCTION_MAX: u64 = 16 << 20;

/// Frames that the allocator follows are smaller, in bytes: it refuses a table that has a larger one.
const FRAME_MAX: u32 = 1 << 20;

/// The rows for one binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callers {
    build_id: BuildId,
    rows: Vec<CallerRow>,
    left_out: LeftOut,
}

/// Calls in wrappers that have no row, by the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// The frame is found from another register than the stack pointer: functions that keep a frame pointer (`-O0`,
    /// `-fno-omit-frame-pointer`, `alloca`).
    pub by_other_register: usize,
    /// The frame is found by an expression.
    pub by_expression: usize,
    /// There is no call frame information, it is damaged, or it says that the function returns to nowhere (`_start`).
    pub without_frame: usize,
    /// The place does not fit into a row: more than 4 GiB into the module, or 1 MiB up the stack.
    pub too_far: usize,
    /// Functions, not calls: their code is not in the file, or there is more of it than 16 MiB.
    pub without_code: usize,
}

impl LeftOut {
    /// All of them.
    pub fn count(&self) -> usize {
        self.by_other_register + self.by_expression + self.without_frame + self.too_far + self.without_code
    }
}

/// Why no table can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallersError {
    /// The allocator finds tables by it.
    #[error("the binary has no build-id, by which its caller table would be found: link it with --build-id")]
    NoBuildId,
    /// There is nothing to run.
    #[error("the binary has no part that is loaded")]
    NothingLoaded,
}

impl Callers {
    /// Makes the rows for the calls in a binary's allocation wrappers.
    pub fn of_wrappers(binary: &Binary, sites: &Sites) -> Result<Callers, CallersError> {
        Callers::of(binary, sites.wrappers().flat_map(Wrapper::code).map(|(low, high)| low..high))
    }

    /// Makes the rows for the calls in some functions: all runs of their code, as linked, in any order.
    pub fn of(
        binary: &Binary,
        wrappers: impl IntoIterator<Item = Range<Address>>,
    ) -> Result<Callers, CallersError> {
        let build_id = *binary.build_id().ok_or(CallersError::NoBuildId)?;
        let base = binary.base().ok_or(CallersError::NothingLoaded)?;
        let (cfi, mut room) = (Cfi::new(binary), Room::new());
        let (mut rows, mut left_out) = (Vec::new(), LeftOut::default());
        for code in wrappers {
            let Some(calls) = calls(binary, &code) else {
                left_out.without_code += 1;
                continue;
            };
            for call in calls {
                match row(&cfi, &mut room, base, &call) {
                    Ok(row) => rows.push(row),
                    Err(why) => *why.count_in(&mut left_out) += 1,
                }
            }
        }
        rows.sort_unstable_by_key(|row| row.offset);
        rows.dedup_by_key(|row| row.offset);
        Ok(Callers { build_id, rows, left_out })
    }

    /// Of the binary.
    pub fn build_id(&self) -> &BuildId {
        &self.build_id
    }

    /// Sorted by offset.
    pub fn rows(&self) -> &[CallerRow] {
        &self.rows
    }

    /// What has no row.
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }
}

/// A call instruction.
struct Call {
    address: Address,
    returns_to: Address,
}

/// The calls in a run of code. `None`: it is not in the file.
fn calls(binary: &Binary, code: &Range<Address>) -> Option<Vec<Call>> {
    let len = code.end.0.checked_sub(code.start.0).filter(|len| *len <= FUNCTION_MAX)?;
    let bytes = binary.code(code.start, usize::try_from(len).ok()?)?;
    let mut calls = Vec::new();
    for instruction in &mut Decoder::with_ip(64, bytes, code.start.0, DecoderOptions::NONE) {
        if matches!(instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall) {
            let (address, returns_to) = (Address(instruction.ip()), Address(instruction.next_ip()));
            calls.push(Call { address, returns_to });
        }
    }
    Some(calls)
}

enum NoRow {
    OtherRegister,
    Expression,
    NoFrame,
    TooFar,
}

impl NoRow {
    fn count_in(self, left_out: &mut LeftOut) -> &mut usize {
        match self {
            NoRow::OtherRegister => &mut left_out.by_other_register,
            NoRow::Expression => &mut left_out.by_expression,
            NoRow::NoFrame => &mut left_out.without_frame,
            NoRow::TooFar => &mut left_out.too_far,
        }
    }
}

fn row(cfi: &Cfi<'_>, room: &mut Room, base: Address, call: &Call) -> Result<CallerRow, NoRow> {
    // At the call, not behind it: after a call that does not return comes another function's code, or another branch's frame.
    let rules = cfi.rules(call.address, room).map_err(|_| NoRow::NoFrame)?;
    let distance = match rules.cfa {
        Cfa::Register(gimli::X86_64::RSP, distance) => distance,
        Cfa::Register(..) => return Err(NoRow::OtherRegister),
        Cfa::Expression(_) => return Err(NoRow::Expression),
    };
    if !rules.returns_at_end() {
        return Err(NoRow::NoFrame);
    }
    let return_at = distance.checked_sub(8).and_then(|return_at| u32::try_from(return_at).ok());
    let return_at = return_at.filter(|return_at| *return_at < FRAME_MAX && return_at.is_multiple_of(8));
    let offset = call.returns_to.0.checked_sub(base.0).and_then(|offset| u32::try_from(offset).ok());
    match (offset, return_at) {
        (Some(offset), Some(return_at)) => Ok(CallerRow { offset, return_at }),
        _ => Err(NoRow::TooFar),
    }
}
