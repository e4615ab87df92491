//! The walk over both processes at once.
//!
//! A *claim* is a path that exists in both: from two places that correspond a pointer leads to an extent in each. The first claim about an
//! extent pairs it; a later one that says otherwise is a conflict. The order of a list comes last: what stands in it at one place in both is
//! believed to be one only where nothing else says what it is (threads put themselves into lists in no order). What is in conflict is doubtful from then on, and since what was reached
//! through it has made claims of its own, the walk begins anew without it. Of conflicts that follow from others nothing is believed yet.

mod by_rules;
mod table;

use super::begin::{self, Beginning};
use super::extent::{Extent, Key};
use super::likeness::Names;
use super::maker::Makers;
use super::shape::{ShapeId, Shapes};
use super::way::{At, WayId, Ways};
use super::{Doubt, Why, pools};
use crate::side::Side;
use mcrx_debuginfo::table::{Kind as TypeKind, Type};
use mcrx_dsl::eval::Making;
use mcrx_dsl::migrate::Migration;
use mcrx_dsl::pairing::Pairing;
use mcrx_dsl::rules::Rules;
use mcrx_tracer::graph::{Edge, Kind, Node};
use mcrx_tracer::model::Ty;
use mcrx_tracer::roots::RootKind;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

/// How often the walk begins anew at most. Doubts that depend on each other in chains longer than this are all believed.
const ROUNDS_MAX: u32 = 8;

/// What came of it.
pub(super) struct Walked {
    /// What pairs, and the way to it.
    pub(super) pairs: Vec<(Extent, Extent, WayId)>,
    pub(super) ways: Ways,
    pub(super) doubts: Vec<Doubt>,
    /// What is doubtful of the old process.
    pub(super) doubtful: FxHashSet<Key>,
    /// Why a path to something of the old process did not pair it.
    pub(super) refused: FxHashMap<Key, Why>,
    /// Types of pools in the old model.
    pub(super) pools: FxHashSet<Ty>,
}

pub(super) fn walk<'p>(
    start: &Side<'p>,
    new: &Side<'p>,
    (pairing, migration): (&Pairing<'p>, &Migration),
    rules: &Rules,
) -> Walked {
    let mut shapes = Shapes::new(start, new, pairing);
    let beginnings = begin::find(start, new, pairing, &mut shapes);
    let mut walk = Walk {
        start,
        new,
        shapes,
        makers: Makers::new(start, new, pairing),
        names: Names::default(),
        pools: (pools::types(start, rules), pools::types(new, rules)),
        in_row: FxHashMap::default(),
        doubtful: (FxHashSet::default(), FxHashSet::default()),
        refused: FxHashMap::default(),
        linked: FxHashMap::default(),
        pairing,
        migration,
        valued: FxHashMap::default(),
    };
    let mut doubts = Vec::new();
    let mut round = 0;
    loop {
        round += 1;
        let found = walk.round(&beginnings);
        let is_last = round == ROUNDS_MAX;
        let tainted = found.tainted();
        if !found.conflicts.is_empty() {
            walk.doubt(&found, &tainted, is_last, &mut doubts);
        }
        if found.conflicts.is_empty() || is_last {
            let kept = found.pairs.iter().zip(&tainted).filter(|(_, tainted)| !**tainted);
            let pairs = kept.map(|(pair, _)| (pair.old, pair.new, pair.way)).collect();
            let ((doubtful, _), (pools, _)) = (walk.doubtful, walk.pools);
            return Walked { pairs, ways: found.ways, doubts, doubtful, refused: walk.refused, pools };
        }
    }
}

/// What is known over all rounds.
struct Walk<'s, 'p> {
    start: &'s Side<'p>,
    new: &'s Side<'p>,
    shapes: Shapes<'s, 'p>,
    makers: Makers<'s, 'p>,
    names: Names,
    /// Types of pools, in either model.
    pools: (FxHashSet<Ty>, FxHashSet<Ty>),
    /// Of places of old types, whether they are elements of an array.
    in_row: FxHashMap<(Ty, u64), bool>,
    /// Of the old process, and of the new one.
    doubtful: (FxHashSet<Key>, FxHashSet<Key>),
    refused: FxHashMap<Key, Why>,
    /// Of old types, whether objects of them point to their like.
    linked: FxHashMap<Ty, bool>,
    pairing: &'s Pairing<'p>,
    migration: &'s Migration,
    /// Of old types, how objects of them are made, if rules' expressions say what some of one is.
    valued: FxHashMap<Ty, Option<Making>>,
}

