//! What pins blocks: fields, and places without a type, with how many blocks each of them pins.

use super::{Graph, Kind, Node};
use crate::mark::{Input, Marked};
use crate::model::{Model, Ty};
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
    /// What the words lead to; the most frequent first.
    pub seen: Vec<Seen>,
    /// One of the places: a node, and bytes into it.
    pub example: (Node, u64),
}

/// What pinning words lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seen {
    /// The type of the object there, if it is known; of a place in dispute one of those that are claimed.
    pub ty: Option<Ty>,
    /// To its first byte; where nothing is known of a block, to that of the block.
    pub at_start: bool,
    /// How many of the words.
    pub words: u64,
}

impl Graph {
    /// All sources of pins of the blocks for which `counts` says so; those that pin the most blocks first.
    pub fn pins(&self, input: &Input<'_>, marked: &Marked, counts: impl Fn(u32) -> bool) -> Vec<Pin> {
        let mut numbers: BTreeMap<PinnedBy, u32> = BTreeMap::new();
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        let mut examples: Vec<(Node, u64)> = Vec::new();
        let mut seen: BTreeMap<(u32, Option<Ty>, bool), u64> = BTreeMap::new();
        for (node, edge) in self.live_edges().filter(|(_, edge)| edge.kind.pins()) {
            let Some(block) = self.block(edge.to).filter(|block| *block < self.first_area && counts(*block))
            else {
                continue;
            };
            let by = self.source(input, marked, node, edge.offset, edge.kind);
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            let number = *numbers.entry(by).or_insert(next);
            if number == next {
                examples.push((node, edge.offset));
            }
            pairs.push((block, number));
            for (ty, at_start) in what_is_there(input, marked, block, &edge) {
                *seen.entry((number, ty, at_start)).or_default() += 1;
            }
        }
        let mut seen_by = vec![Vec::new(); numbers.len()];
        for ((number, ty, at_start), words) in seen {
            if let Some(seen) = usize::try_from(number).ok().and_then(|number| seen_by.get_mut(number)) {
                seen.push(Seen { ty, at_start, words });
            }
        }
        seen_by.iter_mut().for_each(|seen| seen.sort_by_key(|seen| std::cmp::Reverse(seen.words)));
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
        let mut pin = |(by, number): (PinnedBy, u32)| {
            let (blocks, alone, bytes) = pinned[at(number)];
            let (seen, example) = (std::mem::take(&mut seen_by[at(number)]), examples[at(number)]);
            Pin { by, words: words[at(number)], blocks, alone, bytes, seen, example }
        };
        let mut pins: Vec<Pin> = numbers.into_iter().map(&mut pin).collect();
        pins.sort_by_key(|pin| std::cmp::Reverse((pin.blocks, pin.bytes)));
        pins
    }

    fn source(&self, input: &Input<'_>, marked: &Marked, node: Node, offset: u64, kind: Kind) -> PinnedBy {
        let field = |ty, offset| PinnedBy::Field {
            ty,
            path: member(input.model, ty, offset),
            disagreeing: kind == Kind::Disagreeing,
        };
        if let Some(root) = self.root(node).and_then(|root| input.roots.get(root)) {
            return match root.ty {
                Some(ty) => PinnedBy::Root(format!("{}{}", root.name, member(input.model, ty, offset))),
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

/// Which objects a word leads to, and whether to their first bytes: several where they are in dispute.
fn what_is_there(
    input: &Input<'_>,
    marked: &Marked,
    number: u32,
    edge: &super::Edge,
) -> Vec<(Option<Ty>, bool)> {
    let len = input.blocks.get(number).map_or(0, |block| block.len);
    if let Some(object) = marked.object_at(input.model, len, number, edge.to_offset) {
        return vec![(Some(object.ty), object.within == 0)];
    }
    let first =
        marked.disagreements.partition_point(|found| (found.block, found.offset) < (number, edge.to_offset));
    let here = marked.disagreements.iter().skip(first);
    let here = here.take_while(|found| (found.block, found.offset) == (number, edge.to_offset));
    let mut claimed: Vec<Ty> = here.flat_map(|found| [Some(found.claimed), found.known]).flatten().collect();
    claimed.sort_unstable();
    claimed.dedup();
    match claimed.is_empty() {
        true => vec![(None, edge.to_offset == 0)],
        false => claimed.into_iter().map(|ty| (Some(ty), true)).collect(),
    }
}

/// The path of what facts can speak of: elements of an array are one place, and so are the words of a union, which has the name of one of
/// its members if it has none.
fn member(model: &Model<'_>, ty: Ty, offset: u64) -> String {
    let path = without_indices(&model.path(ty, offset));
    let Some(spot) = model.spot(ty, offset) else { return path };
    let path = path.split_once('+').map_or(path.as_str(), |(path, _)| path);
    match spot.field.rsplit('.').next() {
        Some(last) if !path.trim_end_matches("[]").ends_with(&format!(".{last}")) => format!("{path}.{last}"),
        _ => path.to_owned(),
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
