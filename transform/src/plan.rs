//! What an update would do, as a value: found and decided before anything is written.
//!
//! ```text
//!   pairs of start-up objects --+
//!   variables ------------------+--> what changed since ---> blocks that live on ---> where each goes ---> bytes
//!                                       (start_up)               (carry)                 (objects)        (Writes)
//! ```
//!
//! A plan with conflicts is refused: [`Plan::writes`] has nothing then.
//!
//! What it does not do: write.

mod actions;
mod both;
mod carry;
mod conflict;
mod draft;
mod leaves;
mod lost;
mod objects;
mod pointers;
mod questions;
mod start_up;
mod world;
mod writes;

pub use conflict::{Code, Conflict};
pub use writes::Writes;

use crate::map::AddressMap;
use crate::pairs::Pairs;
use crate::side::Side;
use crate::target::{Room, Target, Unwritable};
use crate::verify;
use carry::Carried;
use conflict::Conflicts;
use mcrx_allocator::reader::{Generation, Slot};
use mcrx_debuginfo::table::{Type, TypeId};
use mcrx_dsl::eval::{Lookup, Making, Mistake};
use mcrx_dsl::migrate::{Called, Migration};
use mcrx_dsl::pairing::Pairing;
use mcrx_dsl::rules::Rules;
use mcrx_tracer::graph::Node;
use mcrx_tracer::model::Ty;
use mcrx_tracer::roots::{Root, RootKind};
use objects::{Fate, Object, Pins};
use pointers::Word;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use start_up::Twice;
use std::ops::Range;
use std::sync::OnceLock;

/// How one release's types and variables become the other's.
pub struct Course<'a> {
    /// What becomes of what.
    pub pairing: Pairing<'a>,
    /// How.
    pub migration: Migration,
    /// What is wrong with the rules' expressions.
    pub mistakes: Vec<Mistake>,
}

impl<'a> Course<'a> {
    /// From one process's program to another's.
    pub fn of(now: &Side<'a>, new: &Side<'a>, rules: &'a Rules) -> Course<'a> {
        let pairing = Pairing::of(now.table, new.table, rules);
        let lookups = (Lookup::new(now.table), Lookup::new(new.table));
        let (migration, mistakes) = Migration::compile(&pairing, rules, &lookups.0, &lookups.1);
        Course { pairing, migration, mistakes }
    }
}

/// What an update would do.
#[derive(Debug, Default)]
pub struct Plan {
    /// What stops it.
    pub conflicts: Vec<Conflict>,
    /// How many objects fare how.
    pub totals: Totals,
    /// Objects that are carried over, where they are in the new image, by address.
    pub carried: Vec<verify::Carried>,
    /// Old blocks that nothing needs any more once it is done.
    pub freed: Vec<u64>,
    writes: Writes,
    /// Functions of the new release that are to be called when all is written, with what they are given. Only a process can.
    pub calls: Vec<Called>,
}

/// Objects, by what becomes of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Blocks that stay where they are, and as they are but for pointers.
    pub kept: u64,
    /// Of these, those in which pointers are redirected.
    pub redirected: u64,
    /// Blocks that are made anew.
    pub transformed: u64,
    /// Of these, those that have moved.
    pub moved: u64,
    /// Blocks and variables that both start-ups have made.
    pub paired: u64,
    /// Of these, those of which something is carried over.
    pub changed: u64,
    /// Blocks that words lead to which may be no pointers.
    pub pinned: u64,
    /// Live blocks that have no type.
    pub untyped: u64,
    /// Bytes that are written.
    pub bytes: u64,
}

/// All that a plan is made from.
pub(crate) struct Scene<'a> {
    start: Side<'a>,
    now: Side<'a>,
    new: Side<'a>,
    pairing: &'a Pairing<'a>,
    migration: &'a Migration,
    room: &'a dyn Room,
    /// Nodes of variables in the old process, by their addresses.
    variables: FxHashMap<u64, Node>,
    least_change: OnceLock<Option<u64>>,
}

