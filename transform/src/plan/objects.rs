//! Old blocks that live on: where each goes, and what it is made of there.

use super::carry::Carried;
use super::codes::Code;
use super::conflict::{Conflicts, Hint, Of};
use super::kinds::Kinds;
use super::world::View;
use super::writes::Writes;
use super::{Made, Scene, is_same_life, lost, pointers};
use crate::fates::{Extent, Fate, Part, Parts, Split, extent};
use crate::map::Inside;
use crate::map::{AddressMap, Beside, Moved};
use crate::pairs::Pairs;
use crate::side::Side;
use mcrx_dsl::eval::{Failure, Machine, Making, Reason};
use mcrx_dsl::migrate::Recipe;
use mcrx_dsl::pairing::PairId;
use mcrx_tracer::blocks::Block;
use mcrx_tracer::graph::Node;
use mcrx_tracer::marks::Marks;
use mcrx_tracer::model::{Fit, Ty};
use rayon::prelude::*;

/// Numbers that one thread looks at at a time.
pub(super) const CHUNK: u32 = 1 << 14;

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
    /// The new release has no such type, and no rule says what they become.
    Gone,
}

pub(super) fn change(scene: &Scene<'_>, ty: Ty) -> Change {
    let Some(ty) = scene.old_type(ty) else { return Change::None };
    let Some((id, pair)) = scene.pairing.of_old(ty) else {
        let is_told_by_name = ty.tag().is_aggregate() && ty.name().is_some() && !ty.is_declaration();
        return if is_told_by_name { Change::Gone } else { Change::None };
    };
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

/// What is decided of a block by itself.
enum Alone {
    Fate(Fate),
    /// It is made anew in a new block of so many bytes.
    Room(PairId, u64),
    /// Whatever is decided takes more than that.
    Ask,
}

/// Decides about all blocks that live on: says what becomes of those that do not just stay, by number.
pub(super) fn decide(
    scene: &Scene<'_>,
    carried: &Carried<'_, '_>,
    kinds: &Kinds<'_>,
    pairs: &Pairs,
    conflicts: &mut Conflicts,
) -> Vec<(u32, Fate)> {
    let chunks = chunks(&scene.now).map(|first| {
        let mut found = Vec::new();
        let mut refused = Conflicts::default();
        blocks(&scene.now, carried.live(), first, &mut |number, block| {
            let fate = match scene.now.trace.marked.ty(number) {
                Some(ty) => match kinds.get(ty) {
                    Some(kind) if kind.is_kept => None,
                    kind => Some(simple(scene, (number, block, ty), carried, kind.map(|kind| &*kind.how))),
                },
                None => without_type(scene, (number, block), carried, pairs, &mut refused).map(Alone::Fate),
            };
            found.extend(fate.map(|fate| (number, fate)));
        });
        (found, refused)
    });
    let chunks: Vec<(Vec<(u32, Alone)>, Conflicts)> = chunks.collect();
    let mut fates = Vec::with_capacity(chunks.iter().map(|(found, _)| found.len()).sum());
    // One after the other: where new blocks lie must not depend on who was first.
    for (found, refused) in chunks {
        conflicts.merge(refused);
        for (number, fate) in found {
            let given = match fate {
                Alone::Fate(fate) => Some(fate),
                Alone::Room(pair, bytes) => scene.room.block(bytes).map(|to| Fate::Made(pair, to)),
                Alone::Ask => None,
            };
            let fate = given.or_else(|| {
                let (block, ty) =
                    scene.now.trace.blocks.get(number).zip(scene.now.trace.marked.ty(number))?;
                whole(scene, (number, &block, ty), carried, conflicts)
            });
            fates.extend(fate.map(|fate| (number, fate)));
        }
    }
    fates
}

/// The first number of each piece of the blocks and areas that one thread looks at.
pub(super) fn chunks(now: &Side<'_>) -> impl IndexedParallelIterator<Item = u32> {
    (0..now.trace.blocks.numbers().div_ceil(CHUNK)).into_par_iter().map(|chunk| chunk * CHUNK)
}

/// The blocks and areas of such a piece that live on.
pub(super) fn blocks(now: &Side<'_>, live: &Marks, first: u32, each: &mut dyn FnMut(u32, &Block)) {
    let all = &now.trace.blocks;
    let end = first.saturating_add(CHUNK);
    if (first / Marks::WORD..end / Marks::WORD).all(|word| live.word(word) == 0) {
        return;
    }
    all.range(first..end)
        .filter(|(number, _)| live.has(*number))
        .for_each(|(number, block)| each(number, &block));
    let areas = all.areas().filter(|(number, _)| (first..end).contains(number) && live.has(*number));
    areas.for_each(|(number, area)| each(number, &Block::from(area)));
}

/// A block of which one thing is made, in its place or elsewhere.
fn simple(
    scene: &Scene<'_>,
    (number, block, ty): (u32, &Block, Ty),
    carried: &Carried<'_, '_>,
    how: Option<&[Making]>,
) -> Alone {
    let Some([how @ Making { pair, made: 0 }]) = how else { return Alone::Ask };
    let Some(recipe) = scene.migration.recipe(*how) else { return Alone::Ask };
    let len = match scene.now.trace.model.fit(ty, block.len) {
        Fit::WithTail => recipe.size(block.len),
        Fit::Exactly(count) => recipe.new_size.saturating_mul(count),
        Fit::Part | Fit::No => return Alone::Ask,
    };
    let fits = fits(scene, (number, block), len);
    match (carried.let_change(number, !fits), fits) {
        (true, true) => Alone::Fate(Fate::Made(*pair, block.address)),
        (true, false) => Alone::Room(*pair, len),
        (false, _) => Alone::Ask,
    }
}

/// Whether so many bytes have room where a block is.
fn fits(scene: &Scene<'_>, (number, block): (u32, &Block), len: u64) -> bool {
    len <= block.requested.min(block.len) && !scene.now.trace.blocks.is_area(number)
}

/// Decides about a block that is of no one type as a whole.
fn without_type(
    scene: &Scene<'_>,
    (number, block): (u32, &Block),
    carried: &Carried<'_, '_>,
    pairs: &Pairs,
    conflicts: &mut Conflicts,
) -> Option<Fate> {
    // What both start-ups have made is the new one's, in whatever block it lies.
    let is_paired =
        |offset: u64| pairs.part_at(block.address + offset).is_some() && is_same_life(scene, block.address);
    let parts = scene.now.trace.marked.islands_of(number).filter(|(offset, _)| !is_paired(*offset));
    let parts: Vec<(u64, mcrx_tracer::mark::Island)> = parts.collect();
    untyped(scene, number, block, conflicts);
    in_parts(scene, (number, block), &parts, carried, conflicts)
}

fn whole(
    scene: &Scene<'_>,
    (number, block, ty): (u32, &Block, Ty),
    carried: &Carried<'_, '_>,
    conflicts: &mut Conflicts,
) -> Option<Fate> {
    let refused = Some(Fate::Refused);
    let name = scene.now.trace.model.name(ty);
    let how = match change(scene, ty) {
        Change::None => return None,
        Change::Gone => {
            gone(&name, block.address, conflicts);
            return refused;
        }
        Change::Drained => {
            let message = "the rules say to wait until none of these is alive".to_owned();
            conflicts.add(Code::Drained, (&name, ""), "", block.address, message);
            return refused;
        }
        // Words that may be no pointers cannot follow it.
        Change::Merged if carried.let_change(number, true) => return Some(Fate::Merged),
        Change::Merged => {
            pinned(&name, block.address, conflicts);
            return refused;
        }
        Change::Made(how) => how,
    };
    let recipes: Vec<&Recipe> = how.iter().filter_map(|how| scene.migration.recipe(*how)).collect();
    let Some(recipe) = recipes.first() else { return refused };
    let count = match scene.now.trace.model.fit(ty, block.len) {
        Fit::WithTail => None,
        Fit::Exactly(count) => Some(count),
        Fit::Part | Fit::No => {
            let message =
                "there is more in its block than its type says, and nothing says what becomes of that"
                    .to_owned();
            conflicts.add(Code::Room, (&name, ""), "part", block.address, message);
            return refused;
        }
    };
    let len = match count {
        None => recipe.size(block.len),
        Some(count) => recipe.new_size.saturating_mul(count),
    };
    let fits = fits(scene, (number, block), len);
    if count.is_some_and(|count| count != 1) && how.len() > 1 {
        let message = "an array of them would have to be split".to_owned();
        conflicts.add(Code::Room, (&name, ""), "split", block.address, message);
        return refused;
    }
    // Nothing says how words that may be no pointers are to change.
    if !carried.let_change(number, !fits) {
        pinned(&name, block.address, conflicts);
        return refused;
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
            return refused;
        };
        to.push(place);
    }
    match (&how[..], &to[..]) {
        ([Making { pair, made: 0 }], [to]) => Some(Fate::Made(*pair, *to)),
        _ => Some(Fate::Split(Box::new(Split { how, to }))),
    }
}

