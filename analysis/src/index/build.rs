//! An index of a traced process.

use super::ways::{self, Found};
use super::{Block, Group, Index, Life, Process, UNTYPED};
use crate::edges::{Edges, at};
use crate::owners::Owner;
use crate::retained::Retained;
use crate::sources::Sources;
use mcrx_allocator::reader::{SiteKey, Slot};
use mcrx_tracer::graph::Node;
use mcrx_tracer::image::MappingKind;
use mcrx_tracer::model::Ty;
use mcrx_tracer::trace::Trace;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

impl Index {
    /// Looks at all live blocks of a process.
    pub fn of(trace: &Trace<'_>) -> Index {
        let Found { owners, of: owner_of, begun } = ways::owners(trace);
        let mut names = Names::of(trace);
        let mut blocks: Vec<(Block, u32)> = Vec::new();
        let mut groups = Vec::new();
        let mut numbers: FxHashMap<Group, u32> = FxHashMap::default();
        for (number, block) in trace.blocks.iter() {
            let Some(found) = trace.known.heap.block(Slot(number)) else { continue };
            let group = Group {
                ty: names.ty(type_of(trace, number)),
                site: names.site(block.site),
                owner: owner_of.get(at(number)).copied().unwrap_or(Owner(0)),
            };
            let group = *numbers.entry(group).or_insert_with(|| {
                groups.push(group);
                u32::try_from(groups.len() - 1).unwrap_or(u32::MAX)
            });
            let in_parts: u64 = match trace.blocks.is_part(number) {
                true => 0,
                false => trace.known.heap.parts_of(Slot(number)).map(|part| part.requested).sum(),
            };
            let bytes = block.requested.saturating_sub(in_parts);
            let life = Life::new(found.generation.0, found.within.is_some());
            blocks.push((Block { address: block.address, bytes, life, group }, number));
        }
        blocks.sort_unstable_by_key(|(block, _)| block.identity());
        let (edges, starts) = edges(trace, &blocks, &begun);
        let blocks: Vec<Block> = blocks.into_iter().map(|(block, _)| block).collect();
        let Names { types, sites, .. } = names;
        let retained = Retained::of(&blocks, &groups, &edges, [types.len(), sites.len(), owners.len()]);
        Index { process: Process::of(trace), blocks, groups, types, sites, owners, edges, starts, retained }
    }
}

/// The graph, and where ways begin: of blocks with their numbers in the trace, in the order that they are to have.
fn edges(trace: &Trace<'_>, blocks: &[(Block, u32)], begun: &[(Owner, u32)]) -> (Edges, Vec<Owner>) {
    const NONE: u32 = u32::MAX;
    let mut places = vec![NONE; at(trace.blocks.numbers())];
    for ((_, number), place) in blocks.iter().zip(0..) {
        places[at(*number)] = place;
    }
    let place = |number: u32| places.get(at(number)).copied().filter(|place| *place != NONE);
    let mut edges = Edges::default();
    let mut targets: Vec<u32> = Vec::new();
    for (_, number) in blocks {
        let to = trace.graph.edges(Node(*number)).map(|edge| edge.to.0);
        targets.extend(to.chain(trace.blocks.parts_of(*number)).filter_map(place));
        targets.sort_unstable();
        targets.dedup();
        edges.push(targets.drain(..));
    }
    let mut from: BTreeMap<Owner, Vec<u32>> = BTreeMap::new();
    for (start, to) in begun {
        from.entry(*start).or_default().extend(place(*to));
    }
    let mut starts = Vec::new();
    for (start, mut targets) in from {
        targets.sort_unstable();
        targets.dedup();
        starts.push(start);
        edges.push(targets);
    }
    edges.finish();
    (edges, starts)
}

impl Process {
    fn of(trace: &Trace<'_>) -> Process {
        let process = trace.process;
        let program = process.modules.iter().find(|module| module.path == process.executable);
        let stack = process.mappings.iter().find(|mapping| mapping.kind == MappingKind::Stack);
        Process {
            pid: process.pid,
            name: process.name.clone(),
            builds: process.modules.iter().filter_map(|module| module.build_id).collect(),
            program: program.and_then(|module| module.build_id),
            stack_end: stack.map_or(0, |mapping| mapping.range.end),
        }
    }
}

/// The type of all of a block, or of what it begins with.
pub(super) fn type_of(trace: &Trace<'_>, number: u32) -> Option<Ty> {
    let len = trace.blocks.get(number)?.len;
    trace.marked.object_at(trace.model, len, number, 0).map(|object| object.ty)
}

/// Types and sites, numbered as they come.
struct Names<'t> {
    trace: &'t Trace<'t>,
    sources: Sources<'t>,
    types: Vec<String>,
    /// Types of one name are one here.
    by_name: FxHashMap<String, u32>,
    by_type: FxHashMap<Option<Ty>, u32>,
    sites: Vec<Vec<crate::sources::Frame>>,
    by_site: FxHashMap<Option<SiteKey>, u32>,
}

impl<'t> Names<'t> {
    fn of(trace: &'t Trace<'t>) -> Names<'t> {
        Names {
            trace,
            sources: Sources::of(trace),
            types: Vec::new(),
            by_name: FxHashMap::default(),
            by_type: FxHashMap::default(),
            sites: Vec::new(),
            by_site: FxHashMap::default(),
        }
    }

    fn ty(&mut self, ty: Option<Ty>) -> u32 {
        let Names { trace, types, by_name, by_type, .. } = self;
        *by_type.entry(ty).or_insert_with(|| {
            let name = ty.map_or_else(|| UNTYPED.to_owned(), |ty| trace.model.name(ty));
            *by_name.entry(name.clone()).or_insert_with(|| {
                types.push(name);
                u32::try_from(types.len() - 1).unwrap_or(u32::MAX)
            })
        })
    }

    fn site(&mut self, site: Option<SiteKey>) -> u32 {
        let Names { sources, sites, by_site, .. } = self;
        *by_site.entry(site).or_insert_with(|| {
            sites.push(sources.frames(site));
            u32::try_from(sites.len() - 1).unwrap_or(u32::MAX)
        })
    }
}
