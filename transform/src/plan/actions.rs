//! What rules do when all objects are made: `for each`, `call`, `assert`.

use super::codes::Code;
use super::conflict::Hint;
use super::draft::Draft;
use super::start_up::Twice;
use super::world::View;
use super::{Made, Scene, lost};
use crate::fates::Fate;
use crate::map::{AddressMap, Landing, Lost};
use mcrx_debuginfo::table::{Count, Kind, Type, TypeId};
use mcrx_dsl::diagnostic::Release;
use mcrx_dsl::eval::{Failure, Machine, Patch, Value};
use mcrx_dsl::migrate::{Called, Tails};
use mcrx_tracer::graph::Node;
use mcrx_tracer::mark::Island;
use mcrx_tracer::marks::Marks;
use mcrx_tracer::model::{Fit, Ty};
use mcrx_tracer::trace::Trace;
use rustc_hash::FxHashMap;

/// Carries them out in a draft; what they write is written behind all else. Returns the functions that are to be called.
pub(super) fn run(
    scene: &Scene<'_>,
    twice: &[Twice<'_>],
    map: &AddressMap<'_>,
    made: &mut Made,
) -> Vec<Called> {
    let actions = &scene.migration.actions;
    if actions.each.is_empty() && actions.calls.is_empty() && actions.asserts.is_empty() {
        return Vec::new();
    }
    let view = View::new(scene.now, scene.new, Some(map), scene.room);
    let draft = Draft::of(&view, &made.writes);
    made.later.iter().for_each(|(address, bytes)| draft.write(address, bytes));
    let mut machine = Machine::new(&draft, scene.migration);
    let mut calls: Vec<Called> = Vec::new();
    let mut tails = Tails::default();
    for each in &actions.each {
        let listed = match each.objects(&mut machine) {
            Ok(listed) => listed,
            Err(failure) => {
                report(scene, (each.of, each.ty), 0, &failure, made);
                continue;
            }
        };
        let all = listed.unwrap_or_else(|| match each.of {
            Release::Old => of_old(scene, each.ty, twice, map.fates().live()),
            Release::New => of_new(scene, each.ty, map),
        });
        for object in all {
            let become_of = match each.of {
                Release::Old => landed(map, object),
                Release::New => object,
            };
            let mut apply = |patch: Patch| {
                draft.write(patch.address, &patch.bytes);
                match lost::first(&patch.bytes, &view) {
                    Some(lost) => {
                        let of = (each.of, each.ty);
                        let member = member(scene, of, patch.address.wrapping_sub(become_of));
                        let name = name_of(scene, of);
                        lost::report(lost, &scene.now, (&name, &member), object, &mut made.conflicts);
                    }
                    None => made.later.push(patch.address, &patch.bytes),
                }
                Ok(())
            };
            match each.run(object, become_of, &mut tails, &mut machine, &mut apply) {
                Ok(called) => {
                    let whole =
                        called.into_iter().filter(|called| is_whole(called, object, &view, scene, made));
                    calls.extend(whole);
                }
                Err(failure) => report(scene, (each.of, each.ty), object, &failure, made),
            }
        }
    }
    for call in &actions.calls {
        match call.values(&mut machine) {
            Ok(called) => {
                let is_whole = is_whole(&called, 0, &view, scene, made);
                calls.extend(is_whole.then_some(called));
            }
            Err(failure) => {
                made.conflicts.add(Code::Value, (&call.function, ""), "call", 0, failure.reason.to_string());
            }
        }
    }
    for assert in &actions.asserts {
        let objects = match assert.every {
            None => vec![None],
            Some(ty) => of_new(scene, ty, map).into_iter().map(Some).collect(),
        };
        for object in objects {
            let message = match assert.holds(object, &mut machine) {
                Ok(true) => continue,
                Ok(false) => "an `assert` of the rules does not hold".to_owned(),
                Err(failure) => format!("an `assert` of the rules cannot be decided: {}", failure.reason),
            };
            let name = assert.every.map_or_else(|| "rules".to_owned(), |ty| name(scene.new.table.ty(ty)));
            let kind = format!("{:?}", assert.span);
            made.conflicts.add(Code::Assert, (&name, ""), &kind, object.unwrap_or(0), message);
        }
    }
    made.blocks.extend(view.take_made());
    made.wanted.extend(view.take_wanted());
    calls
}

/// Whether all that a function is to be given is there; says it if not.
fn is_whole(called: &Called, object: u64, view: &View<'_, '_>, scene: &Scene<'_>, made: &mut Made) -> bool {
    let words = called.arguments.iter().filter_map(|value| match value {
        Value::Pointer(place) => Some(place.address),
        _ => None,
    });
    let nowhere: Vec<(u64, Lost)> = words.filter_map(|word| view.nowhere(word)).collect();
    for lost in &nowhere {
        lost::report(*lost, &scene.now, (&called.function, ""), object, &mut made.conflicts);
    }
    nowhere.is_empty()
}

/// Which member of what an object has become begins at an offset, or lies around it. Empty: that is elsewhere.
fn member(scene: &Scene<'_>, (of, ty): (Release, TypeId), offset: u64) -> String {
    let ty = match of {
        Release::Old => {
            scene.now.table.ty(ty).and_then(|ty| Some(scene.pairing.of_old(ty)?.1.made.first()?.ty))
        }
        Release::New => scene.new.table.ty(ty),
    };
    ty.and_then(|ty| ty.place(offset)).map_or_else(String::new, |place| place.path)
}

/// What has become of an old object; 0: nothing.
fn landed(map: &AddressMap<'_>, old: u64) -> u64 {
    match map.get(old) {
        Landing::Same => old,
        Landing::At(new) => new,
        Landing::Left | Landing::Nothing(_) => 0,
    }
}

fn report(scene: &Scene<'_>, of: (Release, TypeId), object: u64, failure: &Failure, made: &mut Made) {
    let message = failure.reason.to_string();
    let (name, hint) = (name_of(scene, of), Hint::of(&failure.reason));
    made.conflicts.add_with(Code::Value, (&name, &failure.path), "each", object, message, hint);
}

fn name_of(scene: &Scene<'_>, (of, ty): (Release, TypeId)) -> String {
    let table = if of == Release::Old { scene.now.table } else { scene.new.table };
    name(table.ty(ty))
}

fn name(ty: Option<Type<'_>>) -> String {
    ty.and_then(Type::name).unwrap_or("?").to_owned()
}

/// Where objects of a type are in the old process: by themselves, side by side, and in others.
pub(super) fn of_old(scene: &Scene<'_>, wanted: TypeId, twice: &[Twice<'_>], live: &Marks) -> Vec<u64> {
    let mut within = Within::new(wanted);
    let mut found = Vec::new();
    let trace = scene.now.trace;
    for object in twice {
        let Some(ty) = object.from else { continue };
        let size = ty.size().unwrap_or(0).max(1);
        let count = if object.making.is_some() { (object.old.1 / size).max(1) } else { 1 };
        (0..count).for_each(|index| within.each(ty, object.old.0 + index * size, &mut found));
    }
    for number in live.iter() {
        in_block(trace, number, &mut |ty, all| {
            let ty = trace.model.ty(ty).and_then(|ty| scene.of_now(ty));
            if let Some(ty) = ty.filter(|ty| within.is_in(*ty)) {
                all.for_each(|at| within.each(ty, at, &mut found));
            }
        });
    }
    finished(found)
}

