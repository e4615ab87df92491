//! What is reached from some blocks, by all cores.
//!
//! As long as little is at hand it is gone through one by one, the last found first. When there is much, it is gone through in the order of
//! memory, in which the graph lies: a front is a bit for each block, so nothing is sorted. What is reached does not depend on the order.

use mcrx_tracer::marks::{Marks, numbers};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// From so many on, blocks are gone through in the order of memory.
const MANY: usize = 4096;
/// Words of a front that one thread goes through at a time.
const CHUNK: u32 = 64;

/// Says what each of `work` leads to, and what that leads to, but what is in `seen`; all of it is in `seen` then. `step`: what one leads to.
pub(super) fn flood(seen: &Marks, mut work: Vec<u32>, step: &(impl Fn(u32, &mut dyn FnMut(u32)) + Sync)) {
    while let Some(number) = work.pop() {
        step(number, &mut |to| {
            if seen.set(to) {
                work.push(to);
            }
        });
        if work.len() >= MANY {
            work = wide(seen, &work, step);
        }
    }
}

/// Returns what is left when there is little again.
fn wide(seen: &Marks, work: &[u32], step: &(impl Fn(u32, &mut dyn FnMut(u32)) + Sync)) -> Vec<u32> {
    let clear = || Marks::clear(seen.words().saturating_mul(Marks::WORD));
    let (mut front, mut next) = (clear(), clear());
    work.iter().for_each(|number| {
        front.set(*number);
    });
    loop {
        let found = AtomicU64::new(0);
        (0..front.words().div_ceil(CHUNK)).into_par_iter().for_each(|chunk| {
            let mut here = 0;
            let first = chunk * CHUNK;
            for word in first..(first + CHUNK).min(front.words()) {
                for number in numbers(word, front.take_word(word)) {
                    step(number, &mut |to| here += u64::from(seen.set(to) && next.set(to)));
                }
            }
            found.fetch_add(here, Ordering::Relaxed);
        });
        let found = usize::try_from(found.into_inner()).unwrap_or(usize::MAX);
        if found < MANY {
            return next.iter().collect();
        }
        std::mem::swap(&mut front, &mut next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each number leads to twice itself, and one more; and long chains.
    fn leads(number: u32, each: &mut dyn FnMut(u32)) {
        each(number * 2 % 100_003);
        each(number * 2 % 100_003 + 1);
        each(number + 3);
    }

    #[test]
    fn all_that_is_reached_is_reached_however_wide_the_front_is() {
        let (seen, expected) = (Marks::clear(200_000), Marks::clear(200_000));
        seen.set(1);
        flood(&seen, vec![1], &|number, each| {
            if number < 150_000 {
                leads(number, each)
            }
        });
        let mut work = vec![1];
        expected.set(1);
        while let Some(number) = work.pop() {
            if number < 150_000 {
                leads(number, &mut |to| {
                    if expected.set(to) {
                        work.push(to);
                    }
                });
            }
        }
        assert!(expected.count() > 100_000);
        assert!(seen.iter().eq(expected.iter()));
    }

    #[test]
    fn a_long_list_is_followed_to_its_end() {
        let seen = Marks::clear(1 << 20);
        seen.set(0);
        flood(&seen, vec![0], &|number, each| {
            if number + 1 < 1 << 20 {
                each(number + 1)
            }
        });
        assert_eq!(seen.count(), 1 << 20);
    }
}
