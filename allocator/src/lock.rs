//! A futex mutex in a word of the region, for the rare paths: dealing out spans, heaps and new sites.
//!
//! Three states (Drepper, *Futexes Are Tricky*, section 5): free, held, held with waiters. It lies in the region, not in a
//! static, so that a next release's library takes over whatever it protects together with it.

#[cfg(loom)]
use crate::sync::watched::{futex_wait, futex_wake};
use crate::sync::{AtomicU32, Ordering};
#[cfg(not(loom))]
use crate::sys::{futex_wait, futex_wake};

const FREE: u32 = 0;
const HELD: u32 = 1;
const CONTENDED: u32 = 2;
/// Tries before the kernel is asked to wait: the sections are short.
const SPINS: u32 = if cfg!(loom) { 1 } else { 100 };

/// Holds a lock until dropped.
pub(crate) struct Guard<'a>(&'a AtomicU32);

/// Takes the lock in `word`, waiting as long as it takes.
pub(crate) fn lock(word: &AtomicU32) -> Guard<'_> {
    for _ in 0..SPINS {
        if word.compare_exchange_weak(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            return Guard(word);
        }
        core::hint::spin_loop();
    }
    while word.swap(CONTENDED, Ordering::Acquire) != FREE {
        futex_wait(word, CONTENDED);
    }
    Guard(word)
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if self.0.swap(FREE, Ordering::Release) == CONTENDED {
            futex_wake(self.0);
        }
    }
}

/// Frees a lock whose holder no longer exists, when no other thread runs.
pub(crate) fn reset(word: &AtomicU32) {
    word.store(FREE, Ordering::Release);
}