impl Plan {
    /// Makes one. `start` and `now` are the same process, parked after its start-up and now; `new` is the new release's, parked after its own.
    pub fn make<'a>(
        (start, now, new): (Side<'a>, Side<'a>, Side<'a>),
        course: &'a Course<'a>,
        pairs: &Pairs,
        room: &'a dyn Room,
    ) -> Plan {
        let scene = Scene::new((start, now, new), course, room);
        let mut conflicts = Conflicts::default();
        for mistake in &course.mistakes {
            conflicts.add(Code::Question, ("rules", ""), &mistake.message, 0, mistake.message.clone());
        }
        let mut plan = Plan::default();
        let twice = both::find(&scene, pairs, &mut conflicts);
        let mut carried = Carried::from(&twice, &scene, pairs);
        let mut map = AddressMap::new(now, new, scene.pairing, scene.migration);
        let (objects, mut made) = loop {
            let mut refused = Conflicts::default();
            let objects = scene.decide(carried.numbers(), &mut refused);
            let moved =
                objects.iter().flat_map(|object| object.moved(&scene)).chain(both::moved(&scene, &twice));
            map.set_blocks(carried.numbers().iter().copied(), moved.collect());
            let mut made = Made::all(&twice, &objects, &scene, &map);
            // Rules may lead from what is carried over to what nothing else leads to.
            let more = carried.add(std::mem::take(&mut made.wanted), &scene, pairs);
            if !more {
                conflicts.merge(refused);
                break (objects, made);
            }
        };
        plan.calls = actions::run(&scene, (&twice, &objects), &map, &mut made);
        questions::ask(&scene, &twice, &objects, &mut conflicts);
        scene.left_behind(&twice, pairs, &carried, &mut conflicts);
        let Made { mut writes, later, redirected, changed, blocks, conflicts: of_values, .. } = made;
        let blocks = blocks.iter().map(|(address, len)| (*address..address + len, None));
        plan.carried = blocks.map(|(range, ty)| verify::Carried { range, ty }).collect();
        writes.append(&later);
        conflicts.merge(of_values);
        plan.totals.redirected = redirected;
        plan.totals.changed = changed;
        plan.count(&scene, &objects, &twice);
        plan.totals.bytes = u64::try_from(writes.len()).unwrap_or(u64::MAX);
        plan.conflicts = conflicts.finish();
        if plan.conflicts.is_empty() {
            plan.writes = writes;
        }
        plan
    }

    /// Whether it would lose or break something: then it writes nothing.
    pub fn is_refused(&self) -> bool {
        !self.conflicts.is_empty()
    }

    /// What is to be written, in this order.
    pub fn writes(&self) -> &Writes {
        &self.writes
    }

    /// Writes it.
    ///
    /// # Errors
    /// There is no memory where something is to be written: what was written before stays written.
    pub fn apply(&self, target: &mut dyn Target) -> Result<(), Unwritable> {
        self.writes.iter().try_for_each(|(address, bytes)| target.write(address, bytes))
    }

    fn count(&mut self, scene: &Scene<'_>, objects: &[Object], twice: &[Twice<'_>]) {
        let totals = &mut self.totals;
        totals.paired = u64::try_from(twice.len()).unwrap_or(u64::MAX);
        for object in objects {
            let trace = scene.now.trace;
            totals.pinned += u64::from(object.is_pinned);
            let is_typed = trace.marked.ty(object.number).is_some()
                || trace.marked.islands_of(object.number).next().is_some();
            totals.untyped += u64::from(!is_typed);
            let (address, len) = (object.block.address, object.block.len);
            match &object.fate {
                Fate::Stays => totals.kept += 1,
                Fate::Parts(_) => totals.transformed += 1,
                Fate::Made(anew) => {
                    totals.transformed += 1;
                    let to = anew.to.first().copied().unwrap_or(address);
                    if to != address {
                        totals.moved += 1;
                        self.freed.push(address);
                    }
                    let ty = anew.how.first().and_then(|how| scene.made(*how));
                    self.carried.push(verify::Carried { range: to..to + anew.len, ty });
                    continue;
                }
                Fate::Refused => continue,
            }
            let ty = scene.now.trace.marked.ty(object.number).and_then(|ty| scene.counterpart(ty));
            self.carried.push(verify::Carried { range: address..address + len, ty });
        }
        self.carried.sort_by_key(|carried| carried.range.start);
        let is_block = |object: &&Twice<'_>| {
            let block = scene.now.trace.blocks.find(object.old.0);
            block.is_some_and(|(_, block, into)| into == 0 && object.old.1 >= block.len)
        };
        let freed = twice.iter().filter(is_block);
        self.freed.extend(freed.map(|object| object.old.0));
    }
}

/// What some objects come to.
#[derive(Default)]
struct Made {
    writes: Writes,
    /// Behind all others.
    later: Writes,
    /// Blocks that stay, with other pointers.
    redirected: u64,
    /// What both start-ups have made, with something of the old one.
    changed: u64,
    /// Old addresses that rules lead to, of what was not known to live on.
    wanted: Vec<u64>,
    /// Blocks that rules ask for: where, and how many bytes.
    blocks: Vec<(u64, u64)>,
    conflicts: Conflicts,
}