/// Two extents that a claim has paired.
struct Paired {
    old: Extent,
    new: Extent,
    /// `None`: nothing is known of their types.
    shape: Option<ShapeId>,
    way: WayId,
    /// The pair that the claim came from. `None`: a root.
    from: Option<usize>,
    /// Only the order of a list has paired it, or what leads to it.
    is_by_order: bool,
}

/// A claim about something that another has paired otherwise.
struct Conflict {
    what: Extent,
    is_old: bool,
    /// The pair that it has.
    first: usize,
    /// What it would pair with.
    other: Extent,
    way: WayId,
    /// The pair that the claim came from.
    from: Option<usize>,
}

/// What one round has found.
#[derive(Default)]
struct Found {
    /// In the order in which they were met.
    pairs: Vec<Paired>,
    by_old: FxHashMap<Key, usize>,
    by_new: FxHashMap<Key, usize>,
    ways: Ways,
    conflicts: Vec<Conflict>,
    /// Of several objects side by side, or tables, what does not correspond: to look again takes long, and many ways may lead there.
    rows_refused: FxHashSet<(Key, Key)>,
    /// Claims that come from the order of a list, when there are no others any more.
    later: VecDeque<(Source, Edge, Edge)>,
    /// Pointers of nodes of which only a part is looked at at a time; whether it is the old process's.
    edges: FxHashMap<(bool, Node), Rc<[Edge]>>,
}

/// Where a pointer of both processes lies.
#[derive(Clone, Copy)]
struct Source {
    /// The pair that it is in. `None`: a root.
    from: Option<usize>,
    /// The way to what it is in.
    way: WayId,
    at: At,
    /// It is an element of an array.
    is_in_row: bool,
    /// It is a variable of the program, or a member of one.
    is_variable: bool,
    /// The pointer is one of a list, and its claim has waited for all others.
    has_waited: bool,
}

/// What two extents are to each other.
enum Match {
    /// They correspond.
    Yes(Option<ShapeId>),
    No(Why),
}

impl Found {
    /// For each pair whether it, or one that leads to it, is in conflict.
    fn tainted(&self) -> Vec<bool> {
        let of = |is_old| {
            let conflicts = self.conflicts.iter().filter(move |conflict| conflict.is_old == is_old);
            conflicts.map(|conflict| conflict.what.key).collect::<FxHashSet<Key>>()
        };
        let (old, new) = (of(true), of(false));
        let mut tainted: Vec<bool> = Vec::with_capacity(self.pairs.len());
        for pair in &self.pairs {
            // What leads to it comes before it.
            let is_before = pair.from.is_some_and(|from| tainted.get(from).copied().unwrap_or(false));
            tainted.push(is_before || old.contains(&pair.old.key) || new.contains(&pair.new.key));
        }
        tainted
    }
}

impl<'s, 'p> Walk<'s, 'p> {
    /// Believes conflicts: those that follow from no other, or, if there are none or it is the last time, all.
    fn doubt(&mut self, found: &Found, tainted: &[bool], is_last: bool, doubts: &mut Vec<Doubt>) {
        let is_sound =
            |from: Option<usize>| from.is_none_or(|from| !tainted.get(from).copied().unwrap_or(false));
        let first_from = |conflict: &Conflict| found.pairs.get(conflict.first).and_then(|pair| pair.from);
        let is_primary = |conflict: &&Conflict| is_sound(conflict.from) && is_sound(first_from(conflict));
        let is_any_primary = found.conflicts.iter().any(|conflict| is_primary(&conflict));
        let believed =
            found.conflicts.iter().filter(|conflict| is_last || !is_any_primary || is_primary(conflict));
        for Conflict { what, is_old, first, other, way, .. } in believed {
            let known = if *is_old { &mut self.doubtful.0 } else { &mut self.doubtful.1 };
            if !known.insert(what.key) {
                continue;
            }
            let Some(pair) = found.pairs.get(*first) else { continue };
            let spell = |way| found.ways.spell(self.start, way);
            let partner = if *is_old { pair.new } else { pair.old };
            let with = [(partner.range(), spell(pair.way)), (other.range(), spell(*way))];
            doubts.push(Doubt { what: what.range(), is_old: *is_old, with });
        }
    }

