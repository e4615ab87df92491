//! Which old blocks live on: those that what is carried over leads to.
//!
//! What both start-ups have made is not among them: there the new one's counts. From what changed in it, and from shared memory, everything is
//! followed.

use super::pointers::{self, Word};
use super::start_up::Twice;
use super::{Scene, is_same_life};
use crate::pairs::Pairs;
use crate::side::Spot;
use mcrx_tracer::graph::Node;
use mcrx_tracer::image::MappingKind;
use rustc_hash::FxHashSet;

/// Old blocks and areas that live on, by their numbers in the old trace.
#[derive(Debug, Default)]
pub(super) struct Carried {
    seen: FxHashSet<u32>,
    /// In the order in which they were found.
    order: Vec<u32>,
    work: Vec<u32>,
}

impl Carried {
    /// Everything that changed parts of what both have made lead to.
    pub(super) fn from(twice: &[Twice<'_>], scene: &Scene<'_>, pairs: &Pairs) -> Carried {
        let mut carried = Carried::default();
        for object in twice {
            let address = object.old.0;
            let is_kept = matches!(object.how, super::start_up::How::Kept(_));
            for word in scene.words(object.old) {
                let before = scene.start.process().memory.word(address.wrapping_add(word.offset));
                if is_kept || before != Some(word.word) || scene.is_made_since(word.address) {
                    carried.follow(&word, scene, pairs);
                }
            }
        }
        for (number, area) in scene.now.trace.blocks.areas() {
            let mapping = scene.now.process().mapping_at(area.range.start);
            let is_shared = mapping.is_some_and(|mapping| matches!(mapping.kind, MappingKind::Shared { .. }));
            if is_shared && scene.now.trace.graph.is_reached(Node(number)) {
                carried.take(number);
            }
        }
        carried.run(scene, pairs);
        carried
    }

    /// More that lives on, and what that leads to. Says whether any of it is new.
    pub(super) fn add(&mut self, old: Vec<u64>, scene: &Scene<'_>, pairs: &Pairs) -> bool {
        let before = self.order.len();
        for address in old {
            self.follow(
                &Word { offset: 0, word: address, address, is_sure: true, bytes: u64::MAX },
                scene,
                pairs,
            );
        }
        self.run(scene, pairs);
        self.order.len() > before
    }

    fn run(&mut self, scene: &Scene<'_>, pairs: &Pairs) {
        while let Some(number) = self.work.pop() {
            let Some(block) = scene.now.trace.blocks.get(number) else { continue };
            for word in pointers::of(&scene.now, Node(number), block.address) {
                self.follow(&word, scene, pairs);
            }
        }
    }

    fn follow(&mut self, word: &Word, scene: &Scene<'_>, pairs: &Pairs) {
        let Spot::Block { number, block, offset } = scene.now.spot(word.address) else { return };
        // To just past a block only a pointer leads, and no word that happens to look like one.
        if !word.is_sure && offset >= block.len.max(1) {
            return;
        }
        let is_paired = pairs.at(word.address).or_else(|| pairs.part_at(word.address)).is_some()
            && is_same_life(scene, block.address);
        if !is_paired {
            self.take(number);
        }
    }

    fn take(&mut self, number: u32) {
        if self.seen.insert(number) {
            self.work.push(number);
            self.order.push(number);
        }
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        self.seen.contains(&number)
    }

    /// All.
    pub(super) fn numbers(&self) -> &[u32] {
        &self.order
    }
}