impl Made {
    fn all(twice: &[Twice<'_>], objects: &[Object], scene: &Scene<'_>, map: &AddressMap<'_>) -> Made {
        let mut all = Made::default();
        for object in twice {
            let before = all.writes.len();
            start_up::carry(object, scene, map, &mut all);
            all.changed += u64::from(all.writes.len() != before);
        }
        let chunks = objects.par_chunks(1024).map(|chunk| Made::of(chunk, scene, map));
        for one in chunks.collect::<Vec<Made>>() {
            all.writes.append(&one.writes);
            all.later.append(&one.later);
            all.redirected += one.redirected;
            all.wanted.extend(one.wanted);
            all.blocks.extend(one.blocks);
            all.conflicts.merge(one.conflicts);
        }
        all
    }

    fn of(objects: &[Object], scene: &Scene<'_>, map: &AddressMap<'_>) -> Made {
        let mut made = Made::default();
        for object in objects {
            let before = made.writes.len();
            object.make(scene, map, &mut made);
            made.redirected += u64::from(matches!(object.fate, Fate::Stays) && made.writes.len() != before);
        }
        made
    }
}

impl<'a> Scene<'a> {
    fn new(
        (start, now, new): (Side<'a>, Side<'a>, Side<'a>),
        course: &'a Course<'a>,
        room: &'a dyn Room,
    ) -> Scene<'a> {
        let roots = now.trace.graph.roots().zip(&now.trace.roots);
        let variables = roots.filter(|(_, root)| {
            matches!(root.kind, RootKind::Variable | RootKind::ThreadLocal) && root.ty.is_some()
        });
        let variables = variables.map(|(node, root)| (root.address, node)).collect();
        let (pairing, migration) = (&course.pairing, &course.migration);
        let least_change = OnceLock::new();
        Scene { start, now, new, pairing, migration, room, variables, least_change }
    }

    /// The pointers of what lies at an address of the old process, in so many bytes: a variable, a block, or a part of one.
    fn words(&self, (address, len): (u64, u64)) -> Vec<Word> {
        let (node, start) = match (self.variables.get(&address), self.now.trace.blocks.at(address)) {
            (Some(node), _) => (*node, address),
            (None, Some((number, into))) => (Node(number), address - into),
            (None, None) => return Vec::new(),
        };
        let mut words = pointers::of(&self.now, node, start);
        let place = |word: &Word| (start + word.offset).checked_sub(address);
        words.retain(|word| place(word).is_some_and(|place| place < len));
        words.iter_mut().for_each(|word| word.offset = start + word.offset - address);
        words
    }

    /// A type of the old process as the pairing has it.
    fn old_type(&self, ty: Ty) -> Option<Type<'a>> {
        self.now.trace.model.ty(ty).and_then(|ty| self.of_now(ty))
    }

