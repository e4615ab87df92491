//! Threads that give blocks back to one slab, and the owner who takes them.

use super::*;
use crate::sync::watched::{forget, own, share};
use loom::sync::Arc;
use loom::thread;

/// A slab's word and its links.
struct Stage {
    word: AtomicU64,
    links: [AtomicU64; 4],
}

impl Stage {
    fn new(target: u32) -> Arc<Stage> {
        forget();
        let stage = Arc::new(Stage { word: AtomicU64::new(0), links: Default::default() });
        stage.remote().reset(target);
        share(&stage.word);
        stage.links.iter().for_each(own);
        stage
    }

    fn remote(&self) -> Remote<'_> {
        Remote(&self.word)
    }

    fn push(&self, block: u32) -> bool {
        self.remote().push(block, |next| self.links[block as usize].set(u64::from(next)))
    }

    /// Takes everything, and counts each block in `seen`.
    fn take(&self, seen: &mut [u32; 4]) {
        let stack = self.remote().take();
        let (mut block, mut count) = (stack.first, 0);
        while block != 0 {
            seen[block as usize] += 1;
            count += 1;
            block = u32::try_from(self.links[block as usize].get()).unwrap();
        }
        assert_eq!(count, stack.count);
    }
}

#[test]
fn every_block_pushed_is_taken_once() {
    loom::model(|| {
        let stage = Stage::new(0);
        let pushers = [1, 2].map(|block| {
            let stage = stage.clone();
            thread::spawn(move || stage.push(block))
        });
        let mut seen = [0; 4];
        stage.take(&mut seen);
        for pusher in pushers {
            assert!(!pusher.join().unwrap(), "nobody asked to be told");
        }
        stage.take(&mut seen);
        assert_eq!(seen, [0, 1, 1, 0]);
    });
}

#[test]
fn one_push_of_several_reaches_the_target() {
    loom::model(|| {
        let stage = Stage::new(2);
        let pushers = [1, 2].map(|block| {
            let stage = stage.clone();
            thread::spawn(move || stage.push(block))
        });
        let told = stage.push(3);
        let told = pushers.map(|pusher| pusher.join().unwrap()).into_iter().filter(|told| *told).count()
            + usize::from(told);
        assert_eq!(told, 1);
    });
}

#[test]
fn a_target_set_while_others_push_is_either_refused_or_reached_by_one_of_them() {
    loom::model(|| {
        let stage = Stage::new(0);
        let pushers = [1, 2].map(|block| {
            let stage = stage.clone();
            thread::spawn(move || stage.push(block))
        });
        let armed = stage.remote().arm(2);
        let told = pushers.map(|pusher| pusher.join().unwrap()).into_iter().filter(|told| *told).count();
        assert_eq!(told, usize::from(armed));
    });
}

#[test]
fn a_slab_that_is_declared_full_hears_of_the_next_block() {
    loom::model(|| {
        let stage = Stage::new(0);
        let pushers = [1, 2].map(|block| {
            let stage = stage.clone();
            thread::spawn(move || stage.push(block))
        });
        let mut seen = [0; 4];
        let armed = loop {
            if stage.remote().arm_if_empty(1) {
                break true;
            }
            stage.take(&mut seen);
            if seen == [0, 1, 1, 0] {
                break false;
            }
        };
        let told = pushers.map(|pusher| pusher.join().unwrap()).into_iter().filter(|told| *told).count();
        assert_eq!(told, usize::from(armed && seen != [0, 1, 1, 0]));
        stage.take(&mut seen);
        assert_eq!(seen, [0, 1, 1, 0]);
    });
}
