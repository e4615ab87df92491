//! What is believed of each block, and what becomes of a claim.

use super::follow::Work;
use super::types::{Piece, Types};
use super::{Input, Object};
use crate::blocks::Block;
use crate::given::Given;
use crate::marks::Marks;
use crate::model::{Fit, Relation, Sort, Ty};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, BTreeSet};

/// A typed part of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Island {
    /// Its type.
    pub ty: Ty,
    /// In bytes, all of it.
    pub size: u64,
    /// Bytes from one object of it to the next. Of one alone: its size.
    pub stride: u64,
}

impl Island {
    /// One object.
    pub(super) fn one(ty: Ty, size: u64) -> Island {
        Island { ty, size, stride: size }
    }
}

/// Two types that one place cannot both have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Disagreement {
    /// The block.
    pub block: u32,
    /// Bytes from its start.
    pub offset: u64,
    /// What a pointer claims to lie there.
    pub claimed: Ty,
    /// What was known of the place. `None`: nothing, but the claim does not fit the block.
    pub known: Option<Ty>,
}

/// What a pointer says of a place of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) number: u32,
    pub(super) offset: u64,
    pub(super) claimed: Ty,
    /// So many side by side.
    pub(super) count: u32,
}

/// In `disputed`: the block as a whole, not one place of it.
pub(super) const WHOLE: u64 = u64::MAX;

pub(super) struct State<'a> {
    input: &'a Input<'a>,
    /// Blocks, and places of blocks, that are not to be believed any type.
    disputed: &'a FxHashSet<(u32, u64)>,
    pub(super) reached: Marks,
    pub(super) types: Types,
    pub(super) islands: BTreeMap<(u32, u64), Island>,
    pub(super) newly_disputed: FxHashSet<(u32, u64)>,
    /// Blocks that were taken for several objects of a type, and are one of a larger type.
    pub(super) corrected: FxHashMap<u32, Ty>,
    /// Such blocks of earlier passes, and those about which it was said again in this one.
    learnt: &'a FxHashMap<u32, Ty>,
    confirmed: FxHashSet<u32>,
    pub(super) disagreements: Vec<Disagreement>,
    /// Reached, and not of one type as a whole: to be read as bytes, in part at least.
    pub(super) untyped: Vec<u32>,
    /// What something keeps alive that does not read it.
    pub(super) retained: Vec<u32>,
    /// Those that were.
    pub(super) read_as_bytes: Marks,
    /// Something was read otherwise than by what is known of it now: what is reached has to be found out anew.
    pub(super) reread: bool,
}

/// Numbers that one thread looks at at a time.
const CHUNK: usize = 1 << 14;

