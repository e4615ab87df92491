//! Following pointers, as far as what is known of types leads: everything that can be reached, and what was claimed on the way.

use super::claims::{Found, State};
use super::{Input, read};
use crate::blocks::Block;
use crate::model::{Pointer, Sort, Ty, Within};
use crate::prefetch::{Queue, prefetch_bytes};
use crate::spread::{Worker, exhaust};
use rayon::prelude::*;

/// Something that is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// A root, by its number, by its type or as bytes.
    Root(usize),
    /// All of a block, by its type.
    Whole { address: u64, len: u64, ty: Ty },
    /// A typed part of one, by its offset.
    Island(u32, u64),
    /// What its islands leave over, as bytes.
    Rest(u32),
}

/// Marks until nothing is new.
pub(super) fn run(input: &Input<'_>, state: &mut State<'_>) {
    let mut front: Vec<Work> = (0..input.roots.len()).map(Work::Root).collect();
    for (number, _) in input.blocks.areas() {
        state.reached.set(number);
        state.islands_of(number).for_each(|(offset, _)| front.push(Work::Island(number, offset)));
        state.untyped.push(number);
    }
    loop {
        while !front.is_empty() {
            let workers = exhaust(front, || Follower::new(input, state));
            let mut claims = Vec::new();
            let mut untyped = Vec::new();
            let mut retained = Vec::new();
            for mut worker in workers {
                claims.append(&mut worker.claims);
                untyped.append(&mut worker.untyped);
                retained.append(&mut worker.retained);
            }
            state.untyped.append(&mut untyped);
            state.retained.append(&mut retained);
            in_order(&mut claims);
            front = state.apply(&claims);
        }
        // What has a type by now was read by it.
        let untyped = std::mem::take(&mut state.untyped);
        front.extend(untyped.into_iter().filter(|number| state.types.get(*number).is_none()).map(Work::Rest));
        if front.is_empty() {
            return;
        }
        for work in &front {
            if let Work::Rest(number) = work {
                state.read_as_bytes.set(*number);
            }
        }
    }
}

/// Sorted, each once: what comes of claims must not depend on who found them when.
fn in_order(claims: &mut Vec<Found>) {
    /// Fewer are sorted by one thread.
    const FEW: usize = 4096;
    if claims.len() < FEW {
        claims.sort_unstable();
    } else {
        claims.par_sort_unstable();
    }
    claims.dedup();
}

/// Reads objects, and remembers what it cannot decide.
struct Follower<'s, 'a> {
    input: &'s Input<'a>,
    state: &'s State<'a>,
    /// What is not known to be true.
    claims: Vec<Found>,
    /// From this length on it is worth to look for equal ones.
    crowded: usize,
    /// Reached for the first time, and not of one type as a whole.
    untyped: Vec<u32>,
    /// What something keeps alive that does not read it.
    retained: Vec<u32>,
    within: Within<'s, 'a>,
    /// Pointers whose targets have been asked for.
    pointers: Queue<Pointer>,
    /// Objects whose bytes have.
    objects: Queue<(u64, Ty, &'a [u8])>,
}

/// Claims that are kept before equal ones are looked for.
const CROWDED: usize = 1 << 16;

impl<'s, 'a> Follower<'s, 'a> {
    fn new(input: &'s Input<'a>, state: &'s State<'a>) -> Follower<'s, 'a> {
        Follower {
            input,
            state,
            claims: Vec::new(),
            crowded: CROWDED,
            untyped: Vec::new(),
            retained: Vec::new(),
            within: Within::new(input.model),
            pointers: Queue::new(),
            objects: Queue::new(),
        }
    }

