//! Newtypes for what is counted in another process.

use std::fmt;

/// An address in the process (or snapshot) that is read. Never a pointer: nothing here can follow it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Address(pub u64);

impl Address {
    /// The address `bytes` further on, if there is one.
    #[must_use]
    pub const fn checked_add(self, bytes: u64) -> Option<Address> {
        match self.0.checked_add(bytes) {
            Some(address) => Some(Address(address)),
            None => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:#x}", self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// Which version of the program a region belongs to, as `MCRX_EPOCH` said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

/// How often owners of a region's heaps have vanished without a word (forks of a threaded process, updates).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Era(pub u32);

/// Which life of its address a block is, modulo 2^24: address and generation name a block across snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u32);

/// A number that each block of one [`Heap`](super::Heap) has to itself, below [`Heap::slots`](super::Heap::slots): for side tables.
/// It means nothing to another reading of the same process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);
