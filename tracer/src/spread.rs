//! Work that makes more work, until there is none left, by all cores.
//!
//! A worker goes on with what it found last, which is still in its cache. When it has plenty and a core is idle, the older half of what
//! it has goes there. The order is not determined: what comes of it must not depend on that.

use rayon::Scope;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Fewer items than this are not worth another core.
const PLENTY: usize = 256;
/// So many items are worked on before other cores are asked for: most rounds of work are short.
const ALONE: usize = 1024;

/// What does the work, and remembers what came of it.
pub(crate) trait Worker: Send {
    /// Something to be done.
    type Item: Send;

    /// Does it, now or when others have been given. What is to be done because of it goes to `more`.
    fn work(&mut self, item: Self::Item, more: &mut Vec<Self::Item>);

    /// Nothing else will be given unless `more` gets something: does what was put off.
    fn catch_up(&mut self, _more: &mut Vec<Self::Item>) {}
}

/// One item done. `None`: none is left.
#[inline]
fn step<W: Worker>(worker: &mut W, stack: &mut Vec<W::Item>) -> Option<()> {
    if stack.is_empty() {
        worker.catch_up(stack);
    }
    let item = stack.pop()?;
    worker.work(item, stack);
    Some(())
}

/// Does all of `front`, and what comes of it. Returns the workers, in no order; `start` makes them.
pub(crate) fn exhaust<W: Worker>(front: Vec<W::Item>, start: impl Fn() -> W + Sync) -> Vec<W> {
    let mut worker = start();
    let mut stack = front;
    for _ in 0..ALONE {
        if step(&mut worker, &mut stack).is_none() {
            return vec![worker];
        }
    }
    let crowd = Crowd {
        start,
        busy: AtomicUsize::new(1),
        most: rayon::current_num_threads(),
        done: Mutex::new(Vec::new()),
    };
    rayon::scope(|scope| crowd.go(scope, worker, stack));
    crowd.done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

struct Crowd<W, S> {
    start: S,
    busy: AtomicUsize,
    most: usize,
    done: Mutex<Vec<W>>,
}

impl<W: Worker, S: Fn() -> W + Sync> Crowd<W, S> {
    fn go<'s>(&'s self, scope: &Scope<'s>, mut worker: W, mut stack: Vec<W::Item>) {
        while step(&mut worker, &mut stack).is_some() {
            // Relaxed: one task too many or too few does no harm.
            if stack.len() >= PLENTY && self.busy.load(Ordering::Relaxed) < self.most {
                self.busy.fetch_add(1, Ordering::Relaxed);
                let older = stack.drain(..stack.len() / 2).collect();
                scope.spawn(move |scope| self.go(scope, (self.start)(), older));
            }
        }
        self.busy.fetch_sub(1, Ordering::Relaxed);
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Adder(u64);

    impl Worker for Adder {
        type Item = u64;

        fn work(&mut self, item: u64, more: &mut Vec<u64>) {
            self.0 += item;
            // A tree: 1 at its root, each number below the half of it twice.
            more.extend([item / 2; 2].into_iter().filter(|half| *half > 0));
        }
    }

    #[test]
    fn everything_is_done_once_whoever_does_it() {
        for front in [vec![], vec![1u64], vec![1 << 5], vec![1 << 16; 3]] {
            let expected: u64 = front.iter().map(|top| top * u64::from(top.ilog2() + 1)).sum();
            let sum: u64 = exhaust(front, || Adder(0)).iter().map(|adder| adder.0).sum();
            assert_eq!(sum, expected);
        }
    }
}