/// Where objects of a type are in the new image: what the new process has, and what has been carried over.
pub(super) fn of_new(scene: &Scene<'_>, wanted: TypeId, map: &AddressMap<'_>) -> Vec<u64> {
    let mut within = Within::new(wanted);
    let mut found = Vec::new();
    let trace = scene.new.trace;
    let is_own = |ty: Type<'_>| ty.table().build_id() == scene.new.table.build_id();
    for (number, _) in trace.blocks.iter().filter(|(number, _)| trace.graph.is_reached(Node(*number))) {
        in_block(trace, number, &mut |ty, all| {
            let ty = trace.model.ty(ty).filter(|ty| is_own(*ty));
            let ty = ty.and_then(|ty| scene.new.table.ty(ty.id()));
            if let Some(ty) = ty.filter(|ty| within.is_in(*ty)) {
                all.for_each(|at| within.each(ty, at, &mut found));
            }
        });
    }
    for variable in scene.new.table.variables() {
        let is_there = variable.storage() == mcrx_debuginfo::table::Storage::Static;
        if let Some(ty) = variable.ty().and_then(Type::resolved).filter(|_| is_there) {
            within.each(ty, scene.new.program.mapped(variable.address().0), &mut found);
        }
    }
    let old = scene.now.trace;
    let fates = map.fates();
    let is_made = |number: &u32| !matches!(fates.get(*number), Some(Fate::Refused | Fate::Merged));
    for number in fates.live().iter().filter(is_made) {
        in_block(old, number, &mut |ty, all| {
            let ty = old.model.ty(ty).and_then(|ty| scene.of_now(ty));
            let made = ty.and_then(|ty| Some(scene.pairing.of_old(ty)?.1.made.first()?.ty));
            if let Some(made) = made.filter(|made| within.is_in(*made)) {
                let landed = all.map(|at| landed(map, at)).filter(|address| *address != 0);
                landed.for_each(|address| within.each(made, address, &mut found));
            }
        });
    }
    finished(found)
}