    fn round(&mut self, beginnings: &[Beginning]) -> Found {
        let mut found = Found::default();
        for beginning in beginnings {
            self.begin(beginning, &mut found);
        }
        let mut next = 0;
        loop {
            while next < found.pairs.len() {
                self.go_on(next, &mut found);
                next += 1;
            }
            let Some((source, old, new)) = found.later.pop_front() else { return found };
            self.claim(source, &old, &new, &mut found);
        }
    }

    /// From two roots.
    fn begin(&mut self, beginning: &Beginning, found: &mut Found) {
        let Beginning { name, old: (old, range), new: (new, new_start), shape, elements, .. } = beginning;
        let way = found.ways.root(name);
        let root = self.start.trace.graph.root(*old).and_then(|root| self.start.trace.roots.get(root));
        let ty = root.and_then(|root| root.ty);
        // An element of an array is known by its number.
        let is_single = elements.is_none() && root.is_some_and(|root| root.kind == RootKind::Variable);
        let (before, after) = (self.edges(true, *old, false, found), self.edges(false, *new, false, found));
        // Which element was looked at last, and whether it is another than the one at its place.
        let mut last: Option<(u64, bool)> = None;
        for edge in within(&before, range.clone()).iter().filter(|edge| is_followed(edge)) {
            let into = edge.offset - range.start;
            if let Some((element, stride)) = elements {
                let index = into / (*stride).max(1);
                if last.is_none_or(|(last, _)| last != index) {
                    last = Some((index, self.is_other_element(beginning, *element, index * stride)));
                }
                if last.is_some_and(|(_, is_other)| is_other) {
                    continue;
                }
            }
            let there = self.shapes.place(*shape, into).and_then(|at| new_start.checked_add(at));
            let Some(counterpart) = there.and_then(|at| pointer_at(&after, at)) else { continue };
            let at = At { ty, within: edge.offset, ..At::default() };
            let is_in_row = ty.is_some_and(|ty| self.is_in_row(ty, edge.offset));
            let is_variable = is_single && !is_in_row;
            let source = Source { from: None, way, at, is_in_row, is_variable, has_waited: false };
            self.claim(source, edge, &counterpart, found);
        }
        self.begin_by_rules(beginning, (&before, &after), way, found);
    }

