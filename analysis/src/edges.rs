//! Which node of a graph leads to which: compressed sparse rows of 32-bit numbers.
//!
//! ```text
//!   starts    0   2   2   5          node 0: targets 0..2, node 1: none, node 2: targets 2..5
//!   targets   1 2     0 1 3
//! ```

/// Edges by the node that they come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edges {
    /// One more than there are nodes. Empty: there is no node.
    starts: Vec<u32>,
    targets: Vec<u32>,
}

impl Edges {
    /// Adds the next node, with where it leads.
    pub fn push(&mut self, targets: impl IntoIterator<Item = u32>) {
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        self.targets.extend(targets);
        self.starts.push(u32::try_from(self.targets.len()).unwrap_or(u32::MAX));
    }

    /// `starts`: for each node the place of its first target, and that past the last one's last.
    pub(crate) fn from_parts(starts: Vec<u32>, targets: Vec<u32>) -> Edges {
        Edges { starts, targets }
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> u32 {
        u32::try_from(self.starts.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// Where a node leads.
    #[inline]
    pub fn of(&self, node: u32) -> &[u32] {
        let node = at(node);
        let range = self.starts.get(node).zip(self.starts.get(node + 1));
        range.and_then(|(start, end)| self.targets.get(at(*start)..at(*end))).unwrap_or(&[])
    }

    /// Room for no more than there is.
    pub fn finish(&mut self) {
        self.starts.shrink_to_fit();
        self.targets.shrink_to_fit();
    }
}

#[inline]
pub(crate) fn at(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
