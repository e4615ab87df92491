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
mod codes;
mod conflict;
mod draft;
mod flood;
mod kinds;
mod leads;
mod leaves;
mod left;
mod libraries;
mod lost;
mod merged;
mod objects;
mod overwritten;
mod pointers;
mod program;
mod questions;
mod quick;
mod settle;
mod start_up;
mod told;
mod world;
mod writes;

pub use codes::{ALL as CODES, Code, Entry};
pub use conflict::Conflict;
pub use libraries::Adapted;
pub(crate) use libraries::is_of_the_system;
pub(crate) use world::View;
pub use writes::Writes;

use crate::fates::{Extent, Fate, Fates, extent};
use crate::map::{AddressMap, Landing};
use crate::pairs::Pairs;
use crate::side::Side;
use crate::target::{Room, Target, Unwritable};
use crate::verify;
use carry::Carried;
use conflict::Conflicts;
use kinds::Kinds;
use mcrx_allocator::reader::{Generation, Slot};
use mcrx_debuginfo::table::{Table, Type, TypeId};
use mcrx_dsl::eval::{Lookup, Making, Mistake};
use mcrx_dsl::migrate::{Called, Migration};
use mcrx_dsl::names;
use mcrx_dsl::pairing::Pairing;
use mcrx_dsl::rules::{Change, Rules};
use mcrx_tracer::blocks::Block;
use mcrx_tracer::graph::Node;
use mcrx_tracer::marks::numbers;
use mcrx_tracer::model::Ty;
use mcrx_tracer::roots::RootKind;
use overwritten::Overwritten;
use pointers::Word;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use start_up::Twice;
use std::sync::OnceLock;

/// How one release's types and variables become the other's.
pub struct Course<'a> {
    /// The old release's debug info, as `pairing` has it.
    pub old: &'a Table,
    /// What becomes of what.
    pub pairing: Pairing<'a>,
    /// How.
    pub migration: Migration,
    /// What is wrong with the rules' expressions.
    pub mistakes: Vec<Mistake>,
    /// Types of the old release whose objects are given up on purpose where nothing that is carried over leads to them.
    pub given_up: FxHashSet<TypeId>,
    /// Libraries that are told anew what they had been told, by the beginnings of their files' names.
    pub adapters: Vec<String>,
    /// Words that the kernel keeps for the old process and hands back to it, as epoll(7) does: they may be pointers.
    pub held_by_kernel: Vec<u64>,
}

impl<'a> Course<'a> {
    /// From one process's program to another's.
    pub fn of(now: &Side<'a>, new: &Side<'a>, rules: &'a Rules) -> Course<'a> {
        let pairing = Pairing::of(now.table, new.table, rules);
        let lookups = (Lookup::new(now.table), Lookup::new(new.table));
        let (migration, mistakes) = Migration::compile(&pairing, rules, &lookups.0, &lookups.1);
        let given_up = given_up(now.table, rules);
        let (adapters, held_by_kernel) = (libraries::adapters(rules), Vec::new());
        Course { old: now.table, pairing, migration, mistakes, given_up, adapters, held_by_kernel }
    }
}

/// The types that `type T drop` is said of.
fn given_up(old: &Table, rules: &Rules) -> FxHashSet<TypeId> {
    let types = rules.changes.iter().filter_map(|change| match &change.is {
        Change::GivenUp(types) => Some(types),
        _ => None,
    });
    let found = types.flatten().flat_map(|ty| names::types(old, ty.is.keyword, &ty.is.symbol));
    found.map(|ty| ty.id()).collect()
}

/// What an update would do.
#[derive(Debug, Default)]
pub struct Plan {
    /// What stops it.
    pub conflicts: Vec<Conflict>,
    /// How many objects fare how.
    pub totals: Totals,
    /// What becomes of old blocks.
    fates: Fates,
    /// Blocks that rules asked for: where, and how many bytes.
    asked: Vec<(u64, u64)>,
    /// Old blocks that nothing needs any more once it is done.
    pub freed: Vec<u64>,
    writes: Writes,
    /// Functions of the new release that are to be called when all is written, with what they are given. Only a process can.
    pub calls: Vec<Called>,
    /// Libraries that are to be told anew what the old process had told them.
    pub adapters: Vec<Adapted>,
    /// What the kernel is to hold in the place of each of [`Course::held_by_kernel`].
    pub held_by_kernel: Vec<u64>,
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

impl Totals {
    /// Those of another process, too.
    pub fn add(&mut self, more: &Totals) {
        let Totals { kept, redirected, transformed, moved, paired, changed, pinned, untyped, bytes } = more;
        self.kept += kept;
        self.redirected += redirected;
        self.transformed += transformed;
        self.moved += moved;
        self.paired += paired;
        self.changed += changed;
        self.pinned += pinned;
        self.untyped += untyped;
        self.bytes += bytes;
    }
}

/// All that a plan is made from.
pub(crate) struct Scene<'a> {
    start: Side<'a>,
    now: Side<'a>,
    new: Side<'a>,
    old: &'a Table,
    pairing: &'a Pairing<'a>,
    migration: &'a Migration,
    adapters: &'a [String],
    given_up: &'a FxHashSet<TypeId>,
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
        Plan::make_ignoring((start, now, new), course, pairs, room, &[])
    }

