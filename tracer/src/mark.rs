//! Which blocks a process can reach, and of which type each of them is.
//!
//! ```text
//!            claims: "a conn_s lies at +24"
//!          +-----------------------------------+
//!          v                                   |
//!   types of blocks  ---- read by type ---->  words  ----> reached blocks
//!          ^                                                    |
//!   sites, facts                         untyped bytes, read conservatively
//! ```
//!
//! A block's type is what its site says, or what a precise pointer to its start says and fits its size; a typed pointer into the middle
//! of an untyped block makes an [`Island`] there. What is read by a type makes claims on what it points to, so this goes round until
//! nothing is new. Untyped bytes of reached blocks are read last, when there is nothing left to read by type.
//!
//! *Disagreements.* A claim that cannot be true beside what is known of a place is recorded, never decided: neither type is believed
//! from then on, and since what was read by the wrong one has made claims of its own, marking begins anew without it. This ends: each
//! time there is less to believe.
//!
//! *Determinism.* All that can be reached by the types that are known is read by all cores, in no order; types do not change meanwhile.
//! What was claimed on the way is sorted before any of it is applied. So the result does not depend on scheduling.
//!
//! What it does not do: decide what must not move; [`crate::graph`] looks at the edges once the types are known.

mod claims;
mod follow;
pub(crate) mod read;
mod types;

pub use claims::{Disagreement, Island};
pub use types::Types;

use crate::blocks::Blocks;
use crate::given::{BySite, Given, Placed};
use crate::image::Process;
use crate::marks::Marks;
use crate::model::{Fit, Model, Ty};
use crate::roots::Root;
use claims::State;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// What is marked.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// Whose memory.
    pub process: &'a Process,
    /// Its live blocks.
    pub blocks: &'a Blocks<'a>,
    /// Types.
    pub model: &'a Model<'a>,
    /// Where it begins.
    pub roots: &'a [Root],
    /// What is known of blocks before any pointer is followed.
    pub given: &'a BySite,
    /// Objects whose places are known. They do not overlap.
    pub placed: &'a [Placed],
}

impl Input<'_> {
    /// What its site says of a block, or who knows better.
    pub fn given(&self, number: u32) -> Option<Given> {
        self.given.of_block(&self.blocks.get(number)?)
    }
}

/// Types of all blocks, as far as they are known.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// For each block the type of all of it.
    pub types: Types,
    /// Typed parts of other blocks, by block and offset.
    pub islands: BTreeMap<(u32, u64), Island>,
    /// Places of blocks about which pointers, or a pointer and a site, do not agree. By place.
    pub disagreements: Vec<Disagreement>,
    /// How often marking began anew.
    pub passes: u32,
    /// What was reached, if all of it was read by what is known in the end.
    pub(crate) reached: Option<Marks>,
}

/// How often marking begins anew at most. Real programs take two or three; more would mean types that contradict each other in chains,
/// and after this what is in dispute is not believed, but what followed from it before is.
const PASSES_MAX: u32 = 12;

/// Finds the types of all blocks that are reached.
pub fn mark(input: &Input<'_>) -> Marked {
    let mut disputed: FxHashSet<(u32, u64)> = FxHashSet::default();
    let mut learnt: FxHashMap<u32, Ty> = FxHashMap::default();
    let mut disagreements = Vec::new();
    for passes in 1.. {
        let mut state = State::new(input, &disputed, &learnt);
        follow::run(input, &mut state);
        let mut new = std::mem::take(&mut state.newly_disputed);
        let unconfirmed: Vec<u32> = state.unconfirmed().collect();
        new.extend(unconfirmed.iter().map(|block| (*block, claims::WHOLE)));
        disagreements.append(&mut state.disagreements);
        let corrected = std::mem::take(&mut state.corrected);
        if new.is_empty() && corrected.is_empty() || passes == PASSES_MAX {
            state.forget(&new);
            state.retain();
            disagreements.sort_unstable();
            disagreements.dedup();
            let reached = (!state.reread).then_some(state.reached);
            let (types, islands) = (state.types, state.islands);
            return Marked { types, islands, disagreements, passes, reached };
        }
        disputed.extend(new);
        learnt.extend(corrected);
        learnt.retain(|block, _| !unconfirmed.contains(block));
    }
    Marked::default()
}

impl Marked {
    /// The type of all of a block.
    pub fn ty(&self, block: u32) -> Option<Ty> {
        self.types.get(block)
    }

    /// The typed parts of a block that has no type as a whole, by offset.
    pub fn islands_of(&self, block: u32) -> impl Iterator<Item = (u64, Island)> {
        self.islands.range((block, 0)..=(block, u64::MAX)).map(|((_, offset), island)| (*offset, *island))
    }

    /// The typed object that holds a place in a block: its type, where it begins, and how many bytes into one element the place is.
    pub fn object_at(&self, model: &Model<'_>, len: u64, block: u32, offset: u64) -> Option<Object> {
        if let Some(ty) = self.ty(block) {
            return Some(Object::of_block(model, ty, len, offset));
        }
        let ((_, start), island) = self.islands.range((block, 0)..=(block, offset)).next_back()?;
        let into = offset - start;
        let stride = island.stride.max(1);
        let object =
            Object { ty: island.ty, start: *start, stride, index: into / stride, within: into % stride };
        (into < island.size).then_some(object)
    }
}

/// A place in a typed object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    /// Its type.
    pub ty: Ty,
    /// Where in the block the first of the objects is.
    pub start: u64,
    /// Bytes from one to the next.
    pub stride: u64,
    /// Which of them.
    pub index: u64,
    /// Bytes into that one.
    pub within: u64,
}

impl Object {
    /// A place in a block that is of one type as a whole.
    #[inline]
    pub(crate) fn of_block(model: &Model<'_>, ty: Ty, len: u64, offset: u64) -> Object {
        let stride = model.map(ty).size.max(1);
        match model.fit(ty, len) {
            Fit::Exactly(_) => {
                Object { ty, start: 0, stride, index: offset / stride, within: offset % stride }
            }
            Fit::WithTail | Fit::Part | Fit::No => Object { ty, start: 0, stride, index: 0, within: offset },
        }
    }
}