fn finished(mut found: Vec<u64>) -> Vec<u64> {
    found.sort_unstable();
    found.dedup();
    found
}

/// The typed objects of a block: those side by side, with the addresses of all. There may be a million, of a type that nobody asks for.
fn in_block(trace: &Trace<'_>, number: u32, row: &mut dyn FnMut(Ty, &mut dyn Iterator<Item = u64>)) {
    let Some(block) = trace.blocks.get(number) else { return };
    if let Some(ty) = trace.marked.ty(number) {
        let size = trace.model.map(ty).size.max(1);
        let count = match trace.model.fit(ty, block.len) {
            Fit::Exactly(count) => count,
            Fit::WithTail | Fit::Part | Fit::No => 1,
        };
        return row(ty, &mut (0..count).map(|index| block.address + index * size));
    }
    for (offset, Island { ty, size, stride }) in trace.marked.islands_of(number) {
        let count = size.div_ceil(stride.max(1)).max(1);
        row(ty, &mut (0..count).map(|index| block.address + offset + index * stride));
    }
}

/// Where objects of one type are in objects of others.
struct Within {
    wanted: TypeId,
    /// By type: their offsets.
    known: FxHashMap<TypeId, Vec<u64>>,
}

/// How deep structures are gone through.
const DEEPEST: u32 = 32;

impl Within {
    fn new(wanted: TypeId) -> Within {
        Within { wanted, known: FxHashMap::default() }
    }

    /// Whether objects of a type are, or hold, some.
    fn is_in(&mut self, ty: Type<'_>) -> bool {
        !self.offsets(ty).is_empty()
    }

    fn each(&mut self, ty: Type<'_>, address: u64, found: &mut Vec<u64>) {
        found.extend(self.offsets(ty).iter().map(|offset| address + offset));
    }

    fn offsets(&mut self, ty: Type<'_>) -> &[u64] {
        let wanted = self.wanted;
        self.known.entry(ty.id()).or_insert_with(|| {
            let mut offsets = Vec::new();
            search(ty, wanted, 0, DEEPEST, &mut offsets);
            offsets
        })
    }
}

fn search(ty: Type<'_>, wanted: TypeId, at: u64, deeper: u32, found: &mut Vec<u64>) {
    let (Some(ty), Some(deeper)) = (ty.resolved(), deeper.checked_sub(1)) else { return };
    if ty.id() == wanted {
        return found.push(at);
    }
    match ty.kind() {
        Kind::Array { element: Some(element), count: Count::Exactly(count) } => {
            let Some(stride) = element.size() else { return };
            let mut one = Vec::new();
            search(element, wanted, 0, deeper, &mut one);
            if !one.is_empty() {
                (0..count)
                    .for_each(|index| found.extend(one.iter().map(|offset| at + index * stride + offset)));
            }
        }
        // Which member of a union counts is not known here.
        Kind::Aggregate if ty.tag() != mcrx_debuginfo::table::Tag::Union => {
            for member in ty.members().filter(|member| member.bit_size().is_none()) {
                if let Some(below) = member.ty() {
                    search(below, wanted, at + member.offset(), deeper, found);
                }
            }
        }
        _ => {}
    }
}
