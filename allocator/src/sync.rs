//! Shorthand for the atomics of the heap's tables, and the one place where they become the model checker's.
//!
//! Most fields have one writer at a time (the owning thread, or whoever holds a lock) and are atomics only because others
//! may look. `get` and `set` are relaxed: plain loads and stores on x86-64.

#[cfg(loom)]
#[allow(dead_code, reason = "only models watch anything")]
pub(crate) mod watched;

#[cfg(loom)]
pub(crate) use watched::{AtomicU32, AtomicU64};

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64};

pub(crate) use core::sync::atomic::Ordering;

/// Relaxed access to a field with one writer at a time.
pub(crate) trait Field<T> {
    /// Relaxed load.
    fn get(&self) -> T;
    /// Relaxed store.
    fn set(&self, value: T);
}

impl Field<u32> for AtomicU32 {
    #[inline(always)]
    fn get(&self) -> u32 {
        self.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn set(&self, value: u32) {
        self.store(value, Ordering::Relaxed);
    }
}

impl Field<u64> for AtomicU64 {
    #[inline(always)]
    fn get(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn set(&self, value: u64) {
        self.store(value, Ordering::Relaxed);
    }
}
