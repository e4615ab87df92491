//! What would be lost, though it is in memory: what changed or was made since start-up, and neither pairs nor lives on; and what lives on beside what
//! the new start-up has made in its place.

use super::carry::Carried;
use super::codes::Code;
use super::conflict::{Conflicts, Hint, Of};
use super::flood::flood;
use super::kinds::Kinds;
use super::start_up::{How, Twice};
use super::{Scene, is_same_life};
use crate::map::AddressMap;
use crate::pairs::{Pairs, Why};
use mcrx_tracer::graph::Node;
use mcrx_tracer::marks::{Marks, numbers};
use mcrx_tracer::roots::Root;
use rustc_hash::FxHashMap;
use std::ops::Range;

impl Scene<'_> {
    /// What the old start-up made, and what changed since, but nothing leads to any more.
    pub(super) fn left_behind(
        &self,
        twice: &[Twice<'_>],
        pairs: &Pairs,
        carried: &Carried<'_, '_>,
        (kinds, led_to): (&Kinds<'_>, &[u64]),
        map: &AddressMap<'_>,
        conflicts: &mut Conflicts,
    ) {
        let trace = self.now.trace;
        self.in_two(twice, pairs, carried, map, conflicts);
        let needed = self.needed(kinds, led_to);
        let mut paired: Vec<Range<u64>> =
            twice.iter().map(|object| object.old.0..object.old.0 + object.old.1).collect();
        paired.sort_by_key(|range| range.start);
        let left = (0..needed.words())
            .flat_map(|word| numbers(word, needed.word(word) & !carried.live().word(word)));
        for number in left.filter(|number| !trace.blocks.is_area(*number) && trace.is_own(*number)) {
            let Some(block) = trace.blocks.get(number) else { continue };
            let was_there = is_same_life(self, block.address);
            let end = block.address + block.len;
            // What it says is said by what it has become a part of.
            if map.is_merged(block.address..end) {
                continue;
            }
            let mut at = block.address;
            let mut is_changed = false;
            let first = paired.partition_point(|range| range.end <= at);
            let within = paired.iter().skip(first).take_while(|range| range.start < end);
            for range in within.cloned().chain(std::iter::once(end..end)) {
                is_changed |= at < range.start && self.differs(at, range.start - at);
                at = at.max(range.end);
            }
            let ty = trace.marked.ty(number).and_then(|ty| self.old_type(ty));
            if was_there && !is_changed || ty.is_some_and(|ty| self.given_up.contains(&ty.id())) {
                continue;
            }
            let untyped = || format!("block of {} bytes", block.requested);
            let name = trace.marked.ty(number).map(|ty| trace.model.name(ty));
            let alone = pairs.alone.binary_search_by_key(&block.address, |alone| alone.old.start).ok();
            let why = alone.and_then(|place| pairs.alone.get(place)).map(|alone| alone.why);
            let (kind, message) = match (was_there, why) {
                (true, Some(why)) => ("changed", format!("it changed since start-up, and has no counterpart: {why}")),
                (true, None) => ("changed", "it changed since start-up, and has no counterpart".to_owned()),
                (false, _) => ("made", "it was made since start-up, and nothing that is carried over leads to it: a function that runs does".to_owned()),
            };
            let (untyped, site) = (untyped(), self.like_untyped(number));
            let of = match &name {
                Some(name) => (name.as_str(), "").into(),
                None => Of::like(&untyped, "", &site).untyped(block.requested),
            };
            conflicts.add(Code::Unpaired, of, kind, block.address, message);
        }
    }

    /// What the old start-up made, and what changed since, and lives on, though the new start-up has made something else in its place: what leads to
    /// it there leads to the new one, and what was made since to the old one.
    fn in_two(
        &self,
        twice: &[Twice<'_>],
        pairs: &Pairs,
        carried: &Carried<'_, '_>,
        map: &AddressMap<'_>,
        conflicts: &mut Conflicts,
    ) {
        let trace = self.now.trace;
        let is_in_place = |why: Why| matches!(why, Why::OtherType | Why::OtherMaker);
        let alone = pairs.alone.iter().filter(|alone| is_in_place(alone.why));
        let suspects: FxHashMap<u32, Why> = alone
            .filter_map(|alone| {
                let (number, _) = trace.blocks.at(alone.old.start)?;
                let block = trace.blocks.get(number)?;
                let lives_on = carried.live().has(number) && trace.is_own(number);
                let is_part = map.is_merged(block.address..block.address + block.len);
                let is_it = lives_on && !is_part && is_same_life(self, block.address);
                (is_it && self.differs(block.address, block.len)).then_some((number, alone.why))
            })
            .collect();
        if suspects.is_empty() {
            return;
        }
        // What the rules keep of the old process, or give up, leads nowhere else than they say.
        let counts = |object: &&Twice<'_>| !object.is_beside && !matches!(object.how, How::Kept(_));
        for object in twice.iter().filter(counts) {
            let words = self.words(object.old).into_iter();
            let words = words.filter(|word| word.is_sure && self.twice_leads_on(object, word.offset));
            for word in words {
                let at = object.old.0 + word.offset;
                let is_as_it_was = self.start.process().memory.word(at) == Some(word.word);
                let Some((number, _)) = trace.blocks.at(word.address).filter(|_| is_as_it_was) else {
                    continue;
                };
                let (Some(why), Some(block)) = (suspects.get(&number), trace.blocks.get(number)) else {
                    continue;
                };
                let name = trace.marked.ty(number).map(|ty| trace.model.name(ty));
                let name = name.unwrap_or_else(|| format!("block of {} bytes", block.requested));
                let message = format!(
                    "it changed since start-up and lives on, and `{}` leads to what the new start-up has made instead, so there would be two: {why}",
                    object.name
                );
                conflicts.add_with(
                    Code::Unpaired,
                    (&name, ""),
                    "two",
                    block.address,
                    message,
                    Hint::MadeTwice,
                );
            }
        }
    }

    /// Blocks that something with a type leads to, or a rule: what only words on stacks and in registers lead to may be left over from what is gone.
    fn needed(&self, kinds: &Kinds<'_>, led_to: &[u64]) -> Marks {
        let trace = self.now.trace;
        let graph = &trace.graph;
        let needed = Marks::clear(trace.blocks.numbers());
        // What libraries hold in their frames is theirs.
        let is_own = |root: &Root| root.ty.is_some_and(|ty| self.old_type(ty).is_some());
        let own = graph.roots().zip(&trace.roots).filter(|(_, root)| is_own(root));
        let variables = self.recipes_of_variables();
        let mut work: Vec<u32> = Vec::new();
        for (node, _) in own {
            let leads_on = |offset: u64| match variables.get(&node) {
                Some(recipes) => recipes.iter().any(|recipe| recipe.takes(self.migration, offset)),
                None => true,
            };
            let edges = graph.edges(node).filter(|edge| leads_on(edge.offset));
            work.extend(edges.map(|edge| edge.to.0).filter(|to| needed.set(*to)));
        }
        let by_rules = led_to.iter().filter_map(|address| trace.blocks.at(*address));
        work.extend(by_rules.map(|(number, _)| number).filter(|number| needed.set(*number)));
        work.extend(trace.blocks.areas().map(|(number, _)| number));
        flood(&needed, work, &|number, each| {
            let kind = trace.marked.ty(number).and_then(|ty| kinds.get(ty));
            for edge in graph.edges(Node(number)).filter(|edge| !needed.has(edge.to.0)) {
                if self.leads_on((number, kind), edge.offset) {
                    each(edge.to.0);
                }
            }
        });
        needed
    }
}
