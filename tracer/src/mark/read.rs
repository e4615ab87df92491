//! The words of an object, by what is known of its type; what is typed in it, and what is left over.

use super::{Input, Island};
use crate::blocks::Block;
use crate::model::{Fit, Pointer, Ty, scan_conservatively};
use crate::roots::Root;
use std::ops::Range;

/// The pointers in a root.
pub(crate) fn root(input: &Input<'_>, root: &Root, each: &mut impl FnMut(Pointer)) {
    let Some(bytes) = root.bytes(input.process) else { return };
    match root.ty {
        Some(ty) => input.model.scan(&input.process.memory, ty, false, root.address, bytes, each),
        None => scan_conservatively(root.address, bytes, each),
    }
}

/// The pointers in a block that is of one type as a whole.
#[inline]
pub(crate) fn whole(input: &Input<'_>, address: u64, bytes: &[u8], ty: Ty, each: &mut impl FnMut(Pointer)) {
    let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let tail = input.model.fit(ty, len) == Fit::WithTail;
    input.model.scan(&input.process.memory, ty, tail, address, bytes, each);
}

/// The pointers in a typed part of a block; their offsets are from the block's start.
pub(crate) fn island(
    input: &Input<'_>,
    block: &Block,
    offset: u64,
    island: Island,
    each: &mut impl FnMut(Pointer),
) {
    let size = input.model.map(island.ty).size;
    let mut scan = |range: Range<u64>| {
        let Some(bytes) = bytes(input, block, range.clone()) else { return };
        let mut shifted =
            |pointer: Pointer| each(Pointer { offset: pointer.offset + range.start, ..pointer });
        let address = block.address + range.start;
        input.model.scan(&input.process.memory, island.ty, false, address, bytes, &mut shifted);
    };
    if island.stride == size {
        return scan(offset..offset.saturating_add(island.size));
    }
    let end = offset.saturating_add(island.size);
    let mut at = offset;
    while at.saturating_add(size) <= end {
        scan(at..at + size);
        at = at.saturating_add(island.stride.max(1));
    }
}

/// What may be pointers in the bytes that islands leave over, but for what a fact about an island's type says is not live.
pub(crate) fn rest(
    input: &Input<'_>,
    block: &Block,
    islands: impl Iterator<Item = (u64, Island)>,
    each: &mut impl FnMut(Pointer),
) {
    let mut dead: Vec<Range<u64>> = Vec::new();
    let sizes = islands.map(|(offset, island)| {
        let size = input.model.map(island.ty).size;
        if let Some(bytes) = bytes(input, block, offset..offset.saturating_add(size)) {
            let (memory, address) = (&input.process.memory, block.address + offset);
            dead.extend(input.model.scratch(memory, island.ty, address, bytes));
        }
        (offset, island.size)
    });
    for range in gaps(block.len, sizes) {
        let Some(bytes) = bytes(input, block, range.clone()) else { continue };
        let start = block.address + range.start;
        scan_conservatively(start, bytes, |pointer| {
            if !dead.iter().any(|dead| dead.contains(&(start + pointer.offset))) {
                each(Pointer { offset: pointer.offset + range.start, ..pointer });
            }
        });
    }
}

/// Some of a block's bytes.
#[inline]
pub(crate) fn bytes<'a>(input: &Input<'a>, block: &Block, range: Range<u64>) -> Option<&'a [u8]> {
    let len = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
    input.process.memory.bytes(block.address.checked_add(range.start)?, len)
}

/// The parts of a block of `len` bytes that islands, by offset, leave over.
fn gaps(len: u64, islands: impl Iterator<Item = (u64, u64)>) -> Vec<Range<u64>> {
    let mut gaps = Vec::new();
    let mut at = 0;
    for (offset, size) in islands {
        if at < offset {
            gaps.push(at..offset);
        }
        at = at.max(offset.saturating_add(size));
    }
    if at < len {
        gaps.push(at..len);
    }
    gaps
}