    fn of_now(&self, ty: Type<'_>) -> Option<Type<'a>> {
        (ty.table().build_id() == self.now.table.build_id()).then(|| self.now.table.ty(ty.id())).flatten()
    }

    /// What a recipe makes.
    fn made(&self, how: Making) -> Option<TypeId> {
        Some(self.pairing.pair(how.pair)?.made.get(how.made)?.ty.id())
    }

    /// What objects of a type of the old program are in the new one.
    fn counterpart(&self, ty: Ty) -> Option<TypeId> {
        Some(self.pairing.of_old(self.old_type(ty)?)?.1.made.first()?.ty.id())
    }

    /// Where in a block a place is, for people.
    fn member(&self, number: u32, offset: u64) -> String {
        let trace = self.now.trace;
        let Some(block) = trace.blocks.get(number) else { return String::new() };
        match trace.marked.object_at(trace.model, block.len, number, offset) {
            Some(object) => trace.model.path(object.ty, object.within),
            None => format!("+{offset}"),
        }
    }

    /// The bytes of the smallest type that changes.
    fn least_change(&self) -> Option<u64> {
        *self.least_change.get_or_init(|| {
            let changed = self.pairing.types.iter().enumerate().filter(|(_, pair)| !pair.is_same);
            let recipes = changed.filter_map(|(index, _)| {
                let pair = mcrx_dsl::pairing::PairId(u32::try_from(index).ok()?);
                self.migration.recipe(Making { pair, made: 0 })
            });
            recipes
                .filter(|recipe| !recipe.is_copy() && recipe.old_size > 0)
                .map(|recipe| recipe.old_size)
                .min()
        })
    }

    /// Decides about what lives on.
    fn decide(&self, numbers: &[u32], conflicts: &mut Conflicts) -> Vec<Object> {
        let pins = Pins::of(self, numbers);
        let blocks = numbers.iter().filter_map(|number| Some((*number, self.now.trace.blocks.get(*number)?)));
        blocks.map(|(number, block)| objects::decide(self, (number, block), &pins, conflicts)).collect()
    }

    /// Whether bytes of the old process are others now than after its start-up.
    fn differs(&self, address: u64, len: u64) -> bool {
        let Ok(len) = usize::try_from(len) else { return true };
        self.start.process().memory.bytes(address, len) != self.now.process().memory.bytes(address, len)
    }

    /// What the old start-up made, and what changed since, but nothing leads to any more.
    fn left_behind(&self, twice: &[Twice<'_>], pairs: &Pairs, carried: &Carried, conflicts: &mut Conflicts) {
        let trace = self.now.trace;
        let needed = self.needed();
        let mut paired: Vec<Range<u64>> =
            twice.iter().map(|object| object.old.0..object.old.0 + object.old.1).collect();
        paired.sort_by_key(|range| range.start);
        for (number, block) in trace.blocks.iter() {
            let is_needed = needed.get(usize::try_from(number).unwrap_or(usize::MAX)) == Some(&true);
            if carried.contains(number) || !is_needed || !trace.is_own(number) {
                continue;
            }
            let was_there = is_same_life(self, block.address);
            let end = block.address + block.len;
            let mut at = block.address;
            let mut is_changed = false;
            let first = paired.partition_point(|range| range.end <= at);
            let within = paired.iter().skip(first).take_while(|range| range.start < end);
            for range in within.cloned().chain(std::iter::once(end..end)) {
                is_changed |= at < range.start && self.differs(at, range.start - at);
                at = at.max(range.end);
            }
            if was_there && !is_changed {
                continue;
            }
            let untyped = || format!("block of {} bytes", block.requested);
            let name = trace.marked.ty(number).map_or_else(untyped, |ty| trace.model.name(ty));
            let alone = pairs.alone.binary_search_by_key(&block.address, |alone| alone.old.start).ok();
            let why = alone.and_then(|place| pairs.alone.get(place)).map(|alone| alone.why);
            let (kind, message) = match (was_there, why) {
                (true, Some(why)) => ("changed", format!("it changed since start-up, and has no counterpart: {why}")),
                (true, None) => ("changed", "it changed since start-up, and has no counterpart".to_owned()),
                (false, _) => ("made", "it was made since start-up, and nothing that is carried over leads to it: a function that runs does".to_owned()),
            };
            conflicts.add(Code::Unpaired, (&name, ""), kind, block.address, message);
        }
    }

    /// Blocks that something with a type leads to: what only words on stacks and in registers lead to may be left over from what is gone.
    fn needed(&self) -> Vec<bool> {
        let graph = &self.now.trace.graph;
        let count = usize::try_from(self.now.trace.blocks.numbers()).unwrap_or(0);
        let mut needed = vec![false; count];
        // What libraries hold in their frames is theirs.
        let is_own = |root: &Root| root.ty.is_some_and(|ty| self.old_type(ty).is_some());
        let own = graph.roots().zip(&self.now.trace.roots).filter(|(_, root)| is_own(root));
        let mut work: Vec<Node> = own.map(|(node, _)| node).collect();
        work.extend(self.now.trace.blocks.areas().map(|(number, _)| Node(number)));
        while let Some(node) = work.pop() {
            for edge in graph.edges(node) {
                let place = usize::try_from(edge.to.0).ok().and_then(|number| needed.get_mut(number));
                if let Some(is_needed) = place.filter(|is_needed| !**is_needed) {
                    *is_needed = true;
                    work.push(edge.to);
                }
            }
        }
        needed
    }
}

/// Whether a block of the old process is the one that it was after start-up, and not another in its place.
fn is_same_life(scene: &Scene<'_>, address: u64) -> bool {
    let life = |side: &Side<'_>| -> Option<Option<Generation>> {
        let (number, _) = side.trace.blocks.at(address)?;
        Some(side.trace.known.heap.block(Slot(number)).map(|block| block.generation))
    };
    match (life(&scene.start), life(&scene.now)) {
        (Some(then), Some(now)) => then == now,
        _ => false,
    }
}
