//! The atomics under `cfg(loom)`: ordinary ones, some of which a model has put under loom's eyes.
//!
//! The heap's tables are zeroed memory found by address, which loom's own atomics cannot lie in. So each word stays where and what
//! it is, and a model names the words that matter to it before its threads start:
//! - [`share`]: any thread may use it; every order of accesses is tried, and every value that the orderings allow is read;
//! - [`own`]: one thread at a time, by the protocol under test; two accesses that nothing puts in order are a failure.
//!
//! All other words are as good as sequentially consistent, since a model's threads take turns on one thread of the system.

use super::Ordering;
use loom::thread::Thread;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

enum Watch {
    /// And who waits for the word to change.
    Shared(loom::sync::atomic::AtomicU64, RefCell<VecDeque<Thread>>),
    Owned(loom::cell::UnsafeCell<()>),
}

thread_local! {
    static WATCHED: RefCell<HashMap<usize, Rc<Watch>>> = RefCell::default();
}

fn watch_at(address: usize) -> Option<Rc<Watch>> {
    WATCHED.with_borrow(|watched| watched.get(&address).cloned())
}

fn insert(address: usize, watch: Watch) {
    WATCHED.with_borrow_mut(|watched| watched.insert(address, Rc::new(watch)));
}

/// Forgets all words: at the beginning of each execution.
pub(crate) fn forget() {
    WATCHED.with_borrow_mut(HashMap::clear);
}

/// A word of either width.
pub(crate) trait Word {
    fn address(&self) -> usize;
    fn unwatched(&self) -> u64;
}

/// Has loom try what threads can do to `word`.
pub(crate) fn share(word: &impl Word) {
    insert(
        word.address(),
        Watch::Shared(loom::sync::atomic::AtomicU64::new(word.unwatched()), RefCell::default()),
    );
}

/// Has loom check that `word` is used by one thread at a time.
pub(crate) fn own(word: &impl Word) {
    insert(word.address(), Watch::Owned(loom::cell::UnsafeCell::new(())));
}

/// `futex(2)`'s wait, among a model's threads: one that nobody wakes is a failure.
pub(crate) fn futex_wait(word: &impl Word, expected: u32) {
    let Some(watch) = watch_at(word.address()) else { return std::thread::yield_now() };
    let Watch::Shared(word, waiting) = &*watch else {
        unreachable!("a word that threads wait for is shared")
    };
    // In the row first: who changes the word from here on wakes us, before or after we sleep.
    waiting.borrow_mut().push_back(loom::thread::current());
    if word.load(Ordering::SeqCst) == u64::from(expected) {
        loom::thread::park();
    } else {
        waiting.borrow_mut().retain(|thread| thread.id() != loom::thread::current().id());
    }
}

/// `futex(2)`'s wake of one thread.
pub(crate) fn futex_wake(word: &impl Word) {
    if let Some(Watch::Shared(_, waiting)) = watch_at(word.address()).as_deref() {
        let first = waiting.borrow_mut().pop_front();
        if let Some(thread) = first {
            thread.unpark();
        }
    }
}

macro_rules! watched {
    ($name:ident, $int:ty) => {
        /// As the one of `core`, which it is unless a model watches it.
        #[derive(Debug, Default)]
        #[repr(transparent)]
        #[allow(unreachable_pub, reason = "a field of the structs of `abi`, which are public")]
        pub struct $name(core::sync::atomic::$name);

        impl Word for $name {
            fn address(&self) -> usize {
                self.0.as_ptr().addr()
            }

            fn unwatched(&self) -> u64 {
                u64::from(self.0.load(Ordering::Relaxed))
            }
        }

        impl $name {
            pub(crate) const fn new(value: $int) -> Self {
                Self(core::sync::atomic::$name::new(value))
            }

            pub(crate) const fn as_ptr(&self) -> *mut $int {
                self.0.as_ptr()
            }

            pub(crate) fn load(&self, order: Ordering) -> $int {
                match watch_at(self.address()).as_deref() {
                    Some(Watch::Shared(word, _)) => narrow(word.load(order)),
                    Some(Watch::Owned(cell)) => cell.with(|_| self.0.load(order)),
                    None => self.0.load(order),
                }
            }

            pub(crate) fn store(&self, value: $int, order: Ordering) {
                match watch_at(self.address()).as_deref() {
                    Some(Watch::Shared(word, _)) => word.store(u64::from(value), order),
                    Some(Watch::Owned(cell)) => cell.with_mut(|_| self.0.store(value, order)),
                    None => self.0.store(value, order),
                }
            }

            pub(crate) fn swap(&self, value: $int, order: Ordering) -> $int {
                match watch_at(self.address()).as_deref() {
                    Some(Watch::Shared(word, _)) => narrow(word.swap(u64::from(value), order)),
                    Some(Watch::Owned(cell)) => cell.with_mut(|_| self.0.swap(value, order)),
                    None => self.0.swap(value, order),
                }
            }

            pub(crate) fn compare_exchange(
                &self,
                seen: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                let exchange = || self.0.compare_exchange(seen, new, success, failure);
                match watch_at(self.address()).as_deref() {
                    Some(Watch::Shared(word, _)) => word
                        .compare_exchange(u64::from(seen), u64::from(new), success, failure)
                        .map(narrow)
                        .map_err(narrow),
                    Some(Watch::Owned(cell)) => cell.with_mut(|_| exchange()),
                    None => exchange(),
                }
            }

            /// Never fails without cause, which callers must not count on; loom tries no such failures either.
            pub(crate) fn compare_exchange_weak(
                &self,
                seen: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                self.compare_exchange(seen, new, success, failure)
            }

            pub(crate) fn fetch_add(&self, more: $int, order: Ordering) -> $int {
                debug_assert!(watch_at(self.address()).is_none(), "no model needs it");
                self.0.fetch_add(more, order)
            }

            pub(crate) fn fetch_and(&self, mask: $int, order: Ordering) -> $int {
                debug_assert!(watch_at(self.address()).is_none(), "no model needs it");
                self.0.fetch_and(mask, order)
            }
        }
    };
}

/// Back from loom's word to one of the width that was stored.
fn narrow<T: TryFrom<u64>>(value: u64) -> T {
    T::try_from(value).unwrap_or_else(|_| unreachable!("only words of this width are stored"))
}

watched!(AtomicU32, u32);
watched!(AtomicU64, u64);
