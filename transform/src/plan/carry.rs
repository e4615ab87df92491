//! Which old blocks live on: those that what is carried over leads to.
//!
//! What both start-ups have made is not among them: there the new one's counts. From what changed in it, and from shared memory, everything is
//! followed that something new is made from. What only given up members lead to does not live on, but where `for each` goes through it.
//!
//! The graph says where pointers lead; memory is looked at only for pointers to code, which may lead to a block all the same.

use super::flood::flood;
use super::kinds::{Kinds, Read};
use super::leads;
use super::pointers::{self, Word};
use super::start_up::Twice;
use super::{Scene, is_same_life};
use crate::pairs::Pairs;
use crate::side::Spot;
use mcrx_debuginfo::table::TypeId;
use mcrx_tracer::blocks::Block;
use mcrx_tracer::graph::{Edge, Kind as EdgeKind, Node};
use mcrx_tracer::image::MappingKind;
use mcrx_tracer::marks::Marks;
use mcrx_tracer::model::Sort;
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use std::sync::{Mutex, PoisonError};

/// Numbers that one thread looks at at a time.
const CHUNK: u32 = 1 << 14;

/// Old blocks and areas that live on, by their numbers in the old trace.
pub(super) struct Carried<'c, 'a> {
    scene: &'c Scene<'a>,
    pairs: &'c Pairs,
    kinds: &'c Kinds<'a>,
    /// Those that live on.
    live: Marks,
    /// Blocks that words in these lead to which may be no pointers.
    pub(super) pinned: Marks,
    /// Of these, those that such a word leads to the middle of.
    pub(super) pinned_inside: Marks,
    /// Blocks that pair, or parts of which do.
    paired: Marks,
    /// Found, and not looked into.
    work: Vec<u32>,
    /// Old addresses that words lead to which nothing new is made from, and whether each word is a pointer for sure.
    given_up: Mutex<Vec<(u64, bool)>>,
    /// Blocks that such words lead to, and that have been looked into.
    looked_into: FxHashSet<u32>,
    /// See [`Scene::listed`].
    listed: FxHashSet<TypeId>,
    has_adapters: bool,
}

