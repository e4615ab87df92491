//! Who holds each block: the last step of the way that one would show for it.
//!
//! Ways from variables are preferred to those from a frame's variables, these to ways from memory and data that no variable covers, and those
//! to what stacks and registers happen to hold; and ways along pointers to ways along words that may be some. Of the ways of one sort it is
//! the shortest one, so owners do not depend on what a function is just looking at. From one node of a list or tree to the next is no step: a
//! pointer that was left behind somewhere, into the middle of a long list, is no shorter way to the rest of it.

use super::build::type_of;
use crate::edges::at;
use crate::owners::{Owner, Owners, Step, without_indices};
use mcrx_tracer::graph::{Edge, Node};
use mcrx_tracer::model::Ty;
use mcrx_tracer::roots::RootKind;
use mcrx_tracer::trace::Trace;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;

/// Nothing has led there yet.
const NONE: Owner = Owner(u32::MAX);

/// Where ways begin, the best first.
const BEGINNINGS: [&[RootKind]; 4] = [
    &[RootKind::Variable, RootKind::ThreadLocal],
    &[RootKind::Local],
    &[RootKind::Data],
    &[RootKind::Stack, RootKind::Register],
];

/// Who holds what.
pub(super) struct Found {
    pub(super) owners: Owners,
    /// For each number of a block.
    pub(super) of: Vec<Owner>,
    /// Each pointer with which a way may begin, and to which block it leads.
    pub(super) begun: Vec<(Owner, u32)>,
}

/// The owners of all blocks.
pub(super) fn owners(trace: &Trace<'_>) -> Found {
    let mut ways = Ways {
        trace,
        owners: Owners::default(),
        of: vec![NONE; at(trace.blocks.numbers())],
        found: Vec::new(),
        next: VecDeque::new(),
        begun: Vec::new(),
        steps: FxHashMap::default(),
    };
    let nobody = ways.owners.start(Owners::NOBODY);
    let surely = |edge: &Edge| !edge.kind.pins();
    for kinds in BEGINNINGS {
        ways.begin(kinds, surely);
        ways.follow(surely);
    }
    let found_surely = ways.found.clone();
    BEGINNINGS.iter().for_each(|kinds| ways.begin(kinds, |edge| edge.kind.pins()));
    for number in found_surely {
        ways.look_at(number, |edge| edge.kind.pins());
    }
    ways.follow(|_| true);
    ways.parts();
    let Ways { owners, mut of, begun, .. } = ways;
    of.iter_mut().filter(|owner| **owner == NONE).for_each(|owner| *owner = nobody);
    Found { owners, of, begun }
}

struct Ways<'t> {
    trace: &'t Trace<'t>,
    owners: Owners,
    /// For each number of a block.
    of: Vec<Owner>,
    /// Blocks that have been looked at, in that order.
    found: Vec<u32>,
    /// Blocks to look at, with their owners: the nearest first. One that is in it twice belongs to the first.
    next: VecDeque<(u32, Owner)>,
    begun: Vec<(Owner, u32)>,
    /// Steps through a place in an object of a type.
    steps: FxHashMap<(Ty, u64), Step>,
}

