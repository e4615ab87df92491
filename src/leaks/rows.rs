//! Lost blocks, counted by who made them and what they are.

use mcrx_allocator::reader::SiteKey;
use mcrx_tracer::graph::{Holding, Lost, Pair};
use mcrx_tracer::model::Ty;
use mcrx_tracer::trace::Trace;
use rustc_hash::FxHashMap;
use serde::Serialize;
use std::cmp::Reverse;

/// Blocks that are lost in one way or another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(super) struct Losses {
    /// Nothing leads to them. Of a ring, one block.
    pub(super) direct: Pair,
    /// A lost block leads to them.
    pub(super) indirect: Pair,
    /// Held by pointers into the middle of a block.
    pub(super) possibly: Pair,
    /// What is lost with the direct ones, whoever made it.
    pub(super) holds: Pair,
    /// Those of the lost ones that no other lost block points to: direct leaks, as LeakSanitizer says it. Of a ring, none.
    pub(super) not_pointed_at: Pair,
}

impl Losses {
    pub(super) fn add(&mut self, other: &Losses) {
        let Losses { direct, indirect, possibly, holds, not_pointed_at } = other;
        for (sum, pair) in [
            (&mut self.direct, direct),
            (&mut self.indirect, indirect),
            (&mut self.possibly, possibly),
            (&mut self.holds, holds),
            (&mut self.not_pointed_at, not_pointed_at),
        ] {
            count(sum, pair.blocks, pair.bytes);
        }
    }
}

fn count(sum: &mut Pair, blocks: u64, bytes: u64) {
    sum.blocks += blocks;
    sum.bytes += bytes;
}

/// Lost blocks that one site made, of one type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) site: Option<SiteKey>,
    /// `None`: nothing says what they are.
    pub(super) ty: Option<Ty>,
    pub(super) losses: Losses,
}

type Key = (Option<SiteKey>, Option<Ty>);

/// The lost blocks for which `counts` says so. First those that lose the most bytes, with what is lost with them.
pub(super) fn by_site_and_type(trace: &Trace<'_>, lost: &Lost, counts: impl Fn(u32) -> bool) -> Vec<Row> {
    let mut rows: FxHashMap<Key, Losses> = FxHashMap::default();
    let mut with: Vec<(u32, u64)> = Vec::new();
    for (number, block) in trace.blocks.iter() {
        let holding = lost.holding(number);
        if holding == Holding::Reachable {
            continue;
        }
        with.extend(lost.leader(number).map(|leader| (leader, block.requested)));
        if !counts(number) {
            continue;
        }
        let losses = rows.entry(key(trace, number)).or_default();
        let pair = match holding {
            Holding::Definitely => &mut losses.direct,
            Holding::Indirectly => &mut losses.indirect,
            Holding::Possibly | Holding::Reachable => &mut losses.possibly,
        };
        count(pair, 1, block.requested);
        if holding != Holding::Possibly && !lost.is_pointed_at(number) {
            count(&mut losses.not_pointed_at, 1, block.requested);
        }
    }
    for (leader, bytes) in with.into_iter().filter(|(leader, _)| counts(*leader)) {
        if let Some(losses) = rows.get_mut(&key(trace, leader)) {
            count(&mut losses.holds, 1, bytes);
        }
    }
    let mut rows: Vec<Row> = rows.into_iter().map(|((site, ty), losses)| Row { site, ty, losses }).collect();
    // By key at last, so that the same process always prints the same.
    rows.sort_unstable_by_key(|Row { site, ty, losses }| {
        let Losses { direct, indirect, possibly, holds, .. } = losses;
        (Reverse(direct.bytes + holds.bytes), Reverse(indirect.bytes), Reverse(possibly.bytes), *site, *ty)
    });
    rows
}

/// The type is that of the whole, or of what the block begins with.
fn key(trace: &Trace<'_>, number: u32) -> Key {
    let Some(block) = trace.blocks.get(number) else { return (None, None) };
    let object = trace.marked.object_at(trace.model, block.len, number, 0);
    (block.site, object.map(|object| object.ty))
}
