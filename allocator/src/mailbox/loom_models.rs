//! Threads that post slabs to one heap, and the owner who reads.

use super::*;
use crate::sync::watched::{forget, own, share};
use loom::sync::Arc;
use loom::thread;

/// A mailbox, and slabs that somebody may have left word in.
struct Stage {
    word: AtomicU32,
    mailed: [AtomicU32; 3],
    next: [AtomicU32; 3],
    /// What a poster has done to a slab before it posts it.
    left: [AtomicU32; 3],
}

impl Stage {
    fn new() -> Arc<Stage> {
        forget();
        let stage = Arc::new(Stage {
            word: AtomicU32::new(0),
            mailed: Default::default(),
            next: Default::default(),
            left: Default::default(),
        });
        share(&stage.word);
        stage.mailed.iter().for_each(share);
        stage.next.iter().for_each(own);
        stage.left.iter().for_each(share);
        stage
    }

    fn letter(&self, slab: u32) -> Letter<'_> {
        Letter { mailed: &self.mailed[slab as usize], next: &self.next[slab as usize] }
    }

    /// Leaves word in a slab, and posts it.
    fn post(&self, slab: u32) {
        self.left[slab as usize].set(1);
        Mailbox(&self.word).post(slab, &self.letter(slab), 1);
    }

    /// Reads all; says for which slabs it found word.
    fn read(&self, found: &mut [u32; 3]) {
        let mut slab = Mailbox(&self.word).take();
        let mut letters = 0;
        while slab != 0 {
            letters += 1;
            assert!(letters <= 2, "a slab is in the mailbox twice");
            let next = Mailbox::open(&self.letter(slab));
            found[slab as usize] |= self.left[slab as usize].get();
            slab = next;
        }
    }
}

#[test]
fn what_was_left_before_a_post_is_found_by_reading() {
    loom::model(|| {
        let stage = Stage::new();
        let posters = [1, 2].map(|slab| {
            let stage = stage.clone();
            thread::spawn(move || stage.post(slab))
        });
        let mut found = [0; 3];
        stage.read(&mut found);
        for poster in posters {
            poster.join().unwrap();
        }
        stage.read(&mut found);
        assert_eq!(found, [0, 1, 1]);
        assert!(Mailbox(&stage.word).is_empty());
    });
}

#[test]
fn a_slab_that_two_threads_post_is_in_the_mailbox_once_and_neither_is_missed() {
    loom::model(|| {
        let stage = Stage::new();
        let posters = [1, 2].map(|bit| {
            let stage = stage.clone();
            thread::spawn(move || {
                // A word of its own, so that the reader can tell whose post it missed.
                stage.left[bit].set(1);
                Mailbox(&stage.word).post(1, &stage.letter(1), 1);
            })
        });
        let mut found = [0; 3];
        let mut read = || {
            let mut slab = Mailbox(&stage.word).take();
            while slab != 0 {
                let next = Mailbox::open(&stage.letter(slab));
                assert_ne!(next, slab, "the slab is behind itself");
                (1..3).for_each(|bit| found[bit] |= stage.left[bit].get());
                slab = next;
            }
        };
        read();
        for poster in posters {
            poster.join().unwrap();
        }
        read();
        assert_eq!(found, [0, 1, 1]);
    });
}
