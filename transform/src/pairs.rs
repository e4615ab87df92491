//! Which block that the old start-up made corresponds to which of the new one's.

use crate::side::Side;
use mcrx_dsl::pairing::Pairing;
use std::ops::Range;

/// Two blocks that correspond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// What the old start-up made.
    pub old: Range<u64>,
    /// What the new one made.
    pub new: Range<u64>,
    /// The shortest way to both from a root, as `cycle->listening.elts[0]`.
    pub path: String,
}

/// All pairs.
#[derive(Debug, Default)]
pub struct Pairs {
    /// By old address; none overlap.
    pairs: Vec<Pair>,
}

impl Pairs {
    /// Walks the old process as its start-up left it and the new one likewise, both at once, from variables that correspond.
    pub fn find(_start: &Side<'_>, _new: &Side<'_>, _pairing: &Pairing<'_>) -> Pairs {
        Pairs::default()
    }

    /// The pair that an old address belongs to.
    pub fn at(&self, old: u64) -> Option<&Pair> {
        let before = self.pairs.partition_point(|pair| pair.old.start <= old);
        self.pairs.get(before.checked_sub(1)?).filter(|pair| pair.old.contains(&old))
    }

    /// All, by old address.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Pair> {
        self.pairs.iter()
    }
}
