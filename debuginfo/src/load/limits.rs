//! What a load may cost. Entries can share what they refer to, so a small hostile file can ask for endless work: a million names that
//! are all tails of one long string, or functions that all have one long list of ranges. Real compilers' output stays far below.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Attributes of one entry. Compilers write at most some thirty.
pub(super) const MOST_ATTRIBUTES: usize = 256;

/// How deep types are nested in each other. Namespaces do not count.
pub(super) const DEEPEST_TYPES: usize = 64;

/// How many references are followed from a function or variable to what declares it. Real chains have three at most.
pub(super) const LONGEST_CHAIN: usize = 16;

/// How many scopes a qualified name has; what is further out is left off.
pub(super) const DEEPEST_SCOPES: usize = 256;

/// Something that a file asks for more of than it can honestly need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// Bytes of names.
    Names,
    /// Ranges of code.
    Ranges,
    /// Parameters of functions.
    Parameters,
    /// Attributes of one entry.
    Attributes,
    /// Types inside types.
    Nesting,
    /// Types at all.
    Types,
}

impl std::fmt::Display for Excess {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Excess::Names => "names share their bytes so often that they are longer than the file allows for",
            Excess::Ranges => "functions have more ranges of code than there is room for in the file",
            Excess::Parameters => "functions have more parameters than there is room for in the file",
            Excess::Attributes => "an entry has more than 256 attributes",
            Excess::Nesting => "types are nested in each other more than 64 deep",
            Excess::Types => "there are more than 4 billion types",
        })
    }
}

/// What is left, shared by all threads. The sum decides, not who comes first: a load fails on every run or on none.
#[derive(Debug)]
pub(super) struct Budget {
    names: Counter,
    ranges: Counter,
    parameters: Counter,
}

#[derive(Debug)]
struct Counter {
    used: AtomicU64,
    limit: u64,
}

impl Counter {
    fn new(limit: u64) -> Counter {
        Counter { used: AtomicU64::new(0), limit }
    }

    fn take(&self, amount: u64, of: Excess) -> Result<(), Excess> {
        let before = self.used.fetch_add(amount, Relaxed);
        if before.saturating_add(amount) > self.limit { Err(of) } else { Ok(()) }
    }
}

impl Budget {
    /// `units`: bytes of all units.
    pub(super) fn new(units: u64) -> Budget {
        // An entry with a name takes 3 bytes or more. Names of Rust and C++ have some hundred bytes on average.
        Budget {
            names: Counter::new(units.saturating_mul(128).saturating_add(1 << 24)),
            ranges: Counter::new(units.saturating_add(1 << 16)),
            parameters: Counter::new(units.saturating_add(1 << 16)),
        }
    }

    pub(super) fn names(&self, bytes: u64) -> Result<(), Excess> {
        self.names.take(bytes, Excess::Names)
    }

    pub(super) fn ranges(&self, count: u64) -> Result<(), Excess> {
        self.ranges.take(count, Excess::Ranges)
    }

    pub(super) fn parameters(&self, count: u64) -> Result<(), Excess> {
        self.parameters.take(count, Excess::Parameters)
    }
}