impl<'a> State<'a> {
    /// `learnt`: types that earlier passes have found out in the end.
    pub(super) fn new(
        input: &'a Input<'a>,
        disputed: &'a FxHashSet<(u32, u64)>,
        learnt: &'a FxHashMap<u32, Ty>,
    ) -> State<'a> {
        let numbers = input.blocks.numbers();
        let mut state = State {
            input,
            disputed,
            reached: Marks::clear(numbers),
            types: Types::unknown(numbers),
            islands: BTreeMap::new(),
            newly_disputed: FxHashSet::default(),
            corrected: FxHashMap::default(),
            learnt,
            confirmed: FxHashSet::default(),
            disagreements: Vec::new(),
            untyped: Vec::new(),
            retained: Vec::new(),
            read_as_bytes: Marks::clear(numbers),
            reread: false,
        };
        state.add_placed();
        state.add_given();
        state
    }

    /// What facts have placed somewhere: it comes before what sites say.
    fn add_placed(&mut self) {
        let model = self.input.model;
        for placed in self.input.placed {
            let Some((number, block, offset)) = self.input.blocks.find(placed.address) else { continue };
            let size = model.map(placed.ty).size;
            let stride = placed.stride.max(size);
            let count = placed.count.min(block.len.saturating_sub(offset).checked_div(stride).unwrap_or(0));
            let is_disputed =
                self.disputed.contains(&(number, WHOLE)) || self.disputed.contains(&(number, offset));
            let is_free = self.island_at(number, offset).is_none()
                && self.islands.range((number, offset)..(number, offset + count * stride)).next().is_none();
            if size > 0 && count > 0 && !is_disputed && is_free {
                self.islands.insert((number, offset), Island { ty: placed.ty, size: count * stride, stride });
            }
        }
    }

    /// What sites say, and what earlier passes have learnt.
    fn add_given(&mut self) {
        let (input, disputed, learnt) = (self.input, self.disputed, self.learnt);
        let has_placed: FxHashSet<u32> = self.islands.keys().map(|(number, _)| *number).collect();
        let fill = |mut piece: Piece<'_>| {
            let mut islands = Vec::new();
            for (number, block) in input.blocks.range(piece.first..piece.end()) {
                if has_placed.contains(&number) || disputed.contains(&(number, WHOLE)) {
                    continue;
                }
                if let Some(ty) = learnt.get(&number) {
                    piece.set(number, *ty);
                    continue;
                }
                let Some(Given { ty, offset, whole }) = input.given.of_block(&block) else { continue };
                let size = input.model.map(ty).size;
                match input.model.fit(ty, block.len.saturating_sub(offset)) {
                    // That one is there, and its size divides, is what a pointer to it would say too.
                    Fit::Exactly(count)
                        if offset == 0 && (whole || count == 1 || is_plausible(input, &block, ty)) =>
                    {
                        piece.set(number, ty);
                    }
                    Fit::WithTail if offset == 0 => piece.set(number, ty),
                    Fit::No => {}
                    _ if disputed.contains(&(number, offset)) => {}
                    Fit::Exactly(count) if whole => {
                        islands.push(((number, offset), Island { ty, size: size * count, stride: size }));
                    }
                    _ => islands.push(((number, offset), Island::one(ty, size))),
                }
            }
            islands
        };
        let islands: Vec<_> = self.types.pieces(CHUNK).flat_map_iter(fill).collect();
        self.islands.extend(islands);
    }

    /// Whether earlier passes have found out a block's type: then it has to be said again in this one.
    #[inline]
    pub(super) fn is_learnt(&self, number: u32) -> bool {
        !self.learnt.is_empty() && self.learnt.contains_key(&number)
    }

    /// The typed parts of a block, by offset.
    pub(super) fn islands_of(&self, number: u32) -> impl Iterator<Item = (u64, Island)> {
        self.islands.range((number, 0)..=(number, u64::MAX)).map(|((_, offset), island)| (*offset, *island))
    }

    /// The typed part of a block that holds a place, and where it begins.
    pub(super) fn island_at(&self, number: u32, offset: u64) -> Option<(u64, Island)> {
        let ((_, start), island) = self.islands.range((number, 0)..=(number, offset)).next_back()?;
        (offset - start < island.size).then_some((*start, *island))
    }

    fn block(&self, number: u32) -> Block {
        self.input.blocks.get(number).unwrap_or(Block { address: 0, len: 0, requested: 0, site: None })
    }

    /// Applies claims, sorted; says what is to be read because of them.
    pub(super) fn apply(&mut self, claims: &[Found]) -> Vec<Work> {
        let mut work = Vec::new();
        let mut new = BTreeSet::new();
        for of_block in claims.chunk_by(|one, next| one.number == next.number) {
            let Some(number) = of_block.first().map(|found| found.number) else { continue };
            new.clear();
            for found in of_block {
                self.claim(*found, &mut new);
            }
            self.reread |= !new.is_empty() && self.read_as_bytes.has(number);
            if new.contains(&WHOLE) {
                let block = self.block(number);
                let ty = self.types.get(number);
                work.extend(ty.map(|ty| Work::Whole { address: block.address, len: block.len, ty }));
            } else {
                let there = new.iter().filter(|offset| self.islands.contains_key(&(number, **offset)));
                work.extend(there.map(|offset| Work::Island(number, *offset)));
            }
        }
        work
    }

    /// Takes a claim, if it can be true. `new` gets the offsets of new islands, and [`WHOLE`] for a new type of the block.
    fn claim(&mut self, found: Found, new: &mut BTreeSet<u64>) {
        let Found { number, offset, claimed, count } = found;
        let (model, len) = (self.input.model, self.block(number).len);
        if let Some(known) = self.types.get(number) {
            if offset == 0 && known == claimed && self.learnt.contains_key(&number) {
                self.confirmed.insert(number);
            }
            let within = Object::of_block(model, known, len, offset).within;
            let is_number = model.is_number(claimed);
            match model.relation(known, within, claimed) {
                Relation::Within => {}
                _ if is_number => {}
                Relation::Around if offset == 0 && self.fills(number, claimed) => {
                    let were_more = matches!(model.fit(known, len), Fit::Exactly(count) if count > 1);
                    if were_more || model.variant(claimed).is_some() {
                        // What was read as further elements, or as of no variant, has made claims that nothing stands for any more.
                        self.corrected.insert(number, claimed);
                    }
                    self.types.set(number, Some(claimed));
                    self.reread = true;
                    new.insert(WHOLE);
                }
                Relation::Around | Relation::Disagree => {
                    self.disagree(number, offset, claimed, Some(known));
                    self.newly_disputed.insert((number, WHOLE));
                }
            }
            return;
        }
        if self.disputed.contains(&(number, WHOLE)) || self.disputed.contains(&(number, offset)) {
            return;
        }
        if self.is_said(found) {
            return;
        }
        let size = model.map(claimed).size;
        let room = len.saturating_sub(offset).checked_div(size).unwrap_or(0);
        let island = Island { ty: claimed, size: size * u64::from(count).min(room), stride: size };
        if size == 0 || size > len.saturating_sub(offset) {
            if !model.is_number(claimed) {
                self.disagree(number, offset, claimed, None);
            }
            return;
        }
        let is_all = count == 1 || island.size == len;
        if offset == 0 && is_all && self.fills(number, claimed) {
            let islands = self.islands.range((number, 0)..=(number, u64::MAX));
            let stranger =
                islands.map(|((_, offset), island)| (*offset, *island)).find(|(offset, island)| {
                    let within = Object::of_block(model, claimed, len, *offset).within;
                    model.relation(claimed, within, island.ty) != Relation::Within
                });
            match stranger {
                None => {
                    let inside = self.islands.extract_if((number, 0)..=(number, u64::MAX), |_, _| true);
                    self.reread |= inside.count() > 0;
                    self.types.set(number, Some(claimed));
                    new.insert(WHOLE);
                }
                // One object at the start may still be there.
                Some((at, _)) if at >= island.size => self.settle(number, 0, island, new),
                Some((at, island)) => {
                    self.disagree(number, at, claimed, Some(island.ty));
                    self.newly_disputed.extend([(number, 0), (number, at)]);
                }
            }
        } else if !model.is_number(claimed) {
            self.settle(number, offset, island, new);
        }
    }

    /// Whether an island says already what a claim does: also one that another claim of the same round has made.
    fn is_said(&self, Found { number, offset, claimed, count }: Found) -> bool {
        self.island_at(number, offset).is_some_and(|(start, island)| {
            let into = offset - start;
            let end = into.saturating_add(u64::from(count).saturating_mul(island.stride));
            let relation = self.input.model.relation(island.ty, into % island.stride.max(1), claimed);
            (count == 1 || end <= island.size) && relation == Relation::Within
        })
    }

    /// Whether a block can be of a type as a whole.
    fn fills(&self, number: u32, ty: Ty) -> bool {
        match self.input.model.fit(ty, self.block(number).len) {
            // What is in an area is for the program to say, not its size.
            _ if self.input.blocks.is_area(number) => false,
            Fit::Exactly(1) | Fit::WithTail => true,
            Fit::Exactly(_) => is_plausible(self.input, &self.block(number), ty),
            Fit::Part | Fit::No => false,
        }
    }

    /// Makes an island, if those that are there leave room for it.
    fn settle(&mut self, number: u32, offset: u64, island: Island, new: &mut BTreeSet<u64>) {
        let model = self.input.model;
        let (mut offset, mut island) = (offset, island);
        if let Some((at, before)) = self.island_at(number, offset) {
            let within = (offset - at) % before.stride.max(1);
            let end = (offset - at).saturating_add(island.size);
            match model.relation(before.ty, within, island.ty) {
                Relation::Within if end <= before.size || island.ty != before.ty || within != 0 => return,
                // More of the same.
                Relation::Within => (offset, island) = (at, Island { size: end, ..before }),
                Relation::Around if at == offset => {}
                Relation::Around | Relation::Disagree => {
                    self.disagree(number, offset, island.ty, Some(before.ty));
                    self.newly_disputed.extend([(number, at), (number, offset)]);
                    return;
                }
            }
        }
        let end = offset.saturating_add(island.size);
        let inside = self.islands.range((number, offset)..(number, end));
        let inside: Vec<(u64, Ty)> = inside.map(|((_, at), inside)| (*at, inside.ty)).collect();
        let is_strange = |at: u64, ty| {
            let within = (at - offset) % island.stride.max(1);
            model.relation(island.ty, within, ty) != Relation::Within
        };
        if let Some((at, ty)) = inside.iter().find(|(at, ty)| is_strange(*at, *ty)) {
            self.disagree(number, *at, island.ty, Some(*ty));
            self.newly_disputed.extend([(number, *at), (number, offset)]);
            return;
        }
        self.reread |= !inside.is_empty();
        for (at, _) in inside {
            self.islands.remove(&(number, at));
        }
        self.islands.insert((number, offset), island);
        new.insert(offset);
    }

    fn disagree(&mut self, number: u32, offset: u64, claimed: Ty, known: Option<Ty>) {
        self.disagreements.push(Disagreement { block: number, offset, claimed, known });
    }

    /// Blocks whose type was learnt from what nobody says any more.
    pub(super) fn unconfirmed(&self) -> impl Iterator<Item = u32> {
        self.learnt.keys().copied().filter(|number| !self.confirmed.contains(number))
    }

    /// Unlearns the types of places that are in dispute.
    pub(super) fn forget(&mut self, places: &FxHashSet<(u32, u64)>) {
        self.reread |= !places.is_empty();
        for (number, offset) in places {
            if *offset == WHOLE {
                self.types.set(*number, None);
            } else {
                self.islands.remove(&(*number, *offset));
            }
        }
    }

    /// What is only kept alive is reached, and nobody reads what it holds.
    pub(super) fn retain(&mut self) {
        let byte = self.input.model.byte();
        for number in std::mem::take(&mut self.retained) {
            if !self.reached.set(number) {
                continue;
            }
            self.types.set(number, byte);
            let islands: Vec<(u32, u64)> =
                self.islands.range((number, 0)..=(number, u64::MAX)).map(|(place, _)| *place).collect();
            for place in islands {
                self.islands.remove(&place);
            }
        }
    }
}

/// A pointer to one object does not say that others follow; that the size divides may be chance. If what would be pointers in them
/// leads nowhere, it was; and what is behind an object that has room for others is in that room.
fn is_plausible(input: &Input<'_>, block: &Block, ty: Ty) -> bool {
    let memory = &input.process.memory;
    if !input.model.map(ty).scratch.is_empty() {
        return false;
    }
    let len = usize::try_from(block.len).unwrap_or(usize::MAX);
    let Some(bytes) = memory.bytes(block.address, len) else { return false };
    let mut plausible = true;
    input.model.scan(memory, ty, false, block.address, bytes, &mut |pointer| {
        if matches!(pointer.sort, Sort::Precise(_) | Sort::Function) {
            plausible &= memory.segment_at(pointer.word).is_some();
        }
    });
    plausible
}