fn in_parts(
    scene: &Scene<'_>,
    (number, block): (u32, &Block),
    parts: &[(u64, mcrx_tracer::mark::Island)],
    carried: &Carried<'_, '_>,
    conflicts: &mut Conflicts,
) -> Option<Fate> {
    let refused = Some(Fate::Refused);
    let mut made = Vec::new();
    for (offset, island) in parts {
        let name = scene.now.trace.model.name(island.ty);
        let how = match change(scene, island.ty) {
            Change::None => continue,
            Change::Made(how) => how,
            Change::Gone => {
                gone(&name, block.address + offset, conflicts);
                return refused;
            }
            Change::Merged => {
                let message = "it is a part of a block whose type is not known as a whole, and would have to be merged into another object".to_owned();
                conflicts.add(Code::Room, (&name, ""), "merged", block.address + offset, message);
                return refused;
            }
            Change::Drained => {
                let message = "the rules say to wait until none of these is alive".to_owned();
                conflicts.add(Code::Drained, (&name, ""), "", block.address + offset, message);
                return refused;
            }
        };
        let (Some(how), Some(recipe)) =
            (how.first(), how.first().and_then(|how| scene.migration.recipe(*how)))
        else {
            return refused;
        };
        let stride = island.stride.max(1);
        if recipe.new_size > recipe.old_size || !carried.let_change(number, false) {
            let message = "it is a part of a block whose type is not known as a whole, and would have to change its form there".to_owned();
            conflicts.add(Code::Room, (&name, ""), "", block.address + offset, message);
            return refused;
        }
        let count = island.size.div_ceil(stride).max(1);
        made.push(Part { how: *how, start: *offset, count, stride });
    }
    (!made.is_empty()).then(|| Fate::Parts(Box::new(Parts(made))))
}

