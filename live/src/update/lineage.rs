//! What an update has carried over is remembered until the next one: which block of the old heap is what in the new release.
//!
//! Who made such a block says nothing of that any more: the code that did is of a program that is gone. A block is known by its address and
//! its generation: what is freed and made again since is the new release's, whose sites tell what it is.
//!
//! What it does not do: find out a type. All of it is what a plan has said.

use mcrx_allocator::reader::{Heap, Place};
use mcrx_debuginfo::table::TypeId;
use mcrx_tracer::model::{Model, Ty};
use mcrx_tracer::trace::{Known, Trace};
use mcrx_transform::verify::Carried;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// Of a server that has been updated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lineage {
    /// The build-id of the release whose types these are.
    release: Vec<u8>,
    /// By process.
    processes: BTreeMap<u32, Vec<Heir>>,
}

/// An object of the old heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Heir {
    start: u64,
    end: u64,
    generation: u32,
    /// The number of its type in the release's debug info.
    ty: u32,
}

impl Lineage {
    /// Adds what was carried over in a process, which runs the release with this build-id from then on. `now`: as it was before.
    pub(super) fn add(&mut self, release: &[u8], now: &Trace<'_>, carried: &[Carried]) {
        self.release = release.to_vec();
        let heir = |carried: &Carried| {
            let Range { start, end } = carried.range;
            // Blocks that the plan has made are the first in their places.
            let generation = generation(&now.known.heap, start).unwrap_or(0);
            Some(Heir { start, end, generation, ty: carried.ty?.0 })
        };
        self.processes.insert(now.process.pid, carried.iter().filter_map(heir).collect());
    }

    /// What is known by now of the blocks of a process, in the numbers of a model.
    pub(super) fn told(&self, pid: u32, known: &Known, model: &Model<'_>) -> Vec<(Range<u64>, Ty)> {
        let place = model.tables().position(|(table, _)| table.build_id() == self.release);
        let (Some(place), Some(heirs)) = (place, self.processes.get(&pid)) else { return Vec::new() };
        let lives = |heir: &&Heir| generation(&known.heap, heir.start) == Some(heir.generation);
        let typed = |heir: &Heir| Some((heir.start..heir.end, model.number_of(place, TypeId(heir.ty))?));
        heirs.iter().filter(lives).filter_map(typed).collect()
    }
}

/// Of a live block.
fn generation(heap: &Heap, address: u64) -> Option<u32> {
    match heap.classify(address) {
        Place::Live { block, offset: 0, .. } => Some(block.generation.0),
        _ => None,
    }
}