    /// The same, deaf to conflicts of some sorts. For tests of what happens then: never for an update.
    #[doc(hidden)]
    pub fn make_ignoring<'a>(
        (start, now, new): (Side<'a>, Side<'a>, Side<'a>),
        course: &'a Course<'a>,
        pairs: &Pairs,
        room: &'a dyn Room,
        ignored: &[Code],
    ) -> Plan {
        Plan::make_by(Kinds::of, (start, now, new), course, pairs, room, ignored)
    }

    /// The same the long way, one block after the other and word by word in memory. For tests, which hold the quick way against it.
    #[doc(hidden)]
    pub fn make_slowly<'a>(
        (start, now, new): (Side<'a>, Side<'a>, Side<'a>),
        course: &'a Course<'a>,
        pairs: &Pairs,
        room: &'a dyn Room,
    ) -> Plan {
        Plan::make_by(Kinds::unknown, (start, now, new), course, pairs, room, &[])
    }

    fn make_by<'a>(
        kinds: fn(&Scene<'a>) -> Kinds<'a>,
        (start, now, new): (Side<'a>, Side<'a>, Side<'a>),
        course: &'a Course<'a>,
        pairs: &Pairs,
        room: &'a dyn Room,
        ignored: &[Code],
    ) -> Plan {
        let scene = Scene::new((start, now, new), course, room);
        let mut conflicts = Conflicts::default();
        for mistake in &course.mistakes {
            conflicts.add(Code::Question, ("rules", ""), &mistake.message, 0, mistake.message.clone());
        }
        let mut plan = Plan::default();
        let mut twice = both::find(&scene, pairs, &mut conflicts);
        scene.leave_to_adapters(&mut twice);
        let kinds = kinds(&scene);
        let mut carried = Carried::from(&twice, &scene, pairs, &kinds);
        let mut map = AddressMap::new(now, new, scene.pairing, scene.migration);
        let (made, calls) = loop {
            let mut refused = Conflicts::default();
            let fates = objects::decide(&scene, &carried, &kinds, pairs, &mut refused);
            let mut pieces = objects::moved(&scene, &fates);
            pieces.extend(both::moved(&scene, &twice));
            let mut beside = objects::beside(&scene, &fates);
            beside.extend(both::beside(&twice));
            let merged = scene.merged(&twice, carried.live());
            map.set_blocks(Fates::new(carried.live().clone(), fates), pieces, beside, merged);
            let mut made = Made::all(&twice, &scene, &map, &kinds);
            // Rules may lead from what is carried over to what nothing else leads to.
            if carried.add(std::mem::take(&mut made.wanted)) {
                continue;
            }
            let calls = actions::run(&scene, &twice, &map, &mut made);
            if !carried.add(std::mem::take(&mut made.wanted)) {
                conflicts.merge(refused);
                break (made, calls);
            }
        };
        plan.calls = calls;
        plan.held_by_kernel = scene.held(&course.held_by_kernel, &map, &mut conflicts);
        scene.left_behind(&twice, pairs, &carried, (&kinds, &made.led_to), &map, &mut conflicts);
        scene.kept_by_libraries(&twice, &mut conflicts);
        plan.adapters = scene.adapted_libraries(&map);
        let Made {
            mut writes, later, redirected, changed, blocks, overwritten, conflicts: of_values, ..
        } = made;
        plan.asked = blocks;
        writes.append(later);
        conflicts.merge(of_values);
        questions::ask(&scene, &twice, map.fates().live(), &mut conflicts);
        overwritten::find(&scene, pairs, &overwritten, &writes, &mut conflicts);
        plan.totals.redirected = redirected;
        plan.totals.changed = changed;
        plan.fates = map.take_fates();
        plan.count(&scene, &carried, &twice);
        plan.totals.bytes = u64::try_from(writes.len()).unwrap_or(u64::MAX);
        plan.conflicts = conflicts.finish();
        plan.conflicts.retain(|conflict| !ignored.contains(&conflict.code));
        told::complete(&scene, &mut plan.conflicts);
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

    /// Objects that are carried over, where they are in the new image, by address. `now` and `course`: those that the plan was made with.
    pub fn carried(&self, now: &Side<'_>, course: &Course<'_>) -> Vec<verify::Carried> {
        let counterparts = Counterparts { now, course, known: FxHashMap::default() };
        let numbers = now.trace.blocks.numbers();
        let chunks = (0..numbers.div_ceil(objects::CHUNK)).into_par_iter().map(|chunk| {
            let (mut counterparts, mut found) = (counterparts.clone(), Vec::new());
            objects::blocks(now, self.fates.live(), chunk * objects::CHUNK, &mut |number, block| {
                counterparts.of(number, block, self.fates.get(number), &mut found);
            });
            found
        });
        let mut carried = chunks.collect::<Vec<Vec<_>>>().concat();
        let asked = self.asked.iter().map(|(address, len)| *address..address + len);
        carried.extend(asked.map(|range| verify::Carried { range, ty: None }));
        carried.par_sort_by_key(|carried| carried.range.start);
        carried
    }

    fn count(&mut self, scene: &Scene<'_>, carried: &Carried<'_, '_>, twice: &[Twice<'_>]) {
        let trace = scene.now.trace;
        let totals = &mut self.totals;
        totals.paired = u64::try_from(twice.len()).unwrap_or(u64::MAX);
        totals.kept = self.fates.live().count();
        for (number, fate) in self.fates.altered() {
            totals.kept -= 1;
            totals.transformed += u64::from(!matches!(fate, Fate::Refused | Fate::Merged));
            if matches!(fate, Fate::Merged) {
                self.freed.extend(trace.blocks.get(number).map(|block| block.address));
            }
            if let Some((_, to)) = fate.main() {
                let address = trace.blocks.get(number).map_or(to, |block| block.address);
                if to != address {
                    totals.moved += 1;
                    self.freed.push(address);
                }
            }
        }
        let live = self.fates.live();
        let of_words = (0..live.words()).into_par_iter().map(|word| {
            let own = numbers(word, live.word(word));
            let is_untyped = |number: &u32| {
                trace.marked.ty(*number).is_none() && trace.marked.islands_of(*number).next().is_none()
            };
            let pinned = live.word(word) & carried.pinned.word(word);
            (u64::from(pinned.count_ones()), wide(own.filter(is_untyped).count()))
        });
        (totals.pinned, totals.untyped) =
            of_words.reduce(|| (0, 0), |one, other| (one.0 + other.0, one.1 + other.1));
        let is_block = |object: &&Twice<'_>| {
            let block = trace.blocks.find(object.old.0);
            block.is_some_and(|(_, block, into)| into == 0 && object.old.1 >= block.len)
        };
        let freed = twice.iter().filter(|object| !object.is_beside).filter(is_block);
        self.freed.extend(freed.map(|object| object.old.0));
    }
}