impl Ways<'_> {
    /// The first steps of ways that begin at roots of these kinds.
    fn begin(&mut self, kinds: &[RootKind], may_be_followed: impl Fn(&Edge) -> bool) {
        let trace = self.trace;
        for node in trace.graph.roots() {
            let Some(root) = trace.graph.root(node).and_then(|root| trace.roots.get(root)) else { continue };
            if !kinds.contains(&root.kind) {
                continue;
            }
            for edge in trace.graph.edges(node).filter(&may_be_followed) {
                self.begin_with(&start_name(trace, node, edge.offset), &edge);
            }
        }
        // What the program mapped for itself is as good as data.
        if kinds.contains(&RootKind::Data) {
            for (number, area) in trace.blocks.areas() {
                for edge in trace.graph.edges(Node(number)).filter(&may_be_followed) {
                    self.begin_with(&area.name, &edge);
                }
            }
        }
    }

    fn begin_with(&mut self, name: &str, edge: &Edge) {
        let is_block =
            self.trace.graph.block(edge.to).is_some_and(|number| !self.trace.blocks.is_area(number));
        if !is_block {
            return;
        }
        let owner = self.owners.start(name);
        self.begun.push((owner, edge.to.0));
        if self.is_new(edge.to) {
            self.next.push_back((edge.to.0, owner));
        }
    }

    fn follow(&mut self, may_be_followed: impl Fn(&Edge) -> bool) {
        while let Some((number, owner)) = self.next.pop_front() {
            if self.of[at(number)] == NONE {
                self.of[at(number)] = owner;
                self.found.push(number);
                self.look_at(number, &may_be_followed);
            }
        }
    }

    /// What a block holds that nothing has led to yet.
    fn look_at(&mut self, number: u32, may_be_followed: impl Fn(&Edge) -> bool) {
        let trace = self.trace;
        let holder = self.of[at(number)];
        let kind = kind(trace, number);
        for edge in trace.graph.edges(Node(number)).filter(may_be_followed) {
            if !self.is_new(edge.to) {
                continue;
            }
            if kind.is_some() && kind == self::kind(trace, edge.to.0) {
                self.next.push_front((edge.to.0, holder));
            } else {
                let step = self.step(number, edge.offset);
                let owner = self.owners.through(holder, step);
                self.next.push_back((edge.to.0, owner));
            }
        }
    }

    fn step(&mut self, number: u32, offset: u64) -> Step {
        let Ways { trace, owners, steps, .. } = self;
        let len = trace.blocks.get(number).map_or(0, |block| block.len);
        let Some(object) = trace.marked.object_at(trace.model, len, number, offset) else {
            return owners.member("", "?");
        };
        *steps.entry((object.ty, object.within)).or_insert_with(|| {
            let path = without_indices(&trace.model.path(object.ty, object.within));
            let path = if path.is_empty() { "[]" } else { &path };
            owners.member(&trace.model.name(object.ty), path)
        })
    }

    /// What a pool has handed out goes with the pool, whoever points to it.
    fn parts(&mut self) {
        let trace = self.trace;
        let parts: Vec<u32> = trace
            .blocks
            .iter()
            .map(|(number, _)| number)
            .filter(|number| trace.blocks.is_part(*number))
            .collect();
        for part in parts {
            let Some(pool) = trace.blocks.pool_of(part) else { continue };
            if self.of[at(part)] == NONE && self.of[at(pool)] != NONE {
                let step = self.owners.member("", PART);
                let owner = self.owners.through(self.of[at(pool)], step);
                self.next.push_back((part, owner));
            }
        }
        self.follow(|_| true);
    }

    fn is_new(&self, node: Node) -> bool {
        self.trace.graph.block(node).is_some_and(|number| {
            !self.trace.blocks.is_area(number) && self.of.get(at(number)) == Some(&NONE)
        })
    }
}

/// What leads from a pool to what it has handed out.
pub(super) const PART: &str = "[part of the pool]";

/// What a way is called that begins with a pointer in a root.
pub(super) fn start_name(trace: &Trace<'_>, node: Node, offset: u64) -> String {
    let Some(root) = trace.graph.root(node).and_then(|root| trace.roots.get(root)) else {
        return String::new();
    };
    // Threads come and go, and have other numbers in the next process.
    let name = root.name.rsplit_once(" of thread ").map_or(root.name.as_str(), |(name, _)| name);
    let path = root.ty.map(|ty| trace.model.path(ty, offset)).unwrap_or_default();
    match (root.kind, name.split_once(" in ")) {
        (RootKind::Register, _) => "a register".to_owned(),
        (RootKind::Local, Some((variable, function))) => {
            format!("{variable}{} in {function}", without_indices(&path))
        }
        _ => format!("{}{name}{}", root.kind_name(), without_indices(&path)),
    }
}

/// Blocks of one kind that hold each other are a list, or a tree.
#[derive(PartialEq, Eq)]
enum Kind {
    Typed(Ty),
    Untyped(mcrx_allocator::reader::SiteKey),
}

fn kind(trace: &Trace<'_>, number: u32) -> Option<Kind> {
    match type_of(trace, number) {
        Some(ty) => Some(Kind::Typed(ty)),
        None => trace.blocks.get(number)?.site.map(Kind::Untyped),
    }
}
