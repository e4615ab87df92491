//! Old blocks that live on: where each goes, and what it is made of there.

use super::conflict::{Code, Conflicts};
use super::world::View;
use super::writes::Writes;
use super::{Made, Scene, lost, pointers};
use crate::map::{AddressMap, Inside, Moved};
use mcrx_dsl::eval::{Machine, Making};
use mcrx_dsl::migrate::Recipe;
use mcrx_tracer::blocks::Block;
use mcrx_tracer::graph::Node;
use mcrx_tracer::model::{Fit, Ty};
use rustc_hash::FxHashSet;

/// An old block that lives on.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// Its number in the old trace.
    pub(super) number: u32,
    pub(super) block: Block,
    /// Words lead to it that may be no pointers.
    pub(super) is_pinned: bool,
    /// What becomes of it.
    pub(super) fate: Fate,
}

/// What becomes of a block.
#[derive(Debug, Clone)]
pub(super) enum Fate {
    /// It stays; pointers in it may be redirected.
    Stays,
    /// It is made anew.
    Made(Anew),
    /// Parts of it are made anew where they are; the rest stays.
    Parts(Vec<Part>),
    /// What is to become of it cannot be done; it has been said.
    Refused,
}

/// A block that is made anew.
#[derive(Debug, Clone)]
pub(super) struct Anew {
    /// All that is made of it: several where a type is split.
    pub(super) how: Vec<Making>,
    /// Where each goes; the first is where pointers lead.
    pub(super) to: Vec<u64>,
    /// Its bytes there.
    pub(super) len: u64,
    /// How many objects side by side; `None`: one, with its flexible array.
    pub(super) count: Option<u64>,
}

/// Objects side by side in a block that is more than these.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) how: Making,
    pub(super) start: u64,
    pub(super) count: u64,
    pub(super) stride: u64,
}

/// How objects of a type of the old process become others, if they do.
pub(super) enum Change {
    /// Not at all.
    None,
    /// The rules say to wait until there is none.
    Drained,
    /// Like this.
    Made(Vec<Making>),
    /// They are merged into others.
    Merged,
}

pub(super) fn change(scene: &Scene<'_>, ty: Ty) -> Change {
    let Some(ty) = scene.old_type(ty) else { return Change::None };
    let Some((id, pair)) = scene.pairing.of_old(ty) else { return Change::None };
    if pair.is_drained {
        return Change::Drained;
    }
    if pair.is_same {
        return Change::None;
    }
    if pair.old.first() != Some(&ty) {
        return Change::Merged;
    }
    let how: Vec<Making> = (0..pair.made.len()).map(|made| Making { pair: id, made }).collect();
    let is_copy = |how: &Making| scene.migration.recipe(*how).is_some_and(Recipe::is_copy);
    if how.iter().all(is_copy) { Change::None } else { Change::Made(how) }
}

/// Blocks that words lead to which may be no pointers, in what lives on. What is on old stacks, in registers and in libraries does not: the
/// new process has its own.
#[derive(Debug, Default)]
pub(super) struct Pins {
    pinned: FxHashSet<u32>,
    /// Of these, those that such a word leads to the middle of.
    inside: FxHashSet<u32>,
}

impl Pins {
    /// Of the blocks with these numbers.
    pub(super) fn of(scene: &Scene<'_>, numbers: &[u32]) -> Pins {
        let graph = &scene.now.trace.graph;
        let mut pins = Pins::default();
        for edge in
            numbers.iter().flat_map(|number| graph.edges(Node(*number))).filter(|edge| edge.kind.pins())
        {
            pins.pinned.insert(edge.to.0);
            if edge.to_offset > 0 {
                pins.inside.insert(edge.to.0);
            }
        }
        pins
    }

    /// Whether none of them would have to change with a block's form: none leads to it, or only to its start, and that stays.
    fn let_change(&self, number: u32, moves: bool) -> bool {
        !self.pinned.contains(&number) || (!moves && !self.inside.contains(&number))
    }
}

