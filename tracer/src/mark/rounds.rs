//! Reading: what is there to be read, in rounds, by all cores where a round is large.

use super::claims::{Found, State, Work};
use super::{Input, Island};
use crate::model::{Fit, Pointer, Sort, scan_conservatively};
use rayon::prelude::*;

/// Fewer objects than this are read by one thread: others would come too late to help.
const ALONE: usize = 2048;
/// Objects that one thread reads at a time.
const CHUNK: usize = 1024;

/// Marks until nothing is new.
pub(super) fn run(input: &Input<'_>, state: &mut State<'_>) {
    let mut work: Vec<Work> = (0..input.roots.len()).map(Work::Root).collect();
    loop {
        while !work.is_empty() {
            let found = in_chunks(&work, |work, found| read(input, state, *work, found));
            work = state.apply(&sorted(found));
        }
        let untyped = std::mem::take(&mut state.untyped);
        if untyped.is_empty() {
            return;
        }
        let found = in_chunks(&untyped, |block, found| read_untyped(input, state, *block, found));
        work = state.apply(&sorted(found));
    }
}

/// In order, each once.
fn sorted(mut found: Vec<Found>) -> Vec<Found> {
    if found.len() < ALONE {
        found.sort_unstable();
    } else {
        found.par_sort_unstable();
    }
    found.dedup();
    found
}

fn in_chunks<T: Sync>(work: &[T], read: impl Fn(&T, &mut Vec<Found>) + Sync) -> Vec<Found> {
    if work.len() < ALONE {
        let mut found = Vec::new();
        work.iter().for_each(|work| read(work, &mut found));
        return found;
    }
    let chunk = |work: &[T]| {
        let mut found = Vec::new();
        work.iter().for_each(|work| read(work, &mut found));
        found.sort_unstable();
        found.dedup();
        found
    };
    work.par_chunks(CHUNK).flat_map_iter(chunk).collect()
}

fn read(input: &Input<'_>, state: &State<'_>, work: Work, found: &mut Vec<Found>) {
    let mut each = |pointer: Pointer| take(input, state, pointer, found);
    match work {
        Work::Root(number) => {
            let Some(root) = input.roots.get(number) else { return };
            let Some(bytes) = root.bytes(input.process) else { return };
            match root.ty {
                Some(ty) => {
                    input.model.scan(&input.process.memory, ty, false, root.address, bytes, &mut each)
                }
                None => scan_conservatively(root.address, bytes, each),
            }
        }
        Work::Block(number) => {
            let (Some(block), Some(ty)) = (input.blocks.get(number), state.ty(number)) else { return };
            let tail = input.model.fit(ty, block.len) == Fit::WithTail;
            if let Some(bytes) = bytes(input, block.address, block.len) {
                input.model.scan(&input.process.memory, ty, tail, block.address, bytes, &mut each);
            }
        }
        Work::Island(number, offset) => {
            let (Some(block), Some(Island { ty, size })) =
                (input.blocks.get(number), state.islands.get(&(number, offset)))
            else {
                return;
            };
            if let Some(bytes) = bytes(input, block.address + offset, *size) {
                input.model.scan(&input.process.memory, *ty, false, block.address + offset, bytes, &mut each);
            }
        }
    }
}

/// What lies between the islands of a block.
fn read_untyped(input: &Input<'_>, state: &State<'_>, number: u32, found: &mut Vec<Found>) {
    let Some(block) = input.blocks.get(number).filter(|_| state.ty(number).is_none()) else { return };
    let islands = state.islands.range((number, 0)..=(number, u64::MAX));
    let islands = islands.map(|((_, offset), island)| (*offset, island.size));
    for (start, end) in gaps(block.len, islands) {
        if let Some(bytes) = bytes(input, block.address + start, end - start) {
            scan_conservatively(block.address + start, bytes, |pointer| take(input, state, pointer, found));
        }
    }
}

/// The parts of a block of `len` bytes that islands, by offset, leave over.
pub(crate) fn gaps(len: u64, islands: impl Iterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
    let mut gaps = Vec::new();
    let mut at = 0;
    for (offset, size) in islands {
        if at < offset {
            gaps.push((at, offset));
        }
        at = at.max(offset.saturating_add(size));
    }
    if at < len {
        gaps.push((at, len));
    }
    gaps
}

fn take(input: &Input<'_>, state: &State<'_>, pointer: Pointer, found: &mut Vec<Found>) {
    let claim = match pointer.sort {
        Sort::Precise(ty) | Sort::Array(ty, _) => Some(ty),
        Sort::Opaque | Sort::Likely => None,
        Sort::Function => return,
    };
    let hit = match pointer.sort {
        Sort::Likely => input.blocks.at(pointer.word).map(|(block, offset)| (block, offset, false)),
        _ => input.blocks.at_or_past(pointer.word).map(|hit| (hit.block, hit.offset, hit.past)),
    };
    if let Some((block, offset, past)) = hit {
        let found_here = Found { block, offset, claim: claim.filter(|_| !past) };
        if !state.knows(&found_here) {
            found.push(found_here);
        }
    }
}

fn bytes<'a>(input: &Input<'a>, address: u64, len: u64) -> Option<&'a [u8]> {
    input.process.memory.bytes(address, usize::try_from(len).ok()?)
}
