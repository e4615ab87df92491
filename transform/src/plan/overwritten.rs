//! What the new release's start-up has made, and what is carried over would push out: a watcher that it has put into a list, a handler in a
//! slot that was free. The new code relies on it.
//!
//! A slot that the old start-up left free, and that both have filled since, holds one of the two. Elsewhere an old pointer takes the place of a
//! new one as it should: unless no other way leads to what the new start-up has made, and the old one has not made the like.

use super::Scene;
use super::both::split_off_pairs;
use super::codes::Code;
use super::conflict::{Conflicts, Hint};
use super::writes::Writes;
use crate::pairs::Pairs;
use crate::side::Spot;
use mcrx_tracer::graph::Node;
use mcrx_tracer::roots::Root;
use rustc_hash::FxHashSet;

/// A word of the new process in whose place an old one comes.
#[derive(Debug)]
pub(super) struct Overwritten {
    /// Where.
    pub(super) at: u64,
    /// What the new start-up has put there.
    pub(super) word: u64,
    /// The old start-up had put nothing there.
    pub(super) was_free: bool,
    /// The object that it is in, for people, the member, and where the object is in the old process.
    pub(super) holder: (String, String, u64),
}

/// Says what would be lost.
pub(super) fn find(
    scene: &Scene<'_>,
    pairs: &Pairs,
    overwritten: &[Overwritten],
    writes: &Writes,
    conflicts: &mut Conflicts,
) {
    if overwritten.is_empty() {
        return;
    }
    let trace = scene.new.trace;
    let both = pairs.iter().chain(pairs.parts());
    let both = both.map(|pair| pair.new.start).chain(split_off_pairs(scene, pairs));
    let paired: FxHashSet<u32> =
        both.filter_map(|address| trace.blocks.at(address).map(|(number, _)| number)).collect();
    // What the old release has the like of is not lost with its place, nor are bytes.
    let counts =
        |number: u32| trace.is_own(number) && !paired.contains(&number) && trace.marked.ty(number).is_some();
    let (mut cut, mut targets) = (FxHashSet::default(), Vec::new());
    for one in overwritten {
        let (object, member, address) = &one.holder;
        let what = match scene.new.spot(one.word) {
            Spot::Block { number, .. } => {
                cut.insert(one.at);
                targets.push((number, one));
                None
            }
            Spot::Function { function, .. } => Some(function.name()),
            Spot::Variable { variable, .. } => Some(variable.name()),
            _ => None,
        };
        if let Some(what) = what.filter(|_| one.was_free) {
            let message = format!(
                "the new start-up has put `{what}` there, which would be lost: the old one left it free, and it has been put to use since"
            );
            conflicts.add(Code::Overwritten, (object, member), &format!("slot {what}"), *address, message);
        }
    }
    let Some((_, first)) = targets.first() else { return };
    let words = writes.iter().flat_map(|(_, bytes)| bytes.chunks_exact(8));
    let led_to = words.filter_map(|word| {
        let word = u64::from_le_bytes(word.try_into().ok()?);
        trace.blocks.at(word).map(|(number, _)| Node(number))
    });
    let before = reached(scene, &FxHashSet::default(), Vec::new());
    let after = reached(scene, &cut, led_to.collect());
    let is_lost = |number: &u32| {
        let is_in = |set: &FxHashSet<Node>| set.contains(&Node(*number));
        counts(*number) && is_in(&before) && !is_in(&after)
    };
    let mut lost: Vec<u32> =
        before.iter().filter_map(|node| trace.graph.block(*node)).filter(is_lost).collect();
    lost.sort_unstable();
    for number in lost {
        let Some(ty) = trace.marked.ty(number) else { continue };
        let by = targets.iter().find(|(target, _)| *target == number).map_or(*first, |(_, one)| *one);
        let (object, member, address) = &by.holder;
        let dot = if member.is_empty() || member.starts_with('[') { "" } else { "." };
        let message = format!(
            "the new start-up has made one that would be lost: in `{object}{dot}{member}`, which leads to it, what the old one has there takes its place"
        );
        let name = trace.model.name(ty);
        conflicts.add_with(Code::Overwritten, (&name, ""), object, *address, message, Hint::Made(number));
    }
}

/// What the new program's own variables lead to in the new process, but by some words, and by others beside them.
fn reached(scene: &Scene<'_>, cut: &FxHashSet<u64>, beside: Vec<Node>) -> FxHashSet<Node> {
    let trace = scene.new.trace;
    let is_own = |root: &Root| {
        let ty = root.ty.and_then(|ty| trace.model.ty(ty));
        ty.is_some_and(|ty| ty.table().build_id() == scene.new.table.build_id())
    };
    let own = trace.graph.roots().zip(&trace.roots).filter(|(_, root)| is_own(root));
    let starts: Vec<(Node, u64)> = own.map(|(node, root)| (node, root.address)).collect();
    let mut seen: FxHashSet<Node> = beside.into_iter().collect();
    let mut work: Vec<Node> = seen.iter().copied().collect();
    let lead_on = |node: Node, address: u64, seen: &mut FxHashSet<Node>, work: &mut Vec<Node>| {
        let edges = trace.graph.edges(node).filter(|edge| !cut.contains(&address.wrapping_add(edge.offset)));
        work.extend(edges.map(|edge| edge.to).filter(|to| seen.insert(*to)));
    };
    for (node, address) in starts {
        lead_on(node, address, &mut seen, &mut work);
    }
    while let Some(node) = work.pop() {
        let block = trace.graph.block(node).and_then(|number| trace.blocks.get(number));
        lead_on(node, block.map_or(0, |block| block.address), &mut seen, &mut work);
    }
    seen
}