/// What carried objects are in the new release.
#[derive(Clone)]
struct Counterparts<'c, 'a> {
    now: &'c Side<'a>,
    course: &'c Course<'a>,
    /// Of types that stay.
    known: FxHashMap<Ty, Option<TypeId>>,
}

impl Counterparts<'_, '_> {
    /// Adds what becomes of a block.
    fn of(&mut self, number: u32, block: &Block, fate: Option<&Fate>, found: &mut Vec<verify::Carried>) {
        let Counterparts { now, course, known } = self;
        let Course { pairing, migration, .. } = course;
        let fate = match fate {
            Some(Fate::Refused | Fate::Merged) => return,
            None | Some(Fate::Parts(_)) => {
                let ty = now.trace.marked.ty(number);
                let ty = ty.and_then(|ty| *known.entry(ty).or_insert_with(|| counterpart(now, course, ty)));
                return found.push(verify::Carried { range: block.address..block.address + block.len, ty });
            }
            Some(fate) => fate,
        };
        let (how, to) = fate.anew();
        for (index, (how, to)) in how.iter().zip(&to).enumerate() {
            let size = match index {
                0 => {
                    extent(now.trace, migration, (number, block), *how).map_or(0, |extent: Extent| extent.len)
                }
                _ => migration.recipe(*how).map_or(0, |recipe| recipe.size(block.len)),
            };
            found.push(verify::Carried { range: *to..to + size, ty: made(pairing, *how) });
        }
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// What a recipe makes.
fn made(pairing: &Pairing<'_>, how: Making) -> Option<TypeId> {
    Some(pairing.pair(how.pair)?.made.get(how.made)?.ty.id())
}

/// What objects of a type of the old program are in the new one.
fn counterpart(now: &Side<'_>, Course { old, pairing, .. }: &Course<'_>, ty: Ty) -> Option<TypeId> {
    let ty = now.trace.model.ty(ty).filter(|ty| ty.table().build_id() == old.build_id())?;
    Some(pairing.of_old(old.ty(ty.id())?)?.1.made.first()?.ty.id())
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
    /// Old addresses that rules lead to as they did after start-up, of what is not carried over.
    led_to: Vec<u64>,
    /// Blocks that rules ask for: where, and how many bytes.
    blocks: Vec<(u64, u64)>,
    /// Words of the new process in whose place old ones come.
    overwritten: Vec<Overwritten>,
    conflicts: Conflicts,
}

impl Made {
    fn all<'a>(twice: &[Twice<'_>], scene: &Scene<'a>, map: &AddressMap<'a>, kinds: &Kinds<'a>) -> Made {
        let mut all = Made::default();
        for object in twice {
            let before = all.writes.len();
            start_up::carry(object, scene, map, &mut all);
            all.changed += u64::from(all.writes.len() != before);
        }
        let chunks =
            objects::chunks(&scene.now).map(|first| quick::Maker::new(scene, map, kinds).make(first));
        for one in chunks.collect::<Vec<Made>>() {
            all.writes.append(one.writes);
            all.later.append(one.later);
            all.redirected += one.redirected;
            all.wanted.extend(one.wanted);
            all.blocks.extend(one.blocks);
            all.conflicts.merge(one.conflicts);
        }
        all
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
        let (adapters, given_up) = (&course.adapters, &course.given_up);
        let least_change = OnceLock::new();
        Scene {
            start,
            now,
            new,
            old: course.old,
            pairing,
            migration,
            adapters,
            given_up,
            room,
            variables,
            least_change,
        }
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

    /// What becomes of words that the kernel holds. Most programs keep a descriptor there, or a pointer.
    fn held(&self, words: &[u64], map: &AddressMap<'_>, conflicts: &mut Conflicts) -> Vec<u64> {
        let become_what = |word: &u64| match map.get(*word) {
            Landing::Same | Landing::Left => *word,
            Landing::At(new) => new,
            Landing::Nothing(_) => {
                let message = format!(
                    "the kernel hands {word:#x} back to the program with an event: it leads to what the new release does not have"
                );
                conflicts.add(Code::Pointer, ("epoll", ""), "", *word, message);
                *word
            }
        };
        words.iter().map(become_what).collect()
    }

    /// A type of the old process as the pairing has it.
    fn old_type(&self, ty: Ty) -> Option<Type<'a>> {
        self.now.trace.model.ty(ty).and_then(|ty| self.of_now(ty))
    }

    fn of_now(&self, ty: Type<'_>) -> Option<Type<'a>> {
        (ty.table().build_id() == self.old.build_id()).then(|| self.old.ty(ty.id())).flatten()
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

    /// Whether bytes of the old process are others now than after its start-up.
    fn differs(&self, address: u64, len: u64) -> bool {
        let Ok(len) = usize::try_from(len) else { return true };
        self.start.process().memory.bytes(address, len) != self.now.process().memory.bytes(address, len)
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
