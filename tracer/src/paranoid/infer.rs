//! What each block is, found out once more, by the rules that [`crate::mark`] gives:
//!
//! 1. What facts have placed is believed, then what sites say of blocks where nothing was placed.
//! 2. From roots and areas on, everything is read that what is believed leads to; beliefs do not change meanwhile. Precise pointers
//!    claim.
//! 3. Claims are taken by block, offset and type, in that order; what they change is read, and so on from 2.
//! 4. When nothing is left to read, the untyped bytes of the blocks that were reached are, and it goes on from 2.
//! 5. If places came into dispute, or blocks turned out to be one larger object where several smaller ones had been believed, all of it
//!    begins anew with that knowledge; at most as often as the first tracer does.
//!
//! Here with one thread, one object at a time, and everything in maps and sets.

use super::Twin;
use super::blocks::Target;
use super::words::{Item, Word};
use crate::blocks::Block;
use crate::model::{Relation, Ty};
use std::collections::{BTreeMap, BTreeSet};

/// How often it begins anew at most: what is found then is what counts.
const PASSES_MAX: u32 = 12;

/// A typed part of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) ty: Ty,
    pub(super) size: u64,
    pub(super) stride: u64,
}

/// A place that types do not agree on: block, offset, what is claimed, what was known.
pub(super) type Dispute = (u32, u64, Ty, Option<Ty>);

/// What is believed.
#[derive(Debug, Default)]
pub(super) struct Beliefs {
    pub(super) whole: BTreeMap<u32, Ty>,
    pub(super) parts: BTreeMap<u32, BTreeMap<u64, Part>>,
    pub(super) disputes: BTreeSet<Dispute>,
}

impl Beliefs {
    /// The part of a block that holds a place, and where it begins.
    pub(super) fn part_over(&self, number: u32, offset: u64) -> Option<(u64, Part)> {
        let (at, part) = self.parts.get(&number)?.range(..=offset).next_back()?;
        (offset < at + part.size).then_some((*at, *part))
    }
}

/// How a block is filled by objects of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    By(u64),
    WithTail,
    InPart,
    Not,
}

/// What is not to be believed, and what is to be from the beginning; over passes.
#[derive(Default)]
struct Lessons {
    places: BTreeSet<(u32, u64)>,
    blocks: BTreeSet<u32>,
    larger: BTreeMap<u32, Ty>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    Root(usize),
    Whole(u32),
    Part(u32, u64),
    Rest(u32),
}

struct Pass<'p, 'a> {
    twin: &'p Twin<'a>,
    lessons: &'p Lessons,
    beliefs: Beliefs,
    reached: BTreeSet<u32>,
    untyped: BTreeSet<u32>,
    /// What something keeps alive that does not read it.
    kept: BTreeSet<u32>,
    /// Block, offset, type, how many.
    claims: BTreeSet<(u32, u64, Ty, u32)>,
    confirmed: BTreeSet<u32>,
    new: Lessons,
}