/// Decides about one block.
pub(super) fn decide(
    scene: &Scene<'_>,
    (number, block): (u32, Block),
    pins: &Pins,
    conflicts: &mut Conflicts,
) -> Object {
    let trace = scene.now.trace;
    let fate = match trace.marked.ty(number) {
        Some(ty) => whole(scene, (number, &block, ty), pins, conflicts),
        None => {
            let parts: Vec<(u64, mcrx_tracer::mark::Island)> = trace.marked.islands_of(number).collect();
            untyped(scene, number, &block, conflicts);
            in_parts(scene, (number, &block), &parts, pins, conflicts)
        }
    };
    Object { number, block, is_pinned: pins.pinned.contains(&number), fate }
}

fn whole(
    scene: &Scene<'_>,
    (number, block, ty): (u32, &Block, Ty),
    pins: &Pins,
    conflicts: &mut Conflicts,
) -> Fate {
    let name = scene.now.trace.model.name(ty);
    let how = match change(scene, ty) {
        Change::None => return Fate::Stays,
        Change::Drained => {
            let message = "the rules say to wait until none of these is alive".to_owned();
            conflicts.add(Code::Drained, (&name, ""), "", block.address, message);
            return Fate::Refused;
        }
        Change::Merged => {
            let message = "these are merged into others, which is not carried out yet".to_owned();
            conflicts.add(Code::Value, (&name, ""), "merged", block.address, message);
            return Fate::Refused;
        }
        Change::Made(how) => how,
    };
    let recipes: Vec<&Recipe> = how.iter().filter_map(|how| scene.migration.recipe(*how)).collect();
    let Some(recipe) = recipes.first() else { return Fate::Refused };
    let count = match scene.now.trace.model.fit(ty, block.len) {
        Fit::WithTail => None,
        Fit::Exactly(count) => Some(count),
        Fit::Part | Fit::No => {
            let message =
                "there is more in its block than its type says, and nothing says what becomes of that"
                    .to_owned();
            conflicts.add(Code::Room, (&name, ""), "part", block.address, message);
            return Fate::Refused;
        }
    };
    let len = match count {
        None => recipe.size(block.len),
        Some(count) => recipe.new_size.saturating_mul(count),
    };
    let fits = len <= block.requested.min(block.len) && !scene.now.trace.blocks.is_area(number);
    if count.is_some_and(|count| count != 1) && how.len() > 1 {
        let message = "an array of them would have to be split".to_owned();
        conflicts.add(Code::Room, (&name, ""), "split", block.address, message);
        return Fate::Refused;
    }
    // Nothing says how words that may be no pointers are to change.
    if !pins.let_change(number, !fits) {
        let message = "words that may be no pointers lead into it, so it cannot change its form".to_owned();
        conflicts.add(Code::Pinned, (&name, ""), "", block.address, message);
        return Fate::Refused;
    }
    let mut to = Vec::with_capacity(how.len());
    for (index, recipe) in recipes.iter().enumerate() {
        let bytes = if index == 0 { len } else { recipe.size(block.len) };
        let place = if index == 0 && fits { Some(block.address) } else { scene.room.block(bytes) };
        let Some(place) = place else {
            conflicts.add(
                Code::Room,
                (&name, ""),
                "",
                block.address,
                "there is no room left for new blocks".to_owned(),
            );
            return Fate::Refused;
        };
        to.push(place);
    }
    Fate::Made(Anew { how, to, len, count })
}

