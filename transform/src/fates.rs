//! What becomes of old blocks that live on: there may be millions, most of which stay as they are.
//!
//! ```text
//!   live      1 1 0 1 1 1 ...      a bit for each number
//!   altered   0 1 0 0 1 0 ...      likewise: those that do not just stay
//!   before    0                    for each 64 numbers: how many altered ones come before
//!   fates     Made(..) Made(..)    of the altered ones, in their order
//! ```
//!
//! What it does not do: decide.

use mcrx_dsl::eval::Making;
use mcrx_dsl::migrate::Migration;
use mcrx_dsl::pairing::PairId;
use mcrx_tracer::blocks::Block;
use mcrx_tracer::marks::{Marks, numbers};
use mcrx_tracer::model::Fit;
use mcrx_tracer::trace::Trace;

/// What becomes of a block that does not just stay, with other pointers in it.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// It is made anew as the first of what a pair makes, at this address.
    Made(PairId, u64),
    /// Several are made of it.
    Split(Box<Split>),
    /// Parts of it are made anew where they are; the rest stays.
    Parts(Box<Parts>),
    /// It is a part of another object now.
    Merged,
    /// What is to become of it cannot be done; it has been said.
    Refused,
}

/// A block of which several are made.
#[derive(Debug, Clone)]
pub(crate) struct Split {
    /// All that is made of it.
    pub(crate) how: Vec<Making>,
    /// Where each goes; the first is where pointers lead.
    pub(crate) to: Vec<u64>,
}

/// All parts of a block that are made anew.
#[derive(Debug, Clone)]
pub(crate) struct Parts(pub(crate) Vec<Part>);

/// Objects side by side in a block that is more than these.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) how: Making,
    pub(crate) start: u64,
    pub(crate) count: u64,
    pub(crate) stride: u64,
}

/// How much is made of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// How many objects side by side; `None`: one, with its flexible array.
    pub(crate) count: Option<u64>,
    /// Bytes of them in the new image.
    pub(crate) len: u64,
}

impl Fate {
    /// What is made of the whole block: how, and where. Nothing, if it is not made anew as a whole.
    pub(crate) fn anew(&self) -> (Vec<Making>, Vec<u64>) {
        match self {
            Fate::Made(pair, to) => (vec![Making { pair: *pair, made: 0 }], vec![*to]),
            Fate::Split(split) => (split.how.clone(), split.to.clone()),
            Fate::Parts(_) | Fate::Merged | Fate::Refused => (Vec::new(), Vec::new()),
        }
    }

    /// The same for what pointers lead to.
    #[inline]
    pub(crate) fn main(&self) -> Option<(Making, u64)> {
        match self {
            Fate::Made(pair, to) => Some((Making { pair: *pair, made: 0 }, *to)),
            Fate::Split(split) => Some((*split.how.first()?, *split.to.first()?)),
            Fate::Parts(_) | Fate::Merged | Fate::Refused => None,
        }
    }
}

/// How much is made of a block of the old process by a recipe. `None`: it does not fit its type.
pub(crate) fn extent(
    trace: &Trace<'_>,
    migration: &Migration,
    (number, block): (u32, &Block),
    how: Making,
) -> Option<Extent> {
    let recipe = migration.recipe(how)?;
    match trace.model.fit(trace.marked.ty(number)?, block.len) {
        Fit::WithTail => Some(Extent { count: None, len: recipe.size(block.len) }),
        Fit::Exactly(count) => {
            Some(Extent { count: Some(count), len: recipe.new_size.saturating_mul(count) })
        }
        Fit::Part | Fit::No => None,
    }
}

/// Those of all blocks.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    live: Marks,
    altered: Vec<u64>,
    before: Vec<u32>,
    fates: Vec<Fate>,
}

impl Fates {
    /// Of the blocks that live on, and of those of them that do not just stay, by number.
    pub(crate) fn new(live: Marks, altered: Vec<(u32, Fate)>) -> Fates {
        let words = usize::try_from(live.words()).unwrap_or(usize::MAX);
        let mut fates = Fates { live, altered: vec![0; words], before: Vec::new(), fates: Vec::new() };
        fates.fates.reserve_exact(altered.len());
        for (number, fate) in altered {
            let Some(word) = fates.altered.get_mut(index(number / Marks::WORD)) else { continue };
            *word |= 1 << (number % Marks::WORD);
            fates.fates.push(fate);
        }
        let counts = fates.altered.iter().scan(0, |before, word| {
            let here = *before;
            *before += word.count_ones();
            Some(here)
        });
        fates.before = counts.collect();
        fates
    }

    /// Which blocks live on.
    pub(crate) fn live(&self) -> &Marks {
        &self.live
    }

    /// Whether a block does not just stay.
    #[inline]
    pub(crate) fn is_altered(&self, number: u32) -> bool {
        let word = self.altered.get(index(number / Marks::WORD)).copied().unwrap_or(0);
        word & 1 << (number % Marks::WORD) != 0
    }

    /// What becomes of a block that does not just stay.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&Fate> {
        let place = index(number / Marks::WORD);
        let (word, bit) = (*self.altered.get(place)?, 1u64 << (number % Marks::WORD));
        if word & bit == 0 {
            return None;
        }
        let within = (word & (bit - 1)).count_ones();
        self.fates.get(index(self.before.get(place)?.checked_add(within)?))
    }

    /// All blocks that do not just stay, by number.
    pub(crate) fn altered(&self) -> impl Iterator<Item = (u32, &Fate)> {
        let words = (0..).zip(&self.altered);
        words.flat_map(|(word, bits)| numbers(word, *bits)).zip(&self.fates)
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_has_the_fate_that_it_was_given() {
        let live = Marks::clear(400);
        (0..400).step_by(2).for_each(|number| {
            live.set(number);
        });
        let given: Vec<u32> = vec![0, 6, 62, 64, 66, 130, 398];
        let made = |number: &u32| (*number, Fate::Made(PairId(*number), u64::from(*number) * 16));
        let fates = Fates::new(live, given.iter().map(made).collect());
        for number in 0..500 {
            let found = fates.get(number).and_then(Fate::main);
            assert_eq!(
                found.map(|(how, to)| (how.pair.0, to)),
                given.contains(&number).then_some((number, u64::from(number) * 16))
            );
            assert_eq!(fates.is_altered(number), given.contains(&number));
        }
        assert_eq!(fates.altered().map(|(number, _)| number).collect::<Vec<u32>>(), given);
        assert_eq!(size_of::<Fate>(), 16);
    }
}