impl Twin<'_> {
    /// What is believed in the end.
    pub(super) fn infer(&self) -> Beliefs {
        let mut lessons = Lessons::default();
        let mut disputes = BTreeSet::new();
        for pass in 1.. {
            let mut state = Pass {
                twin: self,
                lessons: &lessons,
                beliefs: Beliefs::default(),
                reached: BTreeSet::new(),
                untyped: BTreeSet::new(),
                kept: BTreeSet::new(),
                claims: BTreeSet::new(),
                confirmed: BTreeSet::new(),
                new: Lessons::default(),
            };
            state.begin();
            state.run();
            let Pass { beliefs, confirmed, reached, kept, mut new, .. } = state;
            // What was learnt and is not said any more was wrong.
            let unsaid: Vec<u32> =
                lessons.larger.keys().copied().filter(|number| !confirmed.contains(number)).collect();
            new.blocks.extend(&unsaid);
            disputes.extend(&beliefs.disputes);
            let is_done = new.places.is_empty() && new.blocks.is_empty() && new.larger.is_empty();
            if is_done || pass == PASSES_MAX {
                let Beliefs { mut whole, mut parts, .. } = beliefs;
                whole.retain(|number, _| !new.blocks.contains(number));
                for (number, offset) in &new.places {
                    parts.get_mut(number).and_then(|parts| parts.remove(offset));
                }
                // What nobody reads holds nothing.
                for number in kept.difference(&reached) {
                    parts.remove(number);
                    whole.extend(self.input.model.byte().map(|byte| (*number, byte)));
                }
                parts.retain(|_, parts| !parts.is_empty());
                return Beliefs { whole, parts, disputes };
            }
            lessons.places.extend(new.places);
            lessons.blocks.extend(new.blocks);
            lessons.larger.extend(new.larger);
            lessons.larger.retain(|number, _| !unsaid.contains(number));
        }
        Beliefs::default()
    }

    /// How a type fits so many bytes.
    pub(super) fn filled(&self, ty: Ty, len: u64) -> Filled {
        match self.size(ty) {
            0 => Filled::Not,
            size if size > len => Filled::Not,
            size if size == len => Filled::By(1),
            _ if self.has_tail(ty) => Filled::WithTail,
            size if len.is_multiple_of(size) => Filled::By(len / size),
            _ => Filled::InPart,
        }
    }

    /// Bytes into the one object that holds a place of a block of one type.
    pub(super) fn within_object(&self, ty: Ty, len: u64, offset: u64) -> u64 {
        match self.filled(ty, len) {
            Filled::By(_) => offset % self.size(ty),
            _ => offset,
        }
    }
}

impl Pass<'_, '_> {
    fn begin(&mut self) {
        let twin = self.twin;
        for placed in twin.input.placed {
            let Some(Target { number, into, .. }) = twin.blocks.at(placed.address) else { continue };
            let len = twin.blocks.get(number).map_or(0, |block| block.len);
            let size = twin.size(placed.ty);
            let stride = placed.stride.max(size);
            let Some(room) = len.saturating_sub(into).checked_div(stride) else { continue };
            let size_of_all = placed.count.min(room) * stride;
            let is_taken = self
                .parts_of(number)
                .any(|(at, part)| at < into + size_of_all.max(1) && into < at + part.size);
            if size > 0 && size_of_all > 0 && !is_taken && !self.is_disputed(number, into) {
                let part = Part { ty: placed.ty, size: size_of_all, stride };
                self.beliefs.parts.entry(number).or_default().insert(into, part);
            }
        }
        let has_placed: BTreeSet<u32> = self.beliefs.parts.keys().copied().collect();
        for (number, block) in twin.blocks.all().filter(|(number, _)| *number < twin.blocks.first_area) {
            if has_placed.contains(&number) || self.lessons.blocks.contains(&number) {
                continue;
            }
            if let Some(ty) = self.lessons.larger.get(&number) {
                self.beliefs.whole.insert(number, *ty);
                continue;
            }
            let Some(given) = twin.input.given(number) else { continue };
            let size = twin.size(given.ty);
            let filled = twin.filled(given.ty, block.len.saturating_sub(given.offset));
            let is_whole = given.offset == 0
                && (matches!(filled, Filled::By(1) | Filled::WithTail)
                    || matches!(filled, Filled::By(_)) && (given.whole || self.can_be(number, given.ty)));
            if is_whole {
                self.beliefs.whole.insert(number, given.ty);
            } else if filled != Filled::Not && !self.is_disputed(number, given.offset) {
                let count = match filled {
                    Filled::By(count) if given.whole => count,
                    _ => 1,
                };
                let part = Part { ty: given.ty, size: size * count, stride: size };
                self.beliefs.parts.entry(number).or_default().insert(given.offset, part);
            }
        }
    }

    fn run(&mut self) {
        let twin = self.twin;
        let mut tasks: Vec<Task> = (0..twin.input.roots.len()).map(Task::Root).collect();
        for (number, _) in twin.blocks.all().filter(|(number, _)| *number >= twin.blocks.first_area) {
            self.reach(number, &mut tasks);
        }
        loop {
            while !tasks.is_empty() {
                while let Some(task) = tasks.pop() {
                    self.perform(task, &mut tasks);
                }
                for (number, offset, claimed, count) in std::mem::take(&mut self.claims) {
                    self.claim(number, offset, claimed, count, &mut tasks);
                }
                // What another claim on the same block has replaced is not there to be read.
                tasks.retain(|task| match task {
                    Task::Part(number, offset) => self.part_at(*number, *offset).is_some(),
                    _ => true,
                });
            }
            let untyped = std::mem::take(&mut self.untyped);
            let untyped = untyped.into_iter().filter(|number| !self.beliefs.whole.contains_key(number));
            tasks.extend(untyped.map(Task::Rest));
            if tasks.is_empty() {
                return;
            }
        }
    }

