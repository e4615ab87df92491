//! Where the walk begins: variables of both programs, those of threads, and live variables of frames. What libraries keep for themselves is
//! the new process's own.
//!
//! A thread is known by the outermost of the program's functions in it that has live variables, and by its place among those of the same:
//! a release with more threads of one sort does not shift those of another. The first thread is known as such.

use super::shape::{ShapeId, Shapes};
use crate::side::Side;
use mcrx_debuginfo::table::{Kind, Storage, Type, Variable};
use mcrx_dsl::pairing::{Origin, Pairing, Place, VariablePair};
use mcrx_tracer::graph::Node;
use mcrx_tracer::image::{Module, Thread, ThreadMemory};
use mcrx_tracer::model::Ty;
use mcrx_tracer::roots::{Root, RootKind};
use rustc_hash::FxHashMap;
use std::ops::Range;

/// Two places that correspond.
pub(super) struct Beginning {
    /// As the old release calls it.
    pub(super) name: String,
    /// A root, and which of its bytes.
    pub(super) old: (Node, Range<u64>),
    /// A root, and where in it the new place begins.
    pub(super) new: (Node, u64),
    pub(super) shape: ShapeId,
    /// Of an array of structures: one, and its size.
    pub(super) elements: Option<(Ty, u64)>,
    /// Of a variable: its place among the pairing's, and where in the new one its counterpart is.
    pub(super) variable: Option<(usize, u64)>,
}

/// All places where both can be begun with.
pub(super) fn find<'p>(
    start: &Side<'p>,
    new: &Side<'p>,
    pairing: &Pairing<'p>,
    shapes: &mut Shapes<'_, 'p>,
) -> Vec<Beginning> {
    let (before, after) = (Roots::of(start), Roots::of(new));
    let threads = threads(start, new);
    let mut found = Vec::new();
    for (index, pair) in pairing.variables.iter().enumerate() {
        let Some((old, new_variable, shape)) = shape(pair, shapes) else { continue };
        let (Some(len), offset) = (old.ty().and_then(Type::size), pair.to.offset()) else { continue };
        let elements = elements(start, &old);
        let variable = Some((index, offset));
        let mut begin = |name: String, old: u64, new: u64| {
            let old = before.at(old, len).map(|(node, at)| (node, at..at.saturating_add(len)));
            let new = after.at(new.wrapping_add(offset), 1);
            if let (Some(old), Some(new)) = (old, new) {
                found.push(Beginning { name, old, new, shape, elements, variable });
            }
        };
        let name = match old.function() {
            Some(function) => format!("{}::{}", function.name(), old.name()),
            None => old.name().to_owned(),
        };
        match (old.storage(), new_variable.storage()) {
            (Storage::Static, Storage::Static) => {
                let (before, after) = (start.program, new.program);
                begin(name, before.mapped(old.address().0), after.mapped(new_variable.address().0));
            }
            (Storage::ThreadLocal, Storage::ThreadLocal) => {
                for (one, other) in &threads {
                    let old = own(start, one, start.program, &old);
                    let new = own(new, other, new.program, &new_variable);
                    if let (Some(old), Some(new)) = (old, new) {
                        begin(format!("{name} of thread {}", one.tid), old, new);
                    }
                }
            }
            _ => {}
        }
    }
    found.extend(locals(start, new, &threads, shapes));
    found
}

/// A variable that both have, and how the one lies in the other.
fn shape<'p>(
    pair: &VariablePair<'p>,
    shapes: &mut Shapes<'_, 'p>,
) -> Option<(Variable<'p>, Variable<'p>, ShapeId)> {
    let (old, new) = (pair.old?, pair.new?);
    let shape = match &pair.origin {
        Some(Origin::Old { from, conversion, .. }) => {
            // Where the new variable is, is counted in.
            let whole = Place { bit_offset: 0, ..pair.to.clone() };
            shapes.of_variable(from, &whole, conversion)
        }
        // Its value is the new release's; what it leads to corresponds all the same.
        _ => shapes.of_types(old.ty()?, pair.to.ty?)?,
    };
    Some((old, new, shape))
}

/// What an array of structures is of.
fn elements(start: &Side<'_>, variable: &Variable<'_>) -> Option<(Ty, u64)> {
    let Kind::Array { element: Some(element), .. } = variable.ty()?.resolved()?.kind() else { return None };
    let element = element.resolved().filter(|element| element.tag().is_aggregate())?;
    Some((start.trace.model.number_of(start.place, element.id())?, element.size()?))
}

/// Where a thread has a variable of its own.
pub(crate) fn own(side: &Side<'_>, thread: &Thread, module: &Module, variable: &Variable<'_>) -> Option<u64> {
    let block = ThreadMemory::new(side.process(), thread).thread_local_block(module)?;
    block.checked_add(variable.address().0)
}

/// Roots that lie in memory and have types, by address.
struct Roots {
    all: Vec<(Range<u64>, Node)>,
}

