//! What is believed of each block, and what becomes of a claim.

use super::{Input, Object};
use crate::model::{Fit, Relation, Sort, Ty};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// A typed part of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Island {
    /// Its type.
    pub ty: Ty,
    /// In bytes.
    pub size: u64,
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

/// A pointer that was found to a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) block: u32,
    pub(super) offset: u64,
    /// `None`: of the pointer nothing more is known than where it leads.
    pub(super) claim: Option<Ty>,
}

/// Something that is to be read by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// A root, by its number.
    Root(usize),
    /// All of a block.
    Block(u32),
    /// A part of a block.
    Island(u32, u64),
}

/// In `disputed`: the block as a whole, not one place of it.
pub(super) const WHOLE: u64 = u64::MAX;

pub(super) struct State<'a> {
    input: &'a Input<'a>,
    /// Blocks, and places of blocks, that are not to be believed any type.
    disputed: &'a FxHashSet<(u32, u64)>,
    pub(super) reached: Vec<bool>,
    pub(super) types: Vec<Option<Ty>>,
    pub(super) islands: BTreeMap<(u32, u64), Island>,
    pub(super) newly_disputed: FxHashSet<(u32, u64)>,
    /// Blocks that were taken for several objects of a type, and are one of a larger type.
    pub(super) corrected: FxHashMap<u32, Ty>,
    /// Such blocks of earlier passes, and those about which it was said again in this one.
    learnt: &'a FxHashMap<u32, Ty>,
    confirmed: FxHashSet<u32>,
    pub(super) disagreements: Vec<Disagreement>,
    /// Reached, and not of one type as a whole: to be read conservatively, in part at least.
    pub(super) untyped: Vec<u32>,
}