impl<'c, 'a> Carried<'c, 'a> {
    /// Everything that changed parts of what both have made lead to.
    pub(super) fn from(
        twice: &[Twice<'_>],
        scene: &'c Scene<'a>,
        pairs: &'c Pairs,
        kinds: &'c Kinds<'a>,
    ) -> Carried<'c, 'a> {
        let blocks = &scene.now.trace.blocks;
        let clear = || Marks::clear(blocks.numbers());
        let mut carried = Carried {
            scene,
            pairs,
            kinds,
            live: clear(),
            pinned: clear(),
            pinned_inside: clear(),
            paired: clear(),
            work: Vec::new(),
            given_up: Mutex::default(),
            looked_into: FxHashSet::default(),
            listed: scene.listed(),
            has_adapters: !scene.adapters.is_empty(),
        };
        for (number, _) in pairs.iter().chain(pairs.parts()).filter_map(|pair| blocks.at(pair.old.start)) {
            carried.paired.set(number);
        }
        let mut given_up = Vec::new();
        for object in twice {
            let address = object.old.0;
            let is_kept = matches!(object.how, super::start_up::How::Kept(_));
            for word in scene.words(object.old) {
                let before = scene.start.process().memory.word(address.wrapping_add(word.offset));
                if !scene.twice_leads_on(object, word.offset) {
                    given_up.push((word.address, word.is_sure));
                } else if is_kept
                    || before != Some(word.word)
                    || scene.is_made_since(word.address)
                    || scene.is_used_since(object, &word)
                {
                    carried.begin_at(&word);
                }
            }
        }
        for place in scene.given_up_variables() {
            given_up.extend(scene.words(place).iter().map(|word| (word.address, word.is_sure)));
        }
        carried.given_up = Mutex::new(given_up);
        for (number, area) in blocks.areas() {
            let mapping = scene.now.process().mapping_at(area.range.start);
            let is_shared = mapping.is_some_and(|mapping| matches!(mapping.kind, MappingKind::Shared { .. }));
            if is_shared && scene.now.trace.graph.is_reached(Node(number)) && carried.live.set(number) {
                carried.work.push(number);
            }
        }
        carried.run();
        carried
    }

    /// More that lives on, and what that leads to. Says whether any of it is new.
    pub(super) fn add(&mut self, old: Vec<u64>) -> bool {
        for address in old {
            self.begin_at(&Word { offset: 0, word: address, address, is_sure: true, bytes: u64::MAX });
        }
        let is_new = !self.work.is_empty();
        self.run();
        is_new
    }

    fn begin_at(&mut self, word: &Word) {
        if let Some(number) = self.target(word)
            && self.live.set(number)
        {
            self.work.push(number);
        }
    }

    fn run(&mut self) {
        loop {
            while !self.work.is_empty() {
                let work = std::mem::take(&mut self.work);
                if self.kinds.are_unknown() {
                    self.walk(work);
                } else {
                    flood(&self.live, work, &|number, each| self.look_into(number, each));
                }
                self.follow_code();
            }
            while let Some((address, is_sure)) = self.next_given_up() {
                self.look_for_listed(address, is_sure);
            }
            if self.work.is_empty() {
                break;
            }
        }
    }

    fn next_given_up(&mut self) -> Option<(u64, bool)> {
        self.given_up.get_mut().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// What a block leads to.
    fn look_into(&self, number: u32, each: &mut dyn FnMut(u32)) {
        let trace = self.scene.now.trace;
        let kind = trace.marked.ty(number).and_then(|ty| self.kinds.get(ty));
        for edge in trace.graph.edges(Node(number)) {
            if edge.kind.pins() {
                self.pinned.set(edge.to.0);
                if edge.to_offset > 0 {
                    self.pinned_inside.set(edge.to.0);
                }
            }
            if trace.graph.block(edge.to).is_none() {
                continue;
            }
            if self.scene.leads_on((number, kind), edge.offset) {
                if let Some(number) = self.target_of(&edge) {
                    each(number);
                }
            } else {
                self.give_up(&edge);
            }
        }
    }

    /// The same without the graph, one block after the other: what each word in memory leads to.
    fn walk(&self, mut work: Vec<u32>) {
        let trace = self.scene.now.trace;
        while let Some(number) = work.pop() {
            let Some(block) = trace.blocks.get(number) else { continue };
            for word in pointers::of(&self.scene.now, Node(number), block.address) {
                let Spot::Block { number: to, offset, block: there } = self.scene.now.spot(word.address)
                else {
                    continue;
                };
                // Just past a block only a pointer leads.
                if !word.is_sure && offset < there.len.max(1) {
                    self.pinned.set(to);
                    if offset > 0 {
                        self.pinned_inside.set(to);
                    }
                }
                if self.scene.block_leads_on(number, word.offset) {
                    work.extend(self.target(&word).filter(|to| self.live.set(*to)));
                } else if !self.listed.is_empty() {
                    let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
                    given_up.push((word.address, word.is_sure));
                }
            }
        }
    }

    fn give_up(&self, edge: &Edge) {
        if self.listed.is_empty() {
            return;
        }
        let Some(block) = self.scene.now.trace.blocks.get(edge.to.0) else { return };
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.push((block.address.wrapping_add(edge.to_offset), edge.kind != EdgeKind::Likely));
    }

    /// The block that a pointer of the graph leads to, if that is to live on.
    fn target_of(&self, edge: &Edge) -> Option<u32> {
        let number = edge.to.0;
        if self.live.has(number) {
            return None;
        }
        let is_sure = edge.kind != EdgeKind::Likely;
        if is_sure && !self.has_adapters && !self.paired.has(number) {
            return Some(number);
        }
        let block = self.scene.now.trace.blocks.get(number)?;
        let address = block.address.wrapping_add(edge.to_offset);
        self.target(&Word { offset: edge.offset, word: address, address, is_sure, bytes: u64::MAX })
    }

    /// The same of a word.
    fn target(&self, word: &Word) -> Option<u32> {
        let Spot::Block { number, block, offset } = self.scene.now.spot(word.address) else { return None };
        // To just past a block only a pointer leads, and no word that happens to look like one.
        if !word.is_sure && offset >= block.len.max(1) {
            return None;
        }
        let is_paired = || {
            self.paired.has(number)
                && self.pairs.at(word.address).or_else(|| self.pairs.part_at(word.address)).is_some()
                && is_same_life(self.scene, block.address)
        };
        let is_adapted = || self.has_adapters && self.scene.is_adapted(number);
        (!is_paired() && !is_adapted()).then_some(number)
    }

    /// Pointers to code which lead to what lives on: the graph does not have them.
    fn follow_code(&mut self) {
        let trace = self.scene.now.trace;
        let chunks = (0..trace.blocks.numbers().div_ceil(CHUNK)).into_par_iter().flat_map_iter(|chunk| {
            let first = chunk * CHUNK;
            let mut found = Vec::new();
            for (number, block) in trace.blocks.range(first..first.saturating_add(CHUNK)) {
                if self.live.has(number) && trace.graph.leads_elsewhere(Node(number)) {
                    self.code_of((number, &block), &mut found);
                }
            }
            found
        });
        let mut found: Vec<u32> = chunks.collect();
        for (number, area) in trace.blocks.areas().filter(|(number, _)| self.live.has(*number)) {
            self.code_of((number, &Block::from(area)), &mut found);
        }
        for number in found {
            if self.live.set(number) {
                self.work.push(number);
            }
        }
    }

    fn code_of(&self, (number, block): (u32, &Block), found: &mut Vec<u32>) {
        let trace = self.scene.now.trace;
        let kind = trace.marked.ty(number).and_then(|ty| self.kinds.get(ty));
        if kind.is_some_and(|kind| !kind.has_functions) {
            return;
        }
        let mut look_at = |offset: u64, address: u64| {
            if self.scene.now.program.range.contains(&address) {
                return;
            }
            let word = Word { offset, word: address, address, is_sure: true, bytes: u64::MAX };
            let Some(target) = self.target(&word) else { return };
            if self.scene.leads_on((number, kind), offset) {
                found.push(target);
            } else if !self.listed.is_empty() {
                self.given_up.lock().unwrap_or_else(PoisonError::into_inner).push((address, true));
            }
        };
        let single = kind.filter(|kind| kind.size == block.len).and_then(|kind| kind.words.as_ref());
        if let Some(words) = single {
            for (offset, _) in words.iter().filter(|(_, read)| matches!(read, Read::Function)) {
                if let Some(word) = trace.process.memory.word(block.address.wrapping_add(*offset)) {
                    look_at(*offset, word);
                }
            }
            return;
        }
        trace.pointers(Node(number), &mut |pointer| {
            if pointer.sort == Sort::Function {
                look_at(pointer.offset, pointer.word);
            }
        });
    }

    /// Looks behind a word that nothing is made from for what `for each` goes through.
    fn look_for_listed(&mut self, address: u64, is_sure: bool) {
        if self.listed.is_empty() {
            return;
        }
        let Spot::Block { number, block, .. } = self.scene.now.spot(address) else { return };
        if self.live.has(number) || !self.looked_into.insert(number) {
            return;
        }
        let trace = self.scene.now.trace;
        let parts = trace.marked.islands_of(number).map(|(_, island)| island.ty);
        let mut types = trace.marked.ty(number).into_iter().chain(parts);
        if types.any(|ty| self.scene.old_type(ty).is_some_and(|ty| leads::holds(ty, &self.listed))) {
            self.begin_at(&Word { offset: 0, word: address, address, is_sure, bytes: u64::MAX });
        } else {
            let words = pointers::of(&self.scene.now, Node(number), block.address);
            let given_up = self.given_up.get_mut().unwrap_or_else(PoisonError::into_inner);
            given_up.extend(words.iter().map(|word| (word.address, word.is_sure)));
        }
    }

    /// All.
    pub(super) fn live(&self) -> &Marks {
        &self.live
    }

    /// Whether no word that may be no pointer would have to change with a block's form: none leads to it, or only to its start, and that stays.
    pub(super) fn let_change(&self, number: u32, moves: bool) -> bool {
        !self.pinned.has(number) || (!moves && !self.pinned_inside.has(number))
    }
}