/// What leads to these is the same in both releases, as links inside of objects are, so nothing else has asked.
fn gone(name: &str, address: u64, conflicts: &mut Conflicts) {
    let message = "the new release has no such type: what becomes of those that live?".to_owned();
    conflicts.add(Code::Question, (name, ""), "gone", address, message);
}

fn pinned(name: &str, address: u64, conflicts: &mut Conflicts) {
    let message = "words that may be no pointers lead into it, so it cannot change its form".to_owned();
    conflicts.add(Code::Pinned, (name, ""), "", address, message);
}

/// A block without a type, or with parts that have none: it may hold what changes. Where nothing looks like a pointer it is taken to hold bytes.
fn untyped(scene: &Scene<'_>, number: u32, block: &Block, conflicts: &mut Conflicts) {
    let trace = scene.now.trace;
    let is_own = trace.blocks.is_area(number) || trace.is_own(number);
    let may_hold = || scene.least_change().is_some_and(|least| block.len >= least);
    let has_words = || trace.graph.edges(Node(number)).any(|edge| edge.kind.pins());
    let (kind, message) = if let Some((one, other)) = disagreement(scene, number) {
        (
            "types",
            format!(
                "pointers of different types lead to it, `{one}` and `{other}`, and one of them changes: which it is nothing says"
            ),
        )
    } else if is_own && may_hold() && has_words() {
        ("", "not all of it has a type, and there seem to be pointers in the rest: it may hold objects that change".to_owned())
    } else {
        return;
    };
    let (object, site) = (format!("block of {} bytes", block.requested), scene.like_untyped(number));
    let of = Of::like(&object, "", &site).untyped(block.requested);
    conflicts.add(Code::Untyped, of, kind, block.address, message);
}

