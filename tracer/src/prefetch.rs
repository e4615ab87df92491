//! Contains `unsafe`: memory that will soon be needed, asked for.
//!
//! Marking is a walk through more memory than any cache holds, and nearly all of its time is waiting. What is found is therefore put
//! into a short queue, and what it will need is asked for at once: when its turn comes, it is there.

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
use std::collections::VecDeque;

/// Bytes that come at once.
const LINE: usize = 64;
/// Lines of an object that are asked for: the hardware sees by itself that more are read.
const LINES: usize = 2;

/// Asks for the line in which something begins.
#[inline]
pub(crate) fn prefetch<T>(place: &T) {
    // SAFETY: a prefetch is a hint: it reads nothing and faults on no address; this one comes from a reference.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(place).cast()) }
}

/// Asks for the first lines of some bytes.
#[inline]
pub(crate) fn prefetch_bytes(bytes: &[u8]) {
    bytes.iter().step_by(LINE).take(LINES).for_each(prefetch);
}

/// Things whose turn has not come.
pub(crate) struct Queue<T>(VecDeque<T>);

/// How many wait: as many loads as a core has under way at a time, and some.
const DEPTH: usize = 16;

impl<T> Queue<T> {
    pub(crate) fn new() -> Queue<T> {
        Queue(VecDeque::with_capacity(DEPTH + 1))
    }

    /// Adds one; returns the one whose turn it is.
    #[inline]
    pub(crate) fn push(&mut self, item: T) -> Option<T> {
        self.0.push_back(item);
        if self.0.len() > DEPTH { self.0.pop_front() } else { None }
    }

    /// The one that waits longest.
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.0.pop_front()
    }
}
