//! What pins blocks: fields, and places without a type, with how many blocks each of them pins.

use super::{Graph, Kind, Node};
use crate::mark::{Input, Marked};
use crate::model::Ty;
use mcrx_allocator::reader::SiteKey;
use std::collections::BTreeMap;

/// Where pinning words are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PinnedBy {
    /// In this member of objects of a type: words that may be pointers.
    Field {
        /// Of the object.
        ty: Ty,
        /// Such as `.data`; indices are left out.
        path: String,
        /// It is a pointer, but of a type that what it points to does not have.
        disagreeing: bool,
    },
    /// In untyped bytes of blocks of a site.
    Site(Option<SiteKey>),
    /// In a root that is read conservatively, by its name.
    Root(String),
}

/// A source of pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Where.
    pub by: PinnedBy,
    /// Words there that pin.
    pub words: u64,
    /// Blocks that they pin.
    pub blocks: u64,
    /// Of those, how many nothing else pins.
    pub alone: u64,
    /// Bytes of the blocks.
    pub bytes: u64,
}

impl Graph {
    /// All sources of pins of the blocks for which `counts` says so; those that pin the most blocks first.
    pub fn pins(&self, input: &Input<'_>, marked: &Marked, counts: impl Fn(u32) -> bool) -> Vec<Pin> {
        let mut numbers: BTreeMap<PinnedBy, u32> = BTreeMap::new();
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for (node, edge) in self.live_edges().filter(|(_, edge)| edge.kind.pins()) {
            let Some(block) = self.block(edge.to).filter(|block| *block < self.first_area && counts(*block))
            else {
                continue;
            };
            let by = self.source(input, marked, node, edge.offset, edge.kind);
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            pairs.push((block, *numbers.entry(by).or_insert(next)));
        }
        let mut words = vec![0u64; numbers.len()];
        let at = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        for (_, number) in &pairs {
            words[at(*number)] += 1;
        }
        pairs.sort_unstable();
        pairs.dedup();
        let mut pinned = vec![(0u64, 0u64, 0u64); numbers.len()];
        for of_block in pairs.chunk_by(|one, next| one.0 == next.0) {
            for (block, number) in of_block {
                let (blocks, alone, bytes) = &mut pinned[at(*number)];
                *blocks += 1;
                *alone += u64::from(of_block.len() == 1);
                *bytes += input.blocks.get(*block).map_or(0, |block| block.requested);
            }
        }
        let pin = |(by, number): (PinnedBy, u32)| {
            let (blocks, alone, bytes) = pinned[at(number)];
            Pin { by, words: words[at(number)], blocks, alone, bytes }
        };
        let mut pins: Vec<Pin> = numbers.into_iter().map(pin).collect();
        pins.sort_by_key(|pin| std::cmp::Reverse((pin.blocks, pin.bytes)));
        pins
    }

    fn source(&self, input: &Input<'_>, marked: &Marked, node: Node, offset: u64, kind: Kind) -> PinnedBy {
        let field = |ty, offset| PinnedBy::Field {
            ty,
            path: without_indices(&input.model.path(ty, offset)),
            disagreeing: kind == Kind::Disagreeing,
        };
        if let Some(root) = self.root(node).and_then(|root| input.roots.get(root)) {
            return match root.ty {
                Some(_) => PinnedBy::Root(format!(
                    "{}{}",
                    root.name,
                    without_indices(&root.ty.map(|ty| input.model.path(ty, offset)).unwrap_or_default())
                )),
                None => PinnedBy::Root(root.kind_name().to_owned() + &root.name),
            };
        }
        let block = self.block(node).and_then(|block| Some((block, input.blocks.get(block)?)));
        let Some((number, block)) = block else { return PinnedBy::Site(None) };
        match (marked.object_at(input.model, block.len, number, offset), input.blocks.area(number)) {
            (Some(object), _) => field(object.ty, object.within),
            (None, Some(area)) => PinnedBy::Root(format!("memory: {}", area.name)),
            (None, None) => PinnedBy::Site(block.site),
        }
    }
}

/// Elements of an array are one place.
fn without_indices(path: &str) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for character in path.chars() {
        match character {
            '[' => {
                inside = true;
                kept.push_str("[]");
            }
            ']' => inside = false,
            _ if !inside => kept.push(character),
            _ => {}
        }
    }
    kept
}