/// Two types that are both claimed of one place of a block, if one of them changes.
pub(super) fn disagreement(scene: &Scene<'_>, number: u32) -> Option<(String, String)> {
    let trace = scene.now.trace;
    let all = &trace.marked.disagreements;
    let first = all.partition_point(|one| one.block < number);
    let own = all.iter().skip(first).take_while(|one| one.block == number);
    let changes = |ty: &Ty| !matches!(change(scene, *ty), Change::None);
    let both = own.filter_map(|one| Some((one.claimed, one.known?)));
    let mut changing = both.filter(|(one, other)| changes(one) || changes(other));
    changing.next().map(|(one, other)| (trace.model.name(one), trace.model.name(other)))
}

/// An old block that lives on.
#[derive(Clone, Copy)]
pub(super) struct Object<'o> {
    /// Its number in the old trace.
    pub(super) number: u32,
    pub(super) block: &'o Block,
    /// What becomes of it, if it does not just stay.
    pub(super) fate: Option<&'o Fate>,
}

/// Where parts of a block are now that are made anew.
pub(super) fn moved(scene: &Scene<'_>, fates: &[(u32, Fate)]) -> Vec<Moved> {
    let parts = fates.iter().filter_map(|(number, fate)| match fate {
        Fate::Parts(parts) => Some((scene.now.trace.blocks.get(*number)?.address, parts)),
        _ => None,
    });
    let moved = parts.flat_map(|(old, parts)| {
        parts.0.iter().map(move |part| {
            let (start, stride) = (old + part.start, (part.stride, part.stride));
            let inside = Inside::Made { how: part.how, count: Some(part.count), stride };
            Moved { old: start, len: part.count.saturating_mul(part.stride), new: start, inside }
        })
    });
    moved.collect()
}

/// What else is made of blocks that are split.
pub(super) fn beside(scene: &Scene<'_>, fates: &[(u32, Fate)]) -> Vec<Beside> {
    let splits = fates.iter().filter_map(|(number, fate)| match fate {
        Fate::Split(split) => Some((scene.now.trace.blocks.get(*number)?.address, split)),
        _ => None,
    });
    let beside = splits.flat_map(|(old, split)| {
        let others = split.how.iter().zip(&split.to).skip(1);
        others.map(move |(how, new)| Beside { old, how: *how, new: *new })
    });
    beside.collect()
}