    /// Whether an element of an array that is a variable goes by another name than the one in its place.
    fn is_other_element(&mut self, beginning: &Beginning, element: Ty, start: u64) -> bool {
        let Beginning { old: (old, range), new: (new, new_start), shape, .. } = beginning;
        let address = |side: &Side<'_>, node, into: u64| {
            let root = side.trace.graph.root(node).and_then(|root| side.trace.roots.get(root));
            root.filter(|root| root.value.is_none()).and_then(|root| root.address.checked_add(into))
        };
        let shapes = &self.shapes;
        let Some(there) = shapes.element(*shape, start) else { return true };
        let here = address(self.start, *old, range.start.saturating_add(start));
        let there_address = address(self.new, *new, new_start.saturating_add(there));
        let (Some(here), Some(other)) = (here, there_address) else { return false };
        let place = |at: u64| shapes.place(*shape, start.checked_add(at)?)?.checked_sub(there);
        self.names.all_differ((self.start, here, element), (self.new, other), place)
    }

    /// From two extents that pair.
    fn go_on(&mut self, number: usize, found: &mut Found) {
        let Some(Paired { old, new, shape: Some(shape), way, .. }) = found.pairs.get(number) else { return };
        let (old, new, shape, way) = (*old, *new, *shape, *way);
        let Some(ty) = old.ty else { return };
        let nodes = (Node(old.key.block), Node(new.key.block));
        let before = self.edges(true, nodes.0, old.is_block, found);
        let after = self.edges(false, nodes.1, new.is_block, found);
        let range = old.key.start..old.key.start.saturating_add(old.len);
        for edge in within(&before, range).iter().filter(|edge| is_followed(edge)) {
            let (index, inside) = old.inside(edge.offset);
            if index >= new.count {
                break;
            }
            let there = self.shapes.place(shape, inside);
            let start = index.checked_mul(new.stride).and_then(|at| at.checked_add(new.key.start));
            let there = there.zip(start).and_then(|(at, start)| start.checked_add(at));
            let Some(counterpart) = there.and_then(|at| pointer_at(&after, at)) else { continue };
            let is_row = old.count > 1 && self.is_pointer(ty);
            let is_in_row = is_row || self.is_in_row(ty, inside);
            let index = (old.count > 1).then_some(index);
            let at = At { ty: Some(ty), index, within: inside, rule: None };
            let from = Some(number);
            let source = Source { from, way, at, is_in_row, is_variable: false, has_waited: false };
            self.claim(source, edge, &counterpart, found);
        }
        self.go_on_by_rules(number, (&before, &after), found);
    }

    /// The pointers of a node, by offset.
    fn edges(&self, is_old: bool, node: Node, is_all: bool, found: &mut Found) -> Rc<[Edge]> {
        let graph = if is_old { &self.start.trace.graph } else { &self.new.trace.graph };
        if is_all {
            return graph.edges(node).collect();
        }
        let kept = found.edges.entry((is_old, node)).or_insert_with(|| graph.edges(node).collect());
        Rc::clone(kept)
    }

    /// A pointer at places that correspond leads to something in both.
    fn claim(&mut self, source: Source, old: &Edge, new: &Edge, found: &mut Found) {
        let graphs = (&self.start.trace.graph, &self.new.trace.graph);
        let Some(block) = graphs.0.block(old.to) else { return };
        let Some(before) = Extent::at(self.start, block, old.to_offset) else { return };
        let after = graphs.1.block(new.to).and_then(|block| Extent::at(self.new, block, new.to_offset));
        let Some(after) = after else {
            return self.refuse(before.key, Why::Untyped);
        };
        if self.doubtful.0.contains(&before.key) || self.doubtful.1.contains(&after.key) {
            return;
        }
        if !source.has_waited && self.is_order(source, &before) {
            found.later.push_back((Source { has_waited: true, ..source }, *old, *new));
            return;
        }
        let known = (found.by_old.get(&before.key).copied(), found.by_new.get(&after.key).copied());
        let keys = (before.key, after.key);
        if known.0.is_some() && known.0 == known.1 || found.rows_refused.contains(&keys) {
            return;
        }
        let shape = match self.compare(source, (&before, old.to_offset), (&after, new.to_offset)) {
            Match::Yes(shape) => shape,
            Match::No(why) => {
                self.refuse(before.key, why);
                let is_row = before.count > 1 || after.count > 1;
                if is_row && matches!(why, Why::OtherOrder | Why::OtherName) {
                    found.rows_refused.insert(keys);
                }
                if why == Why::OtherOrder {
                    self.by_name(source, &before, &after, found);
                }
                return;
            }
        };
        let is_by_order = |number: usize| found.pairs.get(number).is_some_and(|pair| pair.is_by_order);
        if source.has_waited && [known.0, known.1].into_iter().flatten().any(|number| !is_by_order(number)) {
            return;
        }
        let is_by_order = source.has_waited || source.from.is_some_and(is_by_order);
        let way = found.ways.step(source.way, source.at);
        let from = source.from;
        if known == (None, None) {
            let number = found.pairs.len();
            found.by_old.insert(before.key, number);
            found.by_new.insert(after.key, number);
            found.pairs.push(Paired { old: before, new: after, shape, way, from, is_by_order });
            return;
        }
        let conflict = |first, is_old, what, other| Conflict { what, is_old, first, other, way, from };
        found.conflicts.extend(known.0.map(|first| conflict(first, true, before, after)));
        found.conflicts.extend(known.1.map(|first| conflict(first, false, after, before)));
    }

    /// Whether a pointer leads to what comes first in a list, or next. What lists hold points to its like.
    fn is_order(&mut self, source: Source, target: &Extent) -> bool {
        let Some(ty) = target.ty else { return false };
        source.at.ty == Some(ty) || source.is_variable && self.is_linked(ty)
    }

    /// Whether objects of an old type point to others of it.
    fn is_linked(&mut self, ty: Ty) -> bool {
        let model = self.start.trace.model;
        *self.linked.entry(ty).or_insert_with(|| {
            let Some(own) = model.ty(ty) else { return false };
            let mut members = own.members().filter_map(|member| member.ty()?.resolved());
            members.any(|member| match member.kind() {
                TypeKind::Pointer(below) => below.and_then(Type::resolved) == Some(own),
                _ => false,
            })
        })
    }

    fn refuse(&mut self, what: Key, why: Why) {
        self.refused.entry(what).or_insert(why);
    }

    /// Whether two extents that one way leads to correspond. `at`: where in its block it leads to.
    fn compare(
        &mut self,
        source: Source,
        (old, old_at): (&Extent, u64),
        (new, new_at): (&Extent, u64),
    ) -> Match {
        let (before, after) = match (old.ty, new.ty) {
            (Some(before), Some(after)) => (before, after),
            (None, None) => {
                let found = self.compare_untyped((old, old_at), (new, new_at));
                // Of a row whose things have no names it is not known what its order means.
                return match found {
                    Match::Yes(_) if source.is_in_row && !self.is_same_content(old, new) => {
                        Match::No(Why::OtherName)
                    }
                    found => found,
                };
            }
            _ => return Match::No(Why::Untyped),
        };
        if self.pools.0.contains(&before) || self.pools.1.contains(&after) {
            return Match::No(Why::Pool);
        }
        let Some(shape) = self.shapes.of(before, after) else { return Match::No(Why::OtherType) };
        let ((index, inside), (new_index, new_inside)) = (old.inside(old_at), new.inside(new_at));
        let is_start = inside == 0 && new_inside == 0;
        if index != new_index || !is_start && self.shapes.place(shape, inside) != Some(new_inside) {
            return Match::No(Why::OtherPlace);
        }
        if self.is_table(before, old, new) && !self.is_ordered(old, new) {
            return Match::No(Why::OtherOrder);
        }
        let is_in_row = source.is_in_row || source.at.ty == Some(before) || old.count > 1 || new.count > 1;
        if is_in_row && self.is_any_other(before, shape, old, new) {
            return Match::No(Why::OtherName);
        }
        Match::Yes(Some(shape))
    }

    /// Whether an object goes by another name than the one in its place.
    fn is_any_other(&mut self, ty: Ty, shape: ShapeId, old: &Extent, new: &Extent) -> bool {
        if !self.names.has_any(self.start, ty) {
            return false;
        }
        let shapes = &self.shapes;
        let names = &mut self.names;
        let (start, other) = (self.start, self.new);
        (0..old.count.min(new.count)).any(|index| {
            let here = old.address.saturating_add(index.saturating_mul(old.stride));
            let there = new.address.saturating_add(index.saturating_mul(new.stride));
            names.all_differ((start, here, ty), (other, there), |at| shapes.place(shape, at))
        })
    }

    fn compare_untyped(&mut self, (old, old_at): (&Extent, u64), (new, new_at): (&Extent, u64)) -> Match {
        if old_at != new_at {
            return Match::No(Why::OtherPlace);
        }
        let block = |side: &Side<'_>, extent: &Extent| side.trace.blocks.get(extent.key.block);
        let (Some(before), Some(after)) = (block(self.start, old), block(self.new, new)) else {
            return Match::No(Why::Untyped);
        };
        if before.requested == after.requested && self.makers.are_same(before.site, after.site) {
            Match::Yes(None)
        } else {
            Match::No(Why::OtherMaker)
        }
    }

    fn is_same_content(&self, old: &Extent, new: &Extent) -> bool {
        let bytes = |side: &Side<'p>, extent: &Extent| {
            side.process().memory.bytes(extent.address, usize::try_from(extent.len).ok()?)
        };
        bytes(self.start, old).is_some_and(|bytes_of_old| bytes(self.new, new) == Some(bytes_of_old))
    }

    fn side(&self, is_old: bool) -> &'s Side<'p> {
        if is_old { self.start } else { self.new }
    }

    fn is_pointer(&self, ty: Ty) -> bool {
        self.start.trace.model.ty(ty).is_some_and(|ty| matches!(ty.kind(), TypeKind::Pointer(_)))
    }

    /// Whether a place of an old type is an element of an array.
    fn is_in_row(&mut self, ty: Ty, at: u64) -> bool {
        let model = self.start.trace.model;
        *self.in_row.entry((ty, at)).or_insert_with(|| model.path(ty, at).ends_with(']'))
    }
}

/// Whether a word is a pointer for sure, to something that is there.
fn is_followed(edge: &Edge) -> bool {
    matches!(edge.kind, Kind::Precise | Kind::Opaque)
}

/// The pointers in some bytes of a node.
fn within(edges: &[Edge], range: Range<u64>) -> &[Edge] {
    let first = edges.partition_point(|edge| edge.offset < range.start);
    let end = edges.partition_point(|edge| edge.offset < range.end);
    edges.get(first..end).unwrap_or_default()
}

/// The pointer at a place of a node.
fn pointer_at(edges: &[Edge], at: u64) -> Option<Edge> {
    within(edges, at..at.saturating_add(1)).iter().find(|edge| is_followed(edge)).copied()
}
