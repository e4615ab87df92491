//! What pointers of a process lead to, one by one.

use super::{Carried, Fault, typed};
use crate::side::Side;
use mcrx_allocator::abi::region_of;
use mcrx_tracer::blocks::Hit;
use mcrx_tracer::graph::Node;
use mcrx_tracer::model::{Fit, Model, Pointer, Relation, Sort, Ty};
use mcrx_tracer::roots::{Map, Outside, RootKind};
use mcrx_tracer::trace::Trace;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::RefCell;
use std::ops::Range;

/// Nodes that one thread looks at at a time.
const CHUNK: u32 = 4096;

/// A pointer that is not what it should be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Where it is.
    pub(super) node: Node,
    pub(super) offset: u64,
    /// The same as an address. 0: in a register.
    pub(super) address: u64,
    /// Where it points to, and how it was read.
    pub(super) to: u64,
    sort: Sort,
    /// If there is something: what it claims, and what is known. Otherwise there is nothing where it leads to.
    pub(super) claim: Option<(Ty, Option<Ty>)>,
    /// What is known comes from what was carried over.
    pub(super) is_carried_type: bool,
    /// It leads to where the old release was.
    pub(super) of_old_release: bool,
}

/// Answers about types that were asked for, since the same few are asked for millions of times.
type Answers = RefCell<FxHashMap<(Ty, u64, Ty), bool>>;

/// Who looks at a process.
pub(super) struct Look<'a> {
    trace: &'a Trace<'a>,
    map: Map,
    /// Variables: first byte, end, place among the roots.
    variables: Vec<(u64, u64, usize)>,
    regions: FxHashSet<u64>,
    /// What was carried over, by address.
    carried: Vec<(Range<u64>, Ty)>,
    /// Where the old release was.
    old: &'a [Range<u64>],
}

