//! What pairs and what does not, of all that roots lead to in the old process.

use super::extent::{Extent, Key};
use super::walk::Walked;
use super::way::Reached;
use super::{Alone, Counts, Pair, Pairs, Why};
use crate::side::Side;
use mcrx_tracer::graph::Node;
use rustc_hash::FxHashSet;

/// All pairs with what they leave over.
pub(super) fn pairs(start: &Side<'_>, walked: Walked) -> Pairs {
    let Walked { pairs: found, ways, doubts, doubtful, refused, pools } = walked;
    let mut pairs = Pairs { doubts, ..Pairs::default() };
    let paired: FxHashSet<Key> = found.iter().map(|(old, ..)| old.key).collect();
    for (old, new, way) in found {
        let path = ways.spell(start, way);
        let pair = Pair { old: old.range(), new: new.range(), types: old.ty.zip(new.ty), path };
        let is_whole = old.is_block && new.is_block;
        if is_whole { pairs.pairs.push(pair) } else { pairs.parts.push(pair) }
    }
    pairs.pairs.sort_unstable_by_key(|pair| pair.old.start);
    pairs.parts.sort_unstable_by_key(|pair| pair.old.start);
    let mut reached = None;
    for (number, _) in start.trace.blocks.iter() {
        if !start.trace.graph.is_reached(Node(number)) {
            continue;
        }
        let mut of_block = Counts::default();
        for extent in Extent::all(start, number) {
            let is_paired = paired.contains(&extent.key);
            let is_doubtful = doubtful.contains(&extent.key);
            of_block.reached += 1;
            of_block.paired += u64::from(is_paired);
            of_block.doubtful += u64::from(is_doubtful);
            if is_paired || pairs.alone.len() >= Pairs::MOST_ALONE {
                continue;
            }
            let is_pool = extent.ty.is_some_and(|ty| pools.contains(&ty));
            let why = if is_pool { Why::Pool } else { Why::NoPath };
            let why = refused.get(&extent.key).copied().unwrap_or(why);
            let why = if is_doubtful { Why::Doubtful } else { why };
            let ways = reached.get_or_insert_with(|| Reached::of(start));
            let path = ways.spell(start, number);
            pairs.alone.push(Alone { old: extent.range(), ty: extent.ty, why, path });
        }
        let has_parts = start.trace.marked.islands_of(number).next().is_some();
        let block = Counts {
            reached: 1,
            paired: u64::from(of_block.paired > 0 && !has_parts),
            partly: u64::from(of_block.paired > 0 && has_parts),
            doubtful: u64::from(of_block.doubtful > 0),
        };
        add(&mut pairs.objects, of_block);
        add(&mut pairs.blocks, block);
        if start.trace.is_own(number) {
            add(&mut pairs.own_objects, of_block);
            add(&mut pairs.own_blocks, block);
        }
    }
    pairs
}

fn add(to: &mut Counts, more: Counts) {
    to.reached += more.reached;
    to.paired += more.paired;
    to.partly += more.partly;
    to.doubtful += more.doubtful;
}
