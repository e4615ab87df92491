//! Which block that the old start-up made corresponds to which of the new one's.
//!
//! Both processes are walked at once, breadth first, from variables that correspond (and thread-local ones, and live variables of frames),
//! along members that correspond. A path that exists in both pairs what it leads to, if that is of types that correspond:
//!
//! ```text
//!   old  cycle -> .listening.elts -> struct listening [2]         cycle->listening.elts[1].name ...
//!          |            |                   |
//!   new  cycle -> .listening.elts -> struct listening [3]         the same members, wherever they lie there
//! ```
//!
//! * Objects side by side pair by their index, as many as both have; lists in their order.
//! * A pointer that does not say what it leads to pairs only what is known by itself: two objects whose types correspond, or two blocks
//!   without a type that the same functions made with the same size. What may be no pointer is not followed.
//! * What a pointer leads into pairs only where it leads to the same member and the same element of both.
//! * Of things that stand in a row (elements, links of a list) those do not pair whose names, texts that they point to, all differ: they are
//!   others. A table of pointers to things with names that stand in other places (a hash table that another seed has filled) does not pair,
//!   and they, with the lists that begin with them, pair by their names. Elements of which nothing is known pair only if they are equal.
//! * Where a rule says what a member is, what its value leads to in the old process pairs with what the new start-up has there, if nothing else
//!   pairs either.
//! * What would pair with two is doubtful. It is told, and neither paired nor walked through.
//! * Pools, which rules tell by the functions that allocate from them, are the allocator's affair: they are not walked.
//!
//! Pairs are whole blocks; what lies typed in a block that is not of one type as a whole (in a pool's, in memory that the program mapped for
//! itself) pairs as a [part](Pairs::parts). Memory that processes share stays where it is, and pairs with nothing.
//!
//! The work is linear in what start-up made, times the few rounds that doubts take; the result depends on no order but that of variables,
//! members and elements.
//!
//! What it does not do: look at what changed, or say where the inside of a block lies in its counterpart.

mod begin;
mod count;
mod extent;
mod likeness;
mod maker;
mod pools;
mod shape;
mod walk;
mod way;

pub(crate) use begin::{own, threads};
pub(crate) use likeness::Names;

use crate::plan::Course;
use crate::side::Side;
use mcrx_dsl::rules::Rules;
use mcrx_tracer::model::Ty;
use std::ops::Range;

/// Two blocks that correspond, or parts of two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// What the old start-up made.
    pub old: Range<u64>,
    /// What the new one made.
    pub new: Range<u64>,
    /// Of what type each is, in its side's model: of several side by side that of one. `None`: it is not known of either.
    pub types: Option<(Ty, Ty)>,
    /// The shortest way to both from a root, as `cycle->listening.elts[0]`; of a long one the beginning and the end.
    pub path: String,
}

/// Something that would pair with two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// What, in its process.
    pub what: Range<u64>,
    /// Whether it is the old process's.
    pub is_old: bool,
    /// What it would pair with, in the other process, and by which way.
    pub with: [(Range<u64>, String); 2],
}

/// Something that a root leads to in the old process, and that has no counterpart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alone {
    /// What.
    pub old: Range<u64>,
    /// Its type in the model. `None`: not known.
    pub ty: Option<Ty>,
    /// Why.
    pub why: Why,
    /// The shortest way to it, from the old process's roots.
    pub path: String,
}

/// Why something has no counterpart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Why {
    /// No way of members leads to it in both.
    #[error("no path of the old release leads to anything in the new one")]
    NoPath,
    /// The types of what the same way leads to do not correspond.
    #[error("the new release has something of another type there")]
    OtherType,
    /// The same way leads to another member or another element.
    #[error("the new release's pointer leads to another member or element")]
    OtherPlace,
    /// Nothing is known of its type, and other functions made it, or with another size.
    #[error("its type is not known, and the new release makes what is there elsewhere or in another size")]
    OtherMaker,
    /// What is known of the one's type is not known of the other's.
    #[error("its type is known in one release only")]
    Untyped,
    /// It is one of several in a row, and its name is another.
    #[error("what stands there in the new release has another name")]
    OtherName,
    /// It is a table of things with names, which are in other places.
    #[error("what it leads to stands in other places of the new release's table")]
    OtherOrder,
    /// It is a pool, or what belongs to one.
    #[error("it is the bookkeeping of a pool")]
    Pool,
    /// It would pair with two.
    #[error("it would pair with two")]
    Doubtful,
}

/// How many of what the old start-up made have a counterpart: of what roots lead to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub reached: u64,
    /// Those that pair.
    pub paired: u64,
    /// Of blocks: those that do not, but parts of them do.
    pub partly: u64,
    /// Those that would pair with two.
    pub doubtful: u64,
}

impl Counts {
    /// Those of another process, too.
    pub fn add(&mut self, more: &Counts) {
        self.reached += more.reached;
        self.paired += more.paired;
        self.partly += more.partly;
        self.doubtful += more.doubtful;
    }

    /// Those that have no counterpart at all.
    pub fn alone(&self) -> u64 {
        self.reached.saturating_sub(self.paired.saturating_add(self.partly))
    }
}

/// All pairs.
#[derive(Debug, Default)]
pub struct Pairs {
    /// By old address; none overlap.
    pairs: Vec<Pair>,
    /// Likewise.
    parts: Vec<Pair>,
    /// In the order in which they were met.
    pub doubts: Vec<Doubt>,
    /// By address. No more than [`Pairs::MOST_ALONE`].
    pub alone: Vec<Alone>,
    /// Of the old process's blocks.
    pub blocks: Counts,
    /// Of those that the program's own code made.
    pub own_blocks: Counts,
    /// Of objects: whole blocks that have a type or no typed part, and typed parts of the others.
    pub objects: Counts,
    /// Of those that lie in blocks which the program's own code made.
    pub own_objects: Counts,
}

impl Pairs {
    /// As many as are named of what has no counterpart.
    pub const MOST_ALONE: usize = 10_000;

    /// Walks the old process as its start-up left it and the new one likewise, both at once.
    pub fn find<'p>(start: &Side<'p>, new: &Side<'p>, course: &Course<'p>, rules: &Rules) -> Pairs {
        let found = walk::walk(start, new, (&course.pairing, &course.migration), rules);
        count::pairs(start, found)
    }

    /// The pair that an old address belongs to, of whole blocks.
    pub fn at(&self, old: u64) -> Option<&Pair> {
        at(&self.pairs, old)
    }

    /// The parts of two blocks that an old address belongs to.
    pub fn part_at(&self, old: u64) -> Option<&Pair> {
        at(&self.parts, old)
    }

    /// All pairs of whole blocks, by old address.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Pair> {
        self.pairs.iter()
    }

    /// Pairs of typed parts, where one block or the other is not of one type as a whole; by old address.
    pub fn parts(&self) -> impl ExactSizeIterator<Item = &Pair> {
        self.parts.iter()
    }
}

fn at(pairs: &[Pair], old: u64) -> Option<&Pair> {
    let before = pairs.partition_point(|pair| pair.old.start <= old);
    pairs.get(before.checked_sub(1)?).filter(|pair| pair.old.contains(&old))
}