fn in_parts(
    scene: &Scene<'_>,
    (number, block): (u32, &Block),
    parts: &[(u64, mcrx_tracer::mark::Island)],
    pins: &Pins,
    conflicts: &mut Conflicts,
) -> Fate {
    let mut made = Vec::new();
    for (offset, island) in parts {
        let name = scene.now.trace.model.name(island.ty);
        let how = match change(scene, island.ty) {
            Change::None => continue,
            Change::Made(how) => how,
            Change::Drained | Change::Merged => {
                let message =
                    "these live, and the rules say to wait until none does, or merge them".to_owned();
                conflicts.add(Code::Drained, (&name, ""), "", block.address + offset, message);
                return Fate::Refused;
            }
        };
        let (Some(how), Some(recipe)) =
            (how.first(), how.first().and_then(|how| scene.migration.recipe(*how)))
        else {
            return Fate::Refused;
        };
        let stride = island.stride.max(1);
        if recipe.new_size > recipe.old_size || !pins.let_change(number, false) {
            let message = "it is a part of a block whose type is not known as a whole, and would have to change its form there".to_owned();
            conflicts.add(Code::Room, (&name, ""), "", block.address + offset, message);
            return Fate::Refused;
        }
        let count = island.size.div_ceil(stride).max(1);
        made.push(Part { how: *how, start: *offset, count, stride });
    }
    if made.is_empty() { Fate::Stays } else { Fate::Parts(made) }
}

/// A block without a type, or with parts that have none: it may hold what changes. Where nothing looks like a pointer it is taken to hold bytes.
fn untyped(scene: &Scene<'_>, number: u32, block: &Block, conflicts: &mut Conflicts) {
    let trace = scene.now.trace;
    let is_own = trace.blocks.is_area(number) || trace.is_own(number);
    let may_hold = || scene.least_change().is_some_and(|least| block.len >= least);
    let has_words = || trace.graph.edges(Node(number)).any(|edge| edge.kind.pins());
    if is_own && may_hold() && has_words() {
        let object = format!("block of {} bytes", block.requested);
        let message = "not all of it has a type, and there seem to be pointers in the rest: it may hold objects that change";
        conflicts.add(Code::Untyped, (&object, ""), "", block.address, message.to_owned());
    }
}

impl Object {
    /// Where the block is now, or parts of it, if they are not where they were, or not as they were.
    pub(super) fn moved(&self, scene: &Scene<'_>) -> Vec<Moved> {
        let (old, len) = (self.block.address, self.block.len);
        match &self.fate {
            Fate::Made(anew) => {
                let first = anew.how.first().zip(anew.to.first());
                let moved = first.and_then(|(how, new)| {
                    let recipe = scene.migration.recipe(*how)?;
                    let stride = (recipe.old_size, recipe.new_size);
                    let inside = Inside::Made { how: *how, count: anew.count, stride };
                    Some(Moved { old, len, new: *new, inside })
                });
                moved.into_iter().collect()
            }
            Fate::Parts(parts) => {
                let moved = parts.iter().map(|part| {
                    let (start, stride) = (old + part.start, (part.stride, part.stride));
                    let inside = Inside::Made { how: part.how, count: Some(part.count), stride };
                    Moved { old: start, len: part.count.saturating_mul(part.stride), new: start, inside }
                });
                moved.collect()
            }
            Fate::Stays | Fate::Refused => Vec::new(),
        }
    }