impl Roots {
    fn of(side: &Side<'_>) -> Roots {
        let is_variable = |root: &Root| {
            matches!(root.kind, RootKind::Variable | RootKind::ThreadLocal) && root.ty.is_some()
        };
        let roots = side.trace.roots.iter().zip(side.trace.graph.roots());
        let lie = roots.filter(|(root, _)| is_variable(root));
        let mut all: Vec<(Range<u64>, Node)> =
            lie.map(|(root, node)| (root.address..root.address.saturating_add(root.len), node)).collect();
        all.sort_unstable_by_key(|(range, node)| (range.start, *node));
        Roots { all }
    }

    /// The root that has these bytes, and where in it they begin.
    fn at(&self, address: u64, len: u64) -> Option<(Node, u64)> {
        let before = self.all.partition_point(|(range, _)| range.start <= address);
        let (range, node) = self.all.get(before.checked_sub(1)?)?;
        (address.checked_add(len)? <= range.end).then_some((*node, address - range.start))
    }
}

/// A local variable: its thread, its function and its name.
type LocalKey<'r> = (u32, &'r str, &'r str);

/// A local variable's thread, function and name, as they stand in the root's. `None`: it is none of the program's. Outside of that all
/// threads begin alike, and what libraries hold is theirs.
fn local<'r>(side: &Side<'_>, root: &'r Root) -> Option<LocalKey<'r>> {
    if root.kind != RootKind::Local {
        return None;
    }
    let (rest, thread) = root.name.rsplit_once(" of thread ")?;
    let (name, function) = rest.rsplit_once(" in ")?;
    let is_own = side.table.functions_named(function).any(|found| found.code().is_some());
    is_own.then_some((thread.parse().ok()?, function, name))
}

/// Threads that correspond.
pub(crate) fn threads<'p>(start: &Side<'p>, new: &Side<'p>) -> Vec<(&'p Thread, &'p Thread)> {
    let after: FxHashMap<_, _> = named(new).into_iter().collect();
    let pair = |(key, thread)| Some((thread, *after.get(&key)?));
    named(start).into_iter().filter_map(pair).collect()
}

/// What a thread is known by: the outermost function, and how many of the same come before. The first thread is known by no function.
type ThreadKey = (Option<String>, usize);

fn named<'p>(side: &Side<'p>) -> Vec<(ThreadKey, &'p Thread)> {
    // Roots of inner frames come before those of outer ones.
    let locals = side.trace.roots.iter().filter_map(|root| local(side, root));
    let outermost: FxHashMap<u32, &str> = locals.map(|(thread, function, _)| (thread, function)).collect();
    let mut seen: FxHashMap<&str, usize> = FxHashMap::default();
    let mut found = Vec::new();
    for thread in &side.process().threads {
        if thread.tid == side.process().pid {
            found.push(((None, 0), thread));
            continue;
        }
        let function = outermost.get(&thread.tid).copied().unwrap_or_default();
        let place = seen.entry(function).or_default();
        found.push(((Some(function.to_owned()), *place), thread));
        *place += 1;
    }
    found
}

/// Live variables of frames. Where a function has several of one name, or is there several times, both must have as many.
fn locals<'p>(
    start: &Side<'p>,
    new: &Side<'p>,
    threads: &[(&Thread, &Thread)],
    shapes: &mut Shapes<'_, 'p>,
) -> Vec<Beginning> {
    let threads: FxHashMap<u32, u32> = threads.iter().map(|(one, other)| (one.tid, other.tid)).collect();
    let mut after: FxHashMap<LocalKey<'_>, Vec<(&Root, Node)>> = FxHashMap::default();
    for (root, node) in new.trace.roots.iter().zip(new.trace.graph.roots()) {
        if let Some(key) = local(new, root) {
            after.entry(key).or_default().push((root, node));
        }
    }
    let mut before: FxHashMap<LocalKey<'_>, Vec<(&Root, Node)>> = FxHashMap::default();
    let mut order = Vec::new();
    for (root, node) in start.trace.roots.iter().zip(start.trace.graph.roots()) {
        let Some(key) = local(start, root) else { continue };
        let all = before.entry(key).or_default();
        if all.is_empty() {
            order.push(key);
        }
        all.push((root, node));
    }
    let mut found = Vec::new();
    for key in order {
        let (thread, function, name) = key;
        let Some(other) = threads.get(&thread) else { continue };
        let (Some(old), Some(new)) = (before.get(&key), after.get(&(*other, function, name))) else {
            continue;
        };
        if old.len() != new.len() {
            continue;
        }
        for ((root, node), (other, counterpart)) in old.iter().zip(new) {
            let shape = root.ty.zip(other.ty).and_then(|(old, new)| shapes.of(old, new));
            let Some(shape) = shape else { continue };
            let (old, new) = ((*node, 0..root.len), (*counterpart, 0));
            let name = root.name.clone();
            found.push(Beginning { name, old, new, shape, elements: None, variable: None });
        }
    }
    found
}