    fn reach(&mut self, number: u32, tasks: &mut Vec<Task>) {
        if !self.reached.insert(number) {
            return;
        }
        if self.beliefs.whole.contains_key(&number) {
            tasks.push(Task::Whole(number));
        } else {
            tasks.extend(self.parts_of(number).map(|(at, _)| Task::Part(number, at)));
            self.untyped.insert(number);
        }
    }

    fn perform(&mut self, task: Task, tasks: &mut Vec<Task>) {
        let twin = self.twin;
        let read = match task {
            Task::Root(root) => twin.read_root(root),
            Task::Whole(number) => twin.read_whole(number, &self.beliefs),
            Task::Part(number, offset) => twin.read_part(number, offset, &self.beliefs),
            Task::Rest(number) => twin.read_rest(number, &self.beliefs),
        };
        for (Item { word, .. }, value) in read {
            let target = match word {
                Word::Code => continue,
                Word::Maybe | Word::Bytes(_) => twin.blocks.at(value),
                Word::To(..) | Word::Open | Word::Keeps => twin.blocks.at_or_past(value),
            };
            let Some(Target { number, into, is_past }) = target else { continue };
            if word == Word::Keeps {
                self.kept.insert(number);
                continue;
            }
            if let Word::To(claimed, count) = word
                && !is_past
            {
                self.claims.insert((number, into, claimed, count.unwrap_or(1)));
            }
            self.reach(number, tasks);
        }
    }

    fn parts_of(&self, number: u32) -> impl Iterator<Item = (u64, Part)> {
        self.beliefs.parts.get(&number).into_iter().flatten().map(|(at, part)| (*at, *part))
    }

    fn part_at(&self, number: u32, offset: u64) -> Option<Part> {
        self.beliefs.parts.get(&number)?.get(&offset).copied()
    }

    fn is_disputed(&self, number: u32, offset: u64) -> bool {
        self.lessons.blocks.contains(&number) || self.lessons.places.contains(&(number, offset))
    }

    fn claim(&mut self, number: u32, offset: u64, claimed: Ty, count: u32, tasks: &mut Vec<Task>) {
        let twin = self.twin;
        let len = twin.blocks.get(number).map_or(0, |block| block.len);
        let is_number = twin.is_number(claimed);
        if let Some(known) = self.beliefs.whole.get(&number).copied() {
            if offset == 0 && known == claimed && self.lessons.larger.contains_key(&number) {
                self.confirmed.insert(number);
            }
            match twin.relation(known, twin.within_object(known, len, offset), claimed) {
                Relation::Within => {}
                _ if is_number => {}
                Relation::Around if offset == 0 && self.can_be(number, claimed) => {
                    let were_more = matches!(twin.filled(known, len), Filled::By(count) if count > 1);
                    if were_more || twin.input.model.variant(claimed).is_some() {
                        self.new.larger.insert(number, claimed);
                    }
                    self.beliefs.whole.insert(number, claimed);
                    tasks.push(Task::Whole(number));
                }
                Relation::Around | Relation::Disagree => {
                    self.beliefs.disputes.insert((number, offset, claimed, Some(known)));
                    self.new.blocks.insert(number);
                }
            }
            return;
        }
        if self.is_disputed(number, offset) {
            return;
        }
        // What a part says already need not be said again: not of the block as a whole either.
        let is_said = self.beliefs.part_over(number, offset).is_some_and(|(at, part)| {
            (count == 1 || offset + u64::from(count) * part.stride <= at + part.size)
                && twin.relation(part.ty, (offset - at) % part.stride.max(1), claimed) == Relation::Within
        });
        if is_said {
            return;
        }
        let size = twin.size(claimed);
        let Some(room) = len.saturating_sub(offset).checked_div(size).filter(|room| *room > 0) else {
            if !is_number {
                self.beliefs.disputes.insert((number, offset, claimed, None));
            }
            return;
        };
        let part = Part { ty: claimed, size: size * u64::from(count).min(room), stride: size };
        let may_be_all = offset == 0 && (count == 1 || part.size == len) && self.can_be(number, claimed);
        if !may_be_all {
            if !is_number {
                self.settle(number, offset, part, tasks);
            }
            return;
        }
        let stranger = self.parts_of(number).find(|(at, inside)| {
            let into = twin.within_object(claimed, len, *at);
            twin.relation(claimed, into, inside.ty) != Relation::Within
        });
        match stranger {
            None => {
                self.beliefs.parts.remove(&number);
                self.beliefs.whole.insert(number, claimed);
                tasks.push(Task::Whole(number));
            }
            Some((at, _)) if at >= part.size => self.settle(number, 0, part, tasks),
            Some((at, inside)) => {
                self.beliefs.disputes.insert((number, at, claimed, Some(inside.ty)));
                self.new.places.extend([(number, 0), (number, at)]);
            }
        }
    }