impl<'a> Look<'a> {
    pub(super) fn new(trace: &'a Trace<'a>) -> Look<'a> {
        Look {
            trace,
            map: Map::of(trace.process),
            variables: variables(trace),
            regions: trace.process.regions().iter().map(|base| base.0).collect(),
            carried: Vec::new(),
            old: &[],
        }
    }

    /// What was carried over is what it is said to be, whatever the trace makes of it.
    pub(super) fn carrying(mut self, carried: &[Carried], new: &Side<'_>) -> Look<'a> {
        self.carried = typed(self.trace.model, new, carried).collect();
        self.carried.sort_by_key(|(range, _)| range.start);
        self
    }

    /// Where the old release was.
    pub(super) fn knowing_old(mut self, old: &'a [Range<u64>]) -> Look<'a> {
        self.old = old;
        self
    }

    /// All pointers of what is reached: those that are not what they should be, in the order of nodes, and how many there are.
    pub(super) fn all(&self) -> (Vec<Seen>, u64) {
        let nodes = u32::try_from(self.trace.graph.nodes().len()).unwrap_or(u32::MAX);
        let chunk = |number: u32| {
            let first = number * CHUNK;
            let (mut seen, mut pointers) = (Vec::new(), 0);
            let answers = Answers::default();
            for node in (first..first.saturating_add(CHUNK).min(nodes)).map(Node) {
                if self.trace.graph.is_reached(node) {
                    pointers += self.look_at(node, &answers, &mut |one| seen.push(one));
                }
            }
            (seen, pointers)
        };
        let chunks: Vec<(Vec<Seen>, u64)> = (0..nodes.div_ceil(CHUNK)).into_par_iter().map(chunk).collect();
        let pointers = chunks.iter().map(|(_, pointers)| pointers).sum();
        (chunks.into_iter().flat_map(|(seen, _)| seen).collect(), pointers)
    }

    /// Whether a pointer at an address disagrees with what is known of what it points to.
    pub(super) fn disagrees_at(&self, address: u64) -> bool {
        let Some((node, offset)) = node_at(self.trace, address) else { return false };
        let mut found = false;
        let mut each = |seen: Seen| found |= seen.offset == offset && seen.claim.is_some();
        self.look_at(node, &Answers::default(), &mut each);
        found
    }

    /// Returns how many pointers were looked at.
    fn look_at(&self, node: Node, answers: &Answers, each: &mut dyn FnMut(Seen)) -> u64 {
        let mut pointers = 0;
        let start = start_of(self.trace, node);
        self.pointers(node, &mut |pointer| {
            pointers += 1;
            let wrong = self.judge(pointer, answers);
            let Some(Wrong { claim, is_carried_type, of_old_release }) = wrong else { return };
            let Pointer { offset, word: to, sort } = pointer;
            let address = start.map_or(0, |start| start + offset);
            each(Seen { node, offset, address, to, sort, claim, is_carried_type, of_old_release });
        });
        pointers
    }

    /// The pointers of a node that are read by its type. Of what was carried over, that is the type that it is said to have: where pointers
    /// disagree, the trace believes none.
    fn pointers(&self, node: Node, each: &mut dyn FnMut(Pointer)) {
        let trace = self.trace;
        let block = trace.graph.block(node).and_then(|number| trace.blocks.get(number));
        let range = block.map_or(0..0, |block| block.address..block.address + block.len);
        let first = self.carried.partition_point(|(carried, _)| carried.end <= range.start);
        let within = self.carried.get(first..).unwrap_or(&[]).iter();
        let within = within.take_while(|(carried, _)| carried.start < range.end);
        let carried: Vec<&(Range<u64>, Ty)> =
            within.filter(|(carried, _)| carried.start >= range.start).collect();
        trace.pointers(node, &mut |pointer| {
            let is_said = || block.is_some() && self.carried_at(range.start + pointer.offset).is_some();
            if pointer.sort != Sort::Likely && !is_said() {
                each(pointer);
            }
        });
        for (carried, ty) in carried {
            let end = carried.end.min(range.end);
            let len = usize::try_from(end - carried.start).unwrap_or(usize::MAX);
            let Some(bytes) = trace.process.memory.bytes(carried.start, len) else { continue };
            let tail = trace.model.fit(*ty, end - carried.start) == Fit::WithTail;
            let into = carried.start - range.start;
            trace.model.scan(&trace.process.memory, *ty, tail, carried.start, bytes, &mut |pointer| {
                if pointer.sort != Sort::Likely {
                    each(Pointer { offset: pointer.offset + into, ..pointer });
                }
            });
        }
    }

    /// What is wrong with a pointer.
    fn judge(&self, pointer: Pointer, answers: &Answers) -> Option<Wrong> {
        let Pointer { word, sort, .. } = pointer;
        let claimed = match sort {
            Sort::Precise(ty) | Sort::Array(ty, _) => Some(ty),
            Sort::Opaque | Sort::Retained | Sort::Function | Sort::Likely => None,
        };
        if sort == Sort::Function {
            return (!self.is_function(word)).then(|| self.nothing_at(word));
        }
        if let Some(hit) = self.trace.blocks.at_or_past(word) {
            return claimed
                .filter(|_| !hit.past)
                .and_then(|claimed| self.disagreement(&hit, word, claimed, answers));
        }
        if let Some((known, into)) = self.variable_at(word) {
            let (known, claimed) = known.zip(claimed)?;
            return (!self.agrees(known, into, claimed, answers))
                .then_some(Wrong { claim: Some((claimed, Some(known))), ..Wrong::default() });
        }
        if self.regions.contains(&region_of(word)) {
            return Some(Wrong::default());
        }
        match self.map.what(word) {
            Outside::Constant | Outside::ModuleData | Outside::Stack | Outside::Mapped => None,
            Outside::Code if claimed.is_none() => None,
            Outside::Code | Outside::Nowhere => Some(self.nothing_at(word)),
        }
    }

    fn nothing_at(&self, word: u64) -> Wrong {
        // Where something of the new release lies now, it cannot be told what was meant.
        let is_old =
            self.map.what(word) == Outside::Nowhere && self.old.iter().any(|range| range.contains(&word));
        Wrong { of_old_release: is_old, ..Wrong::default() }
    }

    fn disagreement(&self, hit: &Hit, word: u64, claimed: Ty, answers: &Answers) -> Option<Wrong> {
        let model = self.trace.model;
        if let Some((range, ty)) = self.carried_at(word) {
            let into = within(model, *ty, range.end - range.start, word - range.start);
            return (!self.agrees(*ty, into, claimed, answers)).then_some(Wrong {
                claim: Some((claimed, Some(*ty))),
                is_carried_type: true,
                ..Wrong::default()
            });
        }
        let object = self.trace.marked.object_at(model, hit.block.len, hit.number, hit.offset);
        let agrees = match object {
            Some(object) => self.agrees(object.ty, object.within, claimed, answers),
            None => model.is_number(claimed),
        };
        let found = object.map(|object| object.ty);
        (!agrees).then_some(Wrong { claim: Some((claimed, found)), ..Wrong::default() })
    }

    /// Whether a thing of one type lies so many bytes into one of another.
    fn agrees(&self, known: Ty, into: u64, claimed: Ty, answers: &Answers) -> bool {
        if known == claimed && into == 0 {
            return true;
        }
        let model = self.trace.model;
        let ask = || model.relation(known, into, claimed) == Relation::Within || model.is_number(claimed);
        *answers.borrow_mut().entry((known, into, claimed)).or_insert_with(ask)
    }

    fn carried_at(&self, address: u64) -> Option<&(Range<u64>, Ty)> {
        let before = self.carried.partition_point(|(range, _)| range.start <= address);
        self.carried.get(before.checked_sub(1)?).filter(|(range, _)| range.contains(&address))
    }

    /// The type of the variable that an address lies in, and how far in.
    fn variable_at(&self, address: u64) -> Option<(Option<Ty>, u64)> {
        let before = self.variables.partition_point(|(start, ..)| *start <= address);
        let (start, end, place) = *self.variables.get(before.checked_sub(1)?)?;
        (address < end).then(|| (self.trace.roots.get(place).and_then(|root| root.ty), address - start))
    }

    /// Whether a function begins there, as far as it can be told.
    fn is_function(&self, address: u64) -> bool {
        let (process, debug) = (self.trace.process, &self.trace.known.debug);
        let is_code = process.mapping_at(address).is_some_and(|mapping| mapping.permissions.execute);
        let module = process.module_index(address).and_then(|index| debug.modules.get(index));
        // Of a module without debug info, and of what the program has made itself, nobody knows where functions begin.
        let is_known = module.is_some_and(|module| module.table.is_some());
        is_code && (!is_known || debug.function(process, address).is_some_and(|(_, offset)| offset == 0))
    }

    /// What is wrong with a pointer, for people.
    pub(super) fn fault(&self, seen: &Seen) -> Fault {
        let to = seen.to;
        let name = |ty| self.trace.model.name(ty);
        match (seen.claim, self.map.what(to)) {
            (Some((claimed, found)), _) => {
                Fault::Disagrees { to, claimed: name(claimed), found: found.map(name).unwrap_or_default() }
            }
            _ if seen.of_old_release => Fault::OldRelease { to },
            _ if seen.sort != Sort::Function && self.regions.contains(&region_of(to)) => Fault::Freed { to },
            (None, Outside::Nowhere) => Fault::Dangling { to },
            _ if seen.sort == Sort::Function => Fault::NoFunction { to },
            (None, Outside::Code) => Fault::IntoCode { to },
            (None, _) => Fault::Freed { to },
        }
    }
}

#[derive(Default)]
struct Wrong {
    claim: Option<(Ty, Option<Ty>)>,
    is_carried_type: bool,
    of_old_release: bool,
}

/// How far into one object a place is, of as many as there is room for.
fn within(model: &Model<'_>, ty: Ty, len: u64, offset: u64) -> u64 {
    match model.fit(ty, len) {
        Fit::Exactly(_) => offset % model.map(ty).size.max(1),
        Fit::WithTail | Fit::Part | Fit::No => offset,
    }
}

/// Roots that pointers may lead to.
fn variables(trace: &Trace<'_>) -> Vec<(u64, u64, usize)> {
    let is_object = |kind| matches!(kind, RootKind::Variable | RootKind::ThreadLocal | RootKind::Local);
    let roots = trace.roots.iter().enumerate();
    let objects = roots.filter(|(_, root)| is_object(root.kind) && root.address != 0);
    let mut places: Vec<(u64, u64, usize)> =
        objects.map(|(place, root)| (root.address, root.address.saturating_add(root.len), place)).collect();
    places.sort_unstable();
    places
}

/// The first byte of a node.
fn start_of(trace: &Trace<'_>, node: Node) -> Option<u64> {
    match trace.graph.block(node) {
        Some(number) => Some(trace.blocks.get(number)?.address),
        None => {
            let root = trace.roots.get(trace.graph.root(node)?)?;
            (root.address != 0 && root.value.is_none()).then_some(root.address)
        }
    }
}

/// The node that an address lies in, and how far in.
fn node_at(trace: &Trace<'_>, address: u64) -> Option<(Node, u64)> {
    if let Some((number, offset)) = trace.blocks.at(address) {
        return Some((Node(number), offset));
    }
    let in_root = |node: &Node| {
        let root = trace.graph.root(*node).and_then(|root| trace.roots.get(root));
        let range = root.map_or(0..0, |root| root.address..root.address.saturating_add(root.len));
        range.contains(&address).then(|| (*node, address - range.start))
    };
    trace.graph.roots().find_map(|node| in_root(&node))
}
