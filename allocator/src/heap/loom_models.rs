//! Contains `unsafe`: what loom runs its threads on.
//!
//! Heaps that are left and taken while other threads give blocks back to them.

use super::stage::{BLOCKS_PER_SLAB, Block, SIZE, Stage};
use super::*;
use crate::abi::FIRST_SLICE;
use crate::sync::watched::{forget, own, share};
use loom::thread::{JoinHandle, spawn};

/// Slices that models get by with.
const SLICES: u32 = 8;

// SAFETY: loom's threads take turns on one thread of the system.
unsafe impl Send for Stage {}

impl Stage {
    /// Another thread that frees `blocks`.
    fn freer(&self, blocks: &[Block]) -> JoinHandle<()> {
        let (stage, blocks) = (self.clone(), blocks.to_vec());
        spawn(move || blocks.into_iter().for_each(|block| stage.free(block)))
    }

    /// Before threads start: what they do from here on is watched.
    fn watch(&self, heaps: &[&Heap]) {
        let header = self.region.header();
        share(&header.lock);
        for field in [&header.idle_heaps, &header.spans, &header.heaps].into_iter().chain(&header.free_spans)
        {
            own(field);
        }
        own(&header.span_lists);
        heaps.iter().for_each(|heap| heap.watch());
        for slice in FIRST_SLICE..FIRST_SLICE + SLICES {
            let slab = Slab::at(self.region, slice);
            let d = slab.descriptor;
            share(&d.owner);
            share(&d.remote);
            share(&d.mailed);
            for field in [&d.local_free, &d.countdown, &d.next, &d.previous, &d.place, &d.mail_next] {
                own(field);
            }
            own(&d.list);
            if slab.word().kind() == Some(Kind::Slab) {
                for index in 1..=slab.shape().limit {
                    slab.tag(index).watch();
                }
            }
        }
    }
}

impl Heap {
    fn watch(&self) {
        share(&self.mailbox.0);
        share(&self.tenure);
        own(&self.spares);
        own(&self.spare_count);
        own(&self.next_idle);
        let class = usize::from(Class::of(SIZE).0);
        own(&self.bin(class).free);
        own(&self.bin(class).slab);
        own(&self.queue(class).head);
        own(&self.queue(class).tail);
    }
}

fn join<const N: usize>(threads: [JoinHandle<()>; N]) {
    for thread in threads {
        thread.join().unwrap();
    }
}

fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.max_branches = 10_000;
    // Three switches at any points, besides those where a thread has to wait, find nearly all there is to find (Musuvathi, Qadeer:
    // Iterative Context Bounding, 2007).
    model.preemption_bound = model.preemption_bound.or(Some(3));
    model.check(move || {
        forget();
        run();
    });
}

#[test]
fn blocks_that_others_free_come_back_to_the_owner_once() {
    model(|| {
        let stage = Stage::new();
        let heap = stage.claim();
        let (full, current) = (stage.fill(heap), stage.fill(heap));
        stage.watch(&[heap]);
        let freers = [stage.freer(&full[..1]), stage.freer(&current[..1])];
        stage.malloc(heap);
        stage.malloc(heap);
        join(freers);
        // By others, so that the owner has to hear of it.
        full[1..].iter().for_each(|block| stage.free(*block));
        heap.leave();
        stage.end();
    });
}

#[test]
fn a_full_slab_is_not_lost_when_its_owner_leaves_while_others_free() {
    model(|| {
        let stage = Stage::new();
        let heap = stage.claim();
        let full = stage.fill(heap);
        stage.malloc(heap);
        stage.watch(&[heap]);
        let freers = [stage.freer(&full[..1]), stage.freer(&full[1..2])];
        heap.leave();
        join(freers);
        stage.end();
    });
}

#[test]
fn the_last_block_of_a_left_heap_gives_the_slab_back() {
    model(|| {
        let stage = Stage::new();
        let heap = stage.claim();
        let blocks = [stage.malloc(heap), stage.malloc(heap)];
        stage.watch(&[heap]);
        let freers = [stage.freer(&blocks[..1]), stage.freer(&blocks[1..])];
        heap.leave();
        join(freers);
        stage.end();
    });
}

#[test]
fn a_heap_that_changes_hands_while_others_free_loses_nothing() {
    model(|| {
        let stage = Stage::new();
        let heap = stage.claim();
        let full = stage.fill(heap);
        stage.malloc(heap);
        stage.watch(&[heap]);
        let freer = stage.freer(&full[..1]);
        let heir = {
            let stage = stage.clone();
            spawn(move || {
                let heap = stage.claim();
                stage.malloc(heap);
                heap.leave();
            })
        };
        heap.leave();
        join([freer, heir]);
        stage.end();
    });
}

#[test]
fn a_letter_that_is_older_than_the_slab_hides_no_later_one() {
    model(|| {
        let stage = Stage::new();
        let (first, second) = (stage.claim(), stage.claim());
        let full = stage.fill(first);
        let more = stage.fill(first);
        stage.malloc(first);
        stage.watch(&[first, second]);
        let freer = stage.freer(&full[..1]);
        // The slab empties by its owner's hand, and may be given back before the letter of the other thread is posted.
        for block in full[1..].iter().chain(&more) {
            stage.free_as(first.address(), *block);
        }
        first.trim();
        let again = stage.fill(second);
        stage.malloc(second);
        stage.free(again[0]);
        join([freer]);
        // Reads the old letter, if it is there, and passes on what it may have hidden.
        first.trim();
        for _ in 1..BLOCKS_PER_SLAB {
            stage.malloc(second);
        }
        assert_eq!(stage.malloc(second), again[0], "its new owner heard of the slab");
        first.leave();
        second.leave();
        stage.end();
    });
}

#[test]
fn an_owner_that_empties_a_slab_while_others_free_into_it_gives_it_back_once() {
    model(|| {
        let stage = Stage::new();
        let heap = stage.claim();
        let full = stage.fill(heap);
        stage.malloc(heap);
        stage.watch(&[heap]);
        let freers = [stage.freer(&full[..1]), stage.freer(&full[1..2])];
        for block in &full[2..] {
            stage.free_as(heap.address(), *block);
        }
        heap.trim();
        join(freers);
        heap.leave();
        stage.end();
    });
}

#[test]
fn a_letter_that_is_older_than_the_slab_hides_no_later_one_in_a_heap_that_is_left() {
    model(|| {
        let stage = Stage::new();
        let (first, second) = (stage.claim(), stage.claim());
        let full = stage.fill(first);
        let other = stage.malloc(first);
        stage.watch(&[first, second]);
        let late = stage.freer(&full[..1]);
        for block in full[1..].iter().chain([&other]) {
            stage.free_as(first.address(), *block);
        }
        first.trim();
        let again = stage.fill(second);
        stage.malloc(second);
        let freer = stage.freer(&again[..1]);
        first.leave();
        join([late, freer]);
        for _ in 1..BLOCKS_PER_SLAB {
            stage.malloc(second);
        }
        assert_eq!(stage.malloc(second), again[0], "its new owner heard of the slab");
        second.leave();
        stage.end();
    });
}