    /// What is to be written.
    pub(super) fn make(&self, scene: &Scene<'_>, map: &AddressMap<'_>, made: &mut Made) {
        let Made { writes, later, wanted, blocks, conflicts, .. } = made;
        let address = self.block.address;
        let words = pointers::of(&scene.now, Node(self.number), address);
        let mut view = View::new(scene.now, scene.new, Some(map), scene.room);
        view.tagged = pointers::tagged(&words);
        let view = view;
        let name = || {
            scene.now.trace.marked.ty(self.number).map_or_else(
                || format!("block of {} bytes", self.block.requested),
                |ty| scene.now.trace.model.name(ty),
            )
        };
        let mut machine = Machine::new(&view, scene.migration);
        match &self.fate {
            Fate::Refused => {}
            Fate::Stays => {
                let Some(bytes) = bytes_of(scene, address, self.block.len) else { return };
                let mut new = bytes.to_vec();
                pointers::redirect(&words, Some, &mut new, map, &view);
                changed(address, bytes, &new, &view, (&name(), address), (writes, conflicts), &|offset| {
                    scene.member(self.number, offset)
                });
            }
            Fate::Parts(parts) => {
                let Some(bytes) = bytes_of(scene, address, self.block.len) else { return };
                let mut new = bytes.to_vec();
                for part in parts {
                    let Some(recipe) = scene.migration.recipe(part.how) else { continue };
                    for index in 0..part.count {
                        let at = part.start + index * part.stride;
                        match recipe.make((address + at, recipe.old_size), &[], &mut machine) {
                            Ok(made) => overlay(&mut new, at, &made),
                            Err(failure) => failed(&name(), failure, address, conflicts),
                        }
                    }
                }
                pointers::redirect(&words, Some, &mut new, map, &view);
                changed(address, bytes, &new, &view, (&name(), address), (writes, conflicts), &|offset| {
                    scene.member(self.number, offset)
                });
            }
            Fate::Made(anew) => {
                for (index, how) in anew.how.iter().enumerate() {
                    let (Some(recipe), Some(to)) = (scene.migration.recipe(*how), anew.to.get(index)) else {
                        continue;
                    };
                    let mut new = Vec::new();
                    let strides = (recipe.old_size, recipe.new_size);
                    for nth in 0..anew.count.unwrap_or(1) {
                        let len = if anew.count.is_none() { self.block.len } else { recipe.old_size };
                        match recipe.make((address + nth * strides.0, len), &anew.to, &mut machine) {
                            Ok(made) => new.extend_from_slice(&made),
                            Err(failure) => return failed(&name(), failure, address, conflicts),
                        }
                    }
                    let place = |offset: u64| match anew.count {
                        None => recipe.value_place(scene.migration, offset),
                        Some(_) => {
                            let index = offset / strides.0.max(1);
                            let within = recipe.value_place(scene.migration, offset % strides.0.max(1))?;
                            Some(index * strides.1 + within)
                        }
                    };
                    pointers::redirect(&words, place, &mut new, map, &view);
                    if let Some((_, (old, why))) = lost::all(&new, &view).next() {
                        return lost::report(old, why, (&name(), ""), address, conflicts);
                    }
                    writes.push(*to, &new);
                }
            }
        }
        wanted.extend(view.take_wanted());
        blocks.extend(view.take_made());
        for patch in machine.take_effects().patches {
            later.push(patch.address, &patch.bytes);
        }
    }
}

fn failed(name: &str, failure: mcrx_dsl::eval::Failure, address: u64, conflicts: &mut Conflicts) {
    let message = failure.reason.to_string();
    let kind = std::mem::discriminant(&*failure.reason);
    conflicts.add(Code::Value, (name, &failure.path), &format!("{kind:?}"), address, message);
}

fn bytes_of<'a>(scene: &Scene<'a>, address: u64, len: u64) -> Option<&'a [u8]> {
    scene.now.process().memory.bytes(address, usize::try_from(len).ok()?)
}

fn overlay(into: &mut [u8], at: u64, bytes: &[u8]) {
    let Ok(start) = usize::try_from(at) else { return };
    if let Some(part) = into.get_mut(start..start.saturating_add(bytes.len())) {
        part.copy_from_slice(bytes);
    }
}

/// Words of a block that stays where it is and that are others now.
fn changed(
    address: u64,
    old: &[u8],
    new: &[u8],
    view: &View<'_, '_>,
    (name, object): (&str, u64),
    (writes, conflicts): (&mut Writes, &mut Conflicts),
    member: &dyn Fn(u64) -> String,
) {
    let mut is_whole = true;
    for (at, (to, why)) in lost::all(new, view) {
        let offset = u64::try_from(at).unwrap_or(0);
        lost::report(to, why, (name, &member(offset)), object, conflicts);
        is_whole = false;
    }
    let pieces = old.chunks(8).zip(new.chunks(8)).zip((address..).step_by(8)).filter(|_| is_whole);
    for ((before, after), at) in pieces {
        if before != after {
            writes.push(at, after);
        }
    }
}