    /// Reads an object that fills a block.
    #[inline]
    fn read(&mut self, (address, ty, bytes): (u64, Ty, &'a [u8]), more: &mut Vec<Work>) {
        let input = self.input;
        read::whole(input, address, bytes, ty, &mut |pointer| self.foresee(pointer, more));
    }

    /// Asks for what a pointer leads to, and follows the one that was asked for a while ago.
    #[inline]
    fn foresee(&mut self, pointer: Pointer, more: &mut Vec<Work>) {
        if pointer.sort == Sort::Function {
            return;
        }
        if let Some(number) = self.input.blocks.foresee(pointer.word) {
            self.state.types.foresee(number);
        }
        if let Some(pointer) = self.pointers.push(pointer) {
            self.take(pointer, more);
        }
    }

    /// Follows a pointer.
    #[inline]
    fn take(&mut self, pointer: Pointer, more: &mut Vec<Work>) {
        let (number, block, offset, claim) = match pointer.sort {
            Sort::Function => return,
            Sort::Likely => {
                let Some((number, block, offset)) = self.input.blocks.find(pointer.word) else { return };
                (number, block, offset, None)
            }
            Sort::Retained => {
                self.retained.extend(self.input.blocks.at_or_past(pointer.word).map(|hit| hit.number));
                return;
            }
            Sort::Precise(_) | Sort::Array(..) | Sort::Opaque => {
                let Some(hit) = self.input.blocks.at_or_past(pointer.word) else { return };
                let claim = match pointer.sort {
                    _ if hit.past => None,
                    Sort::Precise(ty) => Some((ty, 1)),
                    Sort::Array(ty, count) => Some((ty, count)),
                    _ => None,
                };
                (hit.number, hit.block, hit.offset, claim)
            }
        };
        let ty = self.state.types.get(number);
        if let Some((claimed, count)) = claim {
            let found = Found { number, offset, claimed, count };
            if !self.is_known(&block, ty, found) {
                self.claim(found);
            }
        }
        if self.state.reached.set(number) {
            match ty {
                Some(ty) => more.push(Work::Whole { address: block.address, len: block.len, ty }),
                None => {
                    let islands = self.state.islands_of(number);
                    more.extend(islands.map(|(offset, _)| Work::Island(number, offset)));
                    self.untyped.push(number);
                }
            }
        }
    }

    fn claim(&mut self, found: Found) {
        self.claims.push(found);
        if self.claims.len() >= self.crowded {
            self.claims.sort_unstable();
            self.claims.dedup();
            self.crowded = CROWDED.max(self.claims.len() * 2);
        }
    }

    /// Whether a claim says nothing new: most do not.
    #[inline]
    fn is_known(&mut self, block: &Block, ty: Option<Ty>, found: Found) -> bool {
        let Found { number, offset, claimed, count } = found;
        match ty {
            Some(known) if known == claimed && offset == 0 => !self.state.is_learnt(number),
            Some(known) => {
                let within = super::Object::of_block(self.input.model, known, block.len, offset).within;
                self.within.is(known, within, claimed)
            }
            None => self.state.island_at(number, offset).is_some_and(|(start, island)| {
                let within = (offset - start) % island.stride.max(1);
                let end = (offset - start).saturating_add(u64::from(count).saturating_mul(island.stride));
                (count == 1 || end <= island.size) && self.within.is(island.ty, within, claimed)
            }),
        }
    }
}

impl Worker for Follower<'_, '_> {
    type Item = Work;

    #[inline]
    fn work(&mut self, work: Work, more: &mut Vec<Work>) {
        let (input, state) = (self.input, self.state);
        if let Work::Whole { address, len, ty } = work {
            let Some(bytes) = input.process.memory.bytes(address, usize::try_from(len).unwrap_or(usize::MAX))
            else {
                return;
            };
            prefetch_bytes(bytes);
            if let Some(object) = self.objects.push((address, ty, bytes)) {
                self.read(object, more);
            }
            return;
        }
        let mut each = |pointer| self.foresee(pointer, more);
        match work {
            Work::Root(number) => {
                if let Some(root) = input.roots.get(number) {
                    read::root(input, root, &mut each);
                }
            }
            Work::Whole { .. } => {}
            Work::Island(number, offset) => {
                let island = state.islands.get(&(number, offset));
                if let (Some(block), Some(island)) = (input.blocks.get(number), island) {
                    read::island(input, &block, offset, *island, &mut each);
                }
            }
            Work::Rest(number) => {
                if let Some(block) = input.blocks.get(number) {
                    read::rest(input, &block, state.islands_of(number), &mut each);
                }
            }
        }
    }

    fn catch_up(&mut self, more: &mut Vec<Work>) {
        while more.is_empty() {
            if let Some(pointer) = self.pointers.pop() {
                self.take(pointer, more);
            } else if let Some(object) = self.objects.pop() {
                self.read(object, more);
            } else {
                return;
            }
        }
    }
}
