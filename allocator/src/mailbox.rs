//! Where a heap hears of slabs that other threads have given enough blocks back to.
//!
//! A Treiber stack of slabs in one word, linked through their descriptors; only ever emptied whole. A slab is in at most one
//! mailbox, once: `mailed` says so, set by whoever posts, cleared by the reader before it looks at the slab. What it is set to is
//! the region's *stamp*, another whenever threads vanish: what they had posted, or not quite, is in no mailbox then.

use crate::sync::{AtomicU32, Field, Ordering};

#[cfg(all(test, loom))]
mod loom_models;

/// View of a heap's mailbox word.
pub(crate) struct Mailbox<'a>(pub(crate) &'a AtomicU32);

/// View of the two fields of a descriptor that the mailbox uses.
pub(crate) struct Letter<'a> {
    pub(crate) mailed: &'a AtomicU32,
    pub(crate) next: &'a AtomicU32,
}

impl Mailbox<'_> {
    /// Posts slab `slice`, unless it is in a mailbox already. `stamp` is the region's.
    pub(crate) fn post(&self, slice: u32, letter: &Letter<'_>, stamp: u32) {
        if letter.mailed.swap(stamp, Ordering::AcqRel) == stamp {
            return;
        }
        let mut seen = self.0.get();
        loop {
            letter.next.set(seen);
            match self.0.compare_exchange_weak(seen, slice, Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.get() == 0
    }

    /// Makes it empty, when no other thread can be at it and all letters have a stamp of old.
    pub(crate) fn reset(&self) {
        if !self.is_empty() {
            self.0.set(0);
        }
    }

    /// Takes all; returns the first slab, 0 for none. Go on with [`open`](Self::open).
    pub(crate) fn take(&self) -> u32 {
        self.0.swap(0, Ordering::SeqCst)
    }

    /// Takes one letter from the row that [`take`](Self::take) began; returns the slab after it. The slab may be posted anew
    /// from here on.
    pub(crate) fn open(letter: &Letter<'_>) -> u32 {
        let next = letter.next.get();
        // AcqRel: what the poster did to the slab is seen by whoever opens the letter.
        letter.mailed.swap(0, Ordering::AcqRel);
        next
    }
}