    /// Whether a block can be of a type as a whole. One pointer does not say that several objects follow each other: that what would be
    /// pointers in them leads somewhere has to speak for it.
    fn can_be(&self, number: u32, ty: Ty) -> bool {
        let Some(Block { address, len, .. }) = self.twin.blocks.get(number) else { return false };
        match self.twin.filled(ty, len) {
            _ if number >= self.twin.blocks.first_area => false,
            Filled::By(1) | Filled::WithTail => true,
            Filled::By(_) if self.twin.has_room(ty) => false,
            Filled::By(_) => {
                let memory = &self.twin.input.process.memory;
                let is_there = |word: &(Item, u64)| match word.0.word {
                    Word::To(_, None) | Word::Code => memory.segment_at(word.1).is_some(),
                    _ => true,
                };
                let len = usize::try_from(len).unwrap_or(usize::MAX);
                memory
                    .bytes(address, len)
                    .is_some_and(|bytes| self.twin.read_objects(ty, address, bytes, 0).iter().all(is_there))
            }
            Filled::InPart | Filled::Not => false,
        }
    }

    /// Makes a part, where those that are there leave room or are part of it.
    fn settle(&mut self, number: u32, offset: u64, part: Part, tasks: &mut Vec<Task>) {
        let twin = self.twin;
        let (mut offset, mut part) = (offset, part);
        let around = self.beliefs.part_over(number, offset);
        if let Some((at, around)) = around {
            let into = (offset - at) % around.stride.max(1);
            let end = offset - at + part.size;
            match twin.relation(around.ty, into, part.ty) {
                Relation::Within if end > around.size && part.ty == around.ty && into == 0 => {
                    (offset, part) = (at, Part { size: end, ..around });
                }
                Relation::Within => return,
                Relation::Around if at == offset => {}
                Relation::Around | Relation::Disagree => {
                    self.beliefs.disputes.insert((number, offset, part.ty, Some(around.ty)));
                    self.new.places.extend([(number, at), (number, offset)]);
                    return;
                }
            }
        }
        let end = offset + part.size;
        let inside = self.beliefs.parts.get(&number).into_iter().flat_map(|parts| parts.range(offset..end));
        let inside: Vec<(u64, Part)> = inside.map(|(at, part)| (*at, *part)).collect();
        let stranger = inside.iter().find(|(at, inside)| {
            twin.relation(part.ty, (at - offset) % part.stride.max(1), inside.ty) != Relation::Within
        });
        if let Some((at, inside)) = stranger {
            self.beliefs.disputes.insert((number, *at, part.ty, Some(inside.ty)));
            self.new.places.extend([(number, *at), (number, offset)]);
            return;
        }
        let parts = self.beliefs.parts.entry(number).or_default();
        for (at, _) in inside {
            parts.remove(&at);
        }
        parts.insert(offset, part);
        tasks.push(Task::Part(number, offset));
    }
}