impl Object<'_> {
    /// What is to be written.
    pub(super) fn make(&self, scene: &Scene<'_>, map: &AddressMap<'_>, made: &mut Made) {
        let Made { writes, later, wanted, blocks, conflicts, .. } = made;
        let address = self.block.address;
        let words = pointers::of(&scene.now, Node(self.number), address);
        if self.fate.is_none() && !words.iter().any(|word| pointers::changes(word, map)) {
            return;
        }
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
        match self.fate {
            Some(Fate::Refused | Fate::Merged) => {}
            None => {
                let Some(bytes) = bytes_of(scene, address, self.block.len) else { return };
                let mut new = bytes.to_vec();
                pointers::redirect(&words, Some, &mut new, map, &view);
                changed(address, bytes, &new, &view, (&name, address), (writes, conflicts), &|offset| {
                    scene.member(self.number, offset)
                });
            }
            Some(Fate::Parts(parts)) => {
                let Some(bytes) = bytes_of(scene, address, self.block.len) else { return };
                let mut new = bytes.to_vec();
                for part in &parts.0 {
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
                changed(address, bytes, &new, &view, (&name, address), (writes, conflicts), &|offset| {
                    scene.member(self.number, offset)
                });
            }
            Some(fate @ (Fate::Made(..) | Fate::Split(_))) => {
                let (how, all) = fate.anew();
                let anew = how.first().and_then(|how| {
                    extent(scene.now.trace, scene.migration, (self.number, self.block), *how)
                });
                let Some(Extent { count, .. }) = anew else { return };
                for (index, how) in how.iter().enumerate() {
                    let (Some(recipe), Some(to)) = (scene.migration.recipe(*how), all.get(index)) else {
                        continue;
                    };
                    let mut new = Vec::new();
                    let strides = (recipe.old_size, recipe.new_size);
                    for nth in 0..count.unwrap_or(1) {
                        let len = if count.is_none() { self.block.len } else { recipe.old_size };
                        let old = (address + nth * strides.0, len);
                        match recipe.make(old, &all, &mut machine) {
                            Ok(made) => new.extend_from_slice(&made),
                            Err(failure) => {
                                let Reason::NoRoom(_) = &*failure.reason else {
                                    // All that is wrong with it is told at once.
                                    let mut parts = vec![0; usize::try_from(recipe.size(len)).unwrap_or(0)];
                                    for (_, failure) in recipe.make_parts(
                                        scene.migration,
                                        old,
                                        &all,
                                        &mut parts,
                                        &mut machine,
                                    ) {
                                        failed(&name(), failure, address, conflicts);
                                    }
                                    new.extend_from_slice(&parts);
                                    continue;
                                };
                                return failed(&name(), failure, address, conflicts);
                            }
                        }
                    }
                    let place = |offset: u64| match count {
                        None => recipe.value_place(scene.migration, offset),
                        Some(_) => {
                            let index = offset / strides.0.max(1);
                            let within = recipe.value_place(scene.migration, offset % strides.0.max(1))?;
                            Some(index * strides.1 + within)
                        }
                    };
                    pointers::redirect(&words, place, &mut new, map, &view);
                    let mut is_whole = true;
                    let becomes = super::made(scene.pairing, *how).and_then(|ty| scene.new.table.ty(ty));
                    for (at, (old, why)) in lost::all(&new, &view) {
                        let at = u64::try_from(at).unwrap_or(0);
                        let within = if count.is_some() { at % strides.1.max(1) } else { at };
                        let place = becomes.and_then(|ty| ty.place(within));
                        let member = place.map_or_else(String::new, |place| place.path);
                        lost::report((old, why), &view.old, (&name(), &member), address, conflicts);
                        is_whole = false;
                    }
                    if !is_whole {
                        return;
                    }
                    writes.push(*to, &new);
                }
            }
        }
        // What facts say is no pointer leads to nothing, though it is declared as one.
        let is_none = |address: &u64| {
            let own = bytes_of(scene, self.block.address, self.block.len).unwrap_or_default();
            let is_there = own.chunks_exact(8).any(|word| word == address.to_le_bytes());
            is_there && !words.iter().any(|word| word.address == *address)
        };
        wanted.extend(view.take_wanted().into_iter().filter(|address| !is_none(address)));
        blocks.extend(view.take_made());
        for patch in machine.take_effects().patches {
            match lost::first(&patch.bytes, &view) {
                Some(lost) => lost::report(lost, &view.old, (&name(), ""), address, conflicts),
                None => later.push(patch.address, &patch.bytes),
            }
        }
    }
}

fn failed(name: &str, failure: Failure, address: u64, conflicts: &mut Conflicts) {
    if let Reason::Undecided(question) = &*failure.reason {
        let bare = name.strip_prefix("struct ").or_else(|| name.strip_prefix("union ")).unwrap_or(name);
        return conflicts.add(Code::Question, (bare, &failure.path), question, address, question.clone());
    }
    let message = failure.reason.to_string();
    let kind = std::mem::discriminant(&*failure.reason);
    let hint = Hint::of(&failure.reason);
    conflicts.add_with(Code::Value, (name, &failure.path), &format!("{kind:?}"), address, message, hint);
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
    (name, object): (&dyn Fn() -> String, u64),
    (writes, conflicts): (&mut Writes, &mut Conflicts),
    member: &dyn Fn(u64) -> String,
) {
    let mut is_whole = true;
    for (at, (to, why)) in lost::all(new, view) {
        let offset = u64::try_from(at).unwrap_or(0);
        lost::report((to, why), &view.old, (&name(), &member(offset)), object, conflicts);
        is_whole = false;
    }
    let pieces = old.chunks(8).zip(new.chunks(8)).zip((address..).step_by(8)).filter(|_| is_whole);
    for ((before, after), at) in pieces {
        if before != after {
            writes.push(at, after);
        }
    }
}