impl<'a> State<'a> {
    /// `learnt`: types that earlier passes have found out in the end.
    pub(super) fn new(
        input: &'a Input<'a>,
        disputed: &'a FxHashSet<(u32, u64)>,
        learnt: &'a FxHashMap<u32, Ty>,
    ) -> State<'a> {
        let count = input.blocks.all().len();
        let mut state = State {
            input,
            disputed,
            reached: vec![false; count],
            types: vec![None; count],
            islands: BTreeMap::new(),
            newly_disputed: FxHashSet::default(),
            corrected: FxHashMap::default(),
            learnt,
            confirmed: FxHashSet::default(),
            disagreements: Vec::new(),
            untyped: Vec::new(),
        };
        for ((number, block), given) in (0u32..).zip(input.blocks.all()).zip(input.given) {
            if disputed.contains(&(number, WHOLE)) {
                continue;
            }
            if let Some(ty) = learnt.get(&number) {
                state.set(number, *ty);
                continue;
            }
            let Some(given) = given else { continue };
            match input.model.fit(given.ty, block.len) {
                Fit::Exactly(count) if given.whole || count == 1 => state.set(number, given.ty),
                Fit::WithTail => state.set(number, given.ty),
                Fit::Exactly(_) | Fit::Part if !disputed.contains(&(number, 0)) => {
                    let size = input.model.map(given.ty).size;
                    state.islands.insert((number, 0), Island { ty: given.ty, size });
                }
                Fit::Exactly(_) | Fit::Part | Fit::No => {}
            }
        }
        state
    }

    fn set(&mut self, block: u32, ty: Ty) {
        if let Some(place) = usize::try_from(block).ok().and_then(|block| self.types.get_mut(block)) {
            *place = Some(ty);
        }
    }

    pub(super) fn ty(&self, block: u32) -> Option<Ty> {
        *self.types.get(usize::try_from(block).ok()?)?
    }

    fn len(&self, block: u32) -> u64 {
        self.input.blocks.get(block).map_or(0, |block| block.len)
    }

    /// Whether a pointer says nothing new: most do not, and need not be sorted.
    pub(super) fn knows(&self, found: &Found) -> bool {
        let reached = usize::try_from(found.block).ok().and_then(|block| self.reached.get(block));
        if reached != Some(&true) {
            return false;
        }
        let Some(claimed) = found.claim else { return true };
        match self.ty(found.block) {
            Some(_) if found.offset == 0 && self.learnt.contains_key(&found.block) => false,
            Some(known) if known == claimed && found.offset == 0 => true,
            Some(known) => {
                let object = Object::of_block(self.input.model, known, self.len(found.block), found.offset);
                self.input.model.relation(known, object.within, claimed) == Relation::Within
            }
            None => self.islands.get(&(found.block, found.offset)).is_some_and(|island| island.ty == claimed),
        }
    }

    /// Applies what a round has found, sorted; says what is to be read now.
    pub(super) fn apply(&mut self, found: &[Found]) -> Vec<Work> {
        let mut work = Vec::new();
        for of_block in found.chunk_by(|one, next| one.block == next.block) {
            let Some(block) = of_block.first().map(|found| found.block) else { continue };
            let mut at = BTreeMap::new();
            for found in of_block {
                if let Some(claimed) = found.claim {
                    self.claim(block, found.offset, claimed, &mut at);
                }
            }
            let reached = usize::try_from(block).ok().and_then(|block| self.reached.get_mut(block));
            let newly = reached.is_some_and(|reached| !std::mem::replace(reached, true));
            match (self.ty(block), newly) {
                (Some(_), true) => work.push(Work::Block(block)),
                (Some(_), false) if at.contains_key(&WHOLE) => work.push(Work::Block(block)),
                (Some(_), false) => {}
                (None, true) => {
                    let islands = self.islands.range((block, 0)..=(block, u64::MAX));
                    work.extend(islands.map(|((block, offset), _)| Work::Island(*block, *offset)));
                    self.untyped.push(block);
                }
                (None, false) => {
                    let is_there = |offset: &&u64| self.islands.contains_key(&(block, **offset));
                    work.extend(at.keys().filter(is_there).map(|offset| Work::Island(block, *offset)));
                }
            }
        }
        work
    }

    /// Takes a claim, if it can be true. `new` gets the offsets of new islands, and [`WHOLE`] for a new type of the block.
    fn claim(&mut self, block: u32, offset: u64, claimed: Ty, new: &mut BTreeMap<u64, ()>) {
        let (model, len) = (self.input.model, self.len(block));
        if let Some(known) = self.ty(block) {
            if offset == 0 && known == claimed && self.learnt.contains_key(&block) {
                self.confirmed.insert(block);
            }
            let within = Object::of_block(model, known, len, offset).within;
            let is_number = model.is_number(claimed);
            match model.relation(known, within, claimed) {
                Relation::Within => {}
                _ if is_number => {}
                Relation::Around if offset == 0 && self.fills(block, claimed) => {
                    if matches!(model.fit(known, len), Fit::Exactly(count) if count > 1) {
                        // What was read as further elements has made claims that nothing stands for any more.
                        self.corrected.insert(block, claimed);
                    }
                    self.set(block, claimed);
                    new.insert(WHOLE, ());
                }
                Relation::Around | Relation::Disagree => {
                    self.disagree(block, offset, claimed, Some(known));
                    self.newly_disputed.insert((block, WHOLE));
                }
            }
            return;
        }
        if self.disputed.contains(&(block, WHOLE)) || self.disputed.contains(&(block, offset)) {
            return;
        }
        let size = model.map(claimed).size;
        if size == 0 || size > len.saturating_sub(offset) {
            if !model.is_number(claimed) {
                self.disagree(block, offset, claimed, None);
            }
            return;
        }
        if offset == 0 && self.fills(block, claimed) {
            let islands = self.islands.range((block, 0)..=(block, u64::MAX));
            let stranger =
                islands.map(|((_, offset), island)| (*offset, *island)).find(|(offset, island)| {
                    let within = Object::of_block(model, claimed, len, *offset).within;
                    model.relation(claimed, within, island.ty) != Relation::Within
                });
            match stranger {
                None => {
                    self.islands.extract_if((block, 0)..=(block, u64::MAX), |_, _| true).for_each(drop);
                    self.set(block, claimed);
                    new.insert(WHOLE, ());
                }
                // One object at the start may still be there.
                Some((at, _)) if at >= size => self.settle(block, 0, Island { ty: claimed, size }, new),
                Some((at, island)) => {
                    self.disagree(block, at, claimed, Some(island.ty));
                    self.newly_disputed.extend([(block, 0), (block, at)]);
                }
            }
        } else if !model.is_number(claimed) {
            self.settle(block, offset, Island { ty: claimed, size }, new);
        }
    }

    /// Whether a block can be of a type as a whole.
    fn fills(&self, block: u32, ty: Ty) -> bool {
        match self.input.model.fit(ty, self.len(block)) {
            Fit::Exactly(1) | Fit::WithTail => true,
            Fit::Exactly(_) => self.is_plausible(block, ty),
            Fit::Part | Fit::No => false,
        }
    }

    /// A pointer to one object does not say that others follow; that the size divides may be chance. If what would be pointers in them
    /// leads nowhere, it was.
    fn is_plausible(&self, block: u32, ty: Ty) -> bool {
        let Some(found) = self.input.blocks.get(block) else { return false };
        let memory = &self.input.process.memory;
        let len = usize::try_from(found.len).unwrap_or(usize::MAX);
        let Some(bytes) = memory.bytes(found.address, len) else { return false };
        let mut plausible = true;
        self.input.model.scan(memory, ty, false, found.address, bytes, &mut |pointer| {
            if matches!(pointer.sort, Sort::Precise(_) | Sort::Function) {
                plausible &= memory.segment_at(pointer.word).is_some();
            }
        });
        plausible
    }

    /// Makes an island, if those that are there leave room for it.
    fn settle(&mut self, block: u32, offset: u64, island: Island, new: &mut BTreeMap<u64, ()>) {
        let model = self.input.model;
        let before = self.islands.range((block, 0)..=(block, offset)).next_back();
        let before = before.map(|((_, at), before)| (*at, *before));
        if let Some((at, before)) = before.filter(|(at, before)| offset < at.saturating_add(before.size)) {
            match model.relation(before.ty, offset - at, island.ty) {
                Relation::Within => return,
                Relation::Around if at == offset => {}
                Relation::Around | Relation::Disagree => {
                    self.disagree(block, offset, island.ty, Some(before.ty));
                    self.newly_disputed.extend([(block, at), (block, offset)]);
                    return;
                }
            }
        }
        let end = offset.saturating_add(island.size);
        let inside = self.islands.range((block, offset)..(block, end));
        let inside: Vec<(u64, Ty)> = inside.map(|((_, at), inside)| (*at, inside.ty)).collect();
        let stranger =
            inside.iter().find(|(at, ty)| model.relation(island.ty, at - offset, *ty) != Relation::Within);
        if let Some((at, ty)) = stranger {
            self.disagree(block, *at, island.ty, Some(*ty));
            self.newly_disputed.extend([(block, *at), (block, offset)]);
            return;
        }
        for (at, _) in inside {
            self.islands.remove(&(block, at));
        }
        self.islands.insert((block, offset), island);
        new.insert(offset, ());
    }

    fn disagree(&mut self, block: u32, offset: u64, claimed: Ty, known: Option<Ty>) {
        self.disagreements.push(Disagreement { block, offset, claimed, known });
    }

    /// Blocks whose type was learnt from what nobody says any more.
    pub(super) fn unconfirmed(&self) -> impl Iterator<Item = u32> {
        self.learnt.keys().copied().filter(|block| !self.confirmed.contains(block))
    }

    /// Unlearns the types of places that are in dispute.
    pub(super) fn forget(&mut self, places: &FxHashSet<(u32, u64)>) {
        for (block, offset) in places {
            if *offset == WHOLE {
                if let Some(ty) = usize::try_from(*block).ok().and_then(|block| self.types.get_mut(block)) {
                    *ty = None;
                }
            } else {
                self.islands.remove(&(*block, *offset));
            }
        }
    }
}
