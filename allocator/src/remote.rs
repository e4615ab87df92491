//! The word by which threads give blocks back to a slab that is not theirs.
//!
//! ```text
//!   63    60 59          40 39          20 19           0
//!  +--------+--------------+--------------+--------------+
//!  | 0      | target       | count        | first block  |
//!  +--------+--------------+--------------+--------------+
//! ```
//!
//! A Treiber stack of blocks, linked through their tags, with its length in the same word. Only whole stacks are ever taken
//! off, so there is no ABA. Whoever brings the count to the target must act on it: that is how a full slab's owner hears
//! that it has room again, and how an ownerless slab is given back with its last block. Target 0: nobody needs to hear.

use crate::sync::{AtomicU64, Field, Ordering};

#[cfg(all(test, loom))]
mod loom_models;

const BITS: u32 = 20;
const MASK: u64 = (1 << BITS) - 1;

/// A stack as it was at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stack {
    /// First block; 0 if empty.
    pub(crate) first: u32,
    /// Blocks in it.
    pub(crate) count: u32,
    /// The count at which somebody must act; 0 for never.
    pub(crate) target: u32,
}

impl Stack {
    fn unpack(word: u64) -> Self {
        Stack {
            first: (word & MASK) as u32,
            count: (word >> BITS & MASK) as u32,
            target: (word >> (2 * BITS) & MASK) as u32,
        }
    }

    fn pack(self) -> u64 {
        u64::from(self.first) | u64::from(self.count) << BITS | u64::from(self.target) << (2 * BITS)
    }
}

/// View of a descriptor's `remote` word.
pub(crate) struct Remote<'a>(pub(crate) &'a AtomicU64);

impl Remote<'_> {
    /// Pushes `block`; `link` is told the block that will be behind it, before the push can be seen. Returns whether
    /// this push reached the target, which happens once per [`take`](Self::take) or [`arm`](Self::arm).
    #[inline]
    pub(crate) fn push(&self, block: u32, link: impl Fn(u32)) -> bool {
        let mut seen = self.0.get();
        loop {
            let stack = Stack::unpack(seen);
            link(stack.first);
            let pushed = Stack { first: block, count: stack.count + 1, target: stack.target };
            // Release: whoever takes the stack sees the links.
            match self.0.compare_exchange_weak(seen, pushed.pack(), Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return pushed.count == pushed.target,
                Err(now) => seen = now,
            }
        }
    }

    /// Whether nothing waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        Stack::unpack(self.0.get()).count == 0
    }

    /// Whether somebody must act, or is about to.
    pub(crate) fn has_reached_target(&self) -> bool {
        let stack = Stack::unpack(self.0.get());
        stack.target != 0 && stack.count >= stack.target
    }

    /// Takes everything, and disarms.
    pub(crate) fn take(&self) -> Stack {
        Stack::unpack(self.0.swap(0, Ordering::Acquire))
    }

    /// Sets the target if nothing waits; says whether it could.
    pub(crate) fn arm_if_empty(&self, target: u32) -> bool {
        let seen = self.0.get();
        let stack = Stack::unpack(seen);
        stack.count == 0
            && self
                .0
                .compare_exchange(
                    seen,
                    Stack { target, ..stack }.pack(),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok()
    }

    /// Sets the target unless the count has reached it already; says whether it could.
    pub(crate) fn arm(&self, target: u32) -> bool {
        let mut seen = self.0.get();
        loop {
            let stack = Stack::unpack(seen);
            if stack.count >= target {
                return false;
            }
            let armed = Stack { target, ..stack }.pack();
            match self.0.compare_exchange_weak(seen, armed, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// Starts anew, when no other thread can push.
    pub(crate) fn reset(&self, target: u32) {
        self.0.set(Stack { first: 0, count: 0, target }.pack());
    }
}
