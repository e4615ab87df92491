//! Heaps with a few words wrong: read or refused, never trusted, never the end of the reader.
//!
//! The fuzzer (`fuzz/`) does the same with decisions of its own.

use crate::forge::{Decisions, Forgery};
use crate::{DECISIONS, blocks, naive, random_bytes, read};
use mcrx_allocator::reader::{Address, BlockFault, Consistency, Error, Heap, Limits, Sites};

const HEAPS: u64 = 1500;

fn on_many_damaged_heaps(mut check: impl FnMut(u64, &Forgery)) {
    for seed in 0..HEAPS {
        let bytes = random_bytes(!seed, DECISIONS);
        let mut decisions = Decisions(&bytes);
        let mut forgery = Forgery::new(&mut decisions);
        forgery.damage(&mut decisions);
        check(seed, &forgery);
    }
}

#[test]
fn a_damaged_heap_is_refused_or_read_exactly_as_the_naive_reader_does() {
    let (mut refused, mut taken) = (0, 0);
    on_many_damaged_heaps(|seed, forgery| {
        match (read(forgery), naive::enumerate(&forgery.memory, forgery.base)) {
            (Ok(heap), Some(want)) => {
                assert_eq!(blocks(&heap), want, "seed {seed}");
                taken += 1;
            }
            (Err(_), None) => refused += 1,
            (Ok(_), None) => panic!("seed {seed}: should be refused"),
            (Err(error), Some(_)) => panic!("seed {seed}: should not be refused: {error}"),
        }
    });
    assert!(
        refused > HEAPS / 8 && taken > HEAPS / 8,
        "{refused} refused, {taken} taken: the damage teaches nothing"
    );
}

#[test]
fn what_is_read_of_a_damaged_heap_is_bounded_by_what_is_there() {
    on_many_damaged_heaps(|seed, forgery| {
        forgery.memory.take_read();
        let _ = read(forgery);
        // The last read, the one that failed, may have asked for more than there is: 4 MiB of tags or 1 MiB of descriptors.
        let most = forgery.memory.mapped() + (6 << 20);
        assert!(forgery.memory.take_read() <= most, "seed {seed}");
    });
}

#[test]
fn a_running_heap_that_is_damaged_in_its_spans_or_tags_is_read_with_gaps() {
    let mut with_gaps = 0;
    on_many_damaged_heaps(|seed, forgery| {
        let bases = [Address(forgery.base)];
        let running = Heap::read(&forgery.memory, &bases, Consistency::Running, Limits::default());
        match (read(forgery), running) {
            (Ok(exact), Ok(running)) => {
                assert_eq!(blocks(&exact), blocks(&running), "seed {seed}");
                assert_eq!(running.torn(), 0, "seed {seed}");
            }
            // It may have been made since.
            (Err(Error::Block { fault: BlockFault::Site { .. }, .. }), Ok(_)) => {}
            (Err(Error::Span { .. } | Error::Block { .. }), Ok(running)) => {
                assert!(running.torn() > 0, "seed {seed}");
                with_gaps += 1;
            }
            // A page of tags that is missing is a slab that has been given back.
            (Err(Error::Unreadable { .. }), _) | (Err(_), Err(_)) => {}
            (exact, running) => panic!("seed {seed}: {exact:?} when stopped, {running:?} when running"),
        }
    });
    assert!(with_gaps > 10, "only {with_gaps} heaps had gaps");
}

#[test]
fn sites_of_a_damaged_heap_are_read_or_refused() {
    let (mut refused, mut taken) = (0, 0);
    on_many_damaged_heaps(|_, forgery| {
        let Ok(heap) = read(forgery) else { return };
        match Sites::read(&forgery.memory, &heap) {
            Ok(sites) => {
                taken += 1;
                let frames = sites.all().flat_map(|(_, site)| site.frames());
                frames.for_each(|frame| {
                    assert!(frame.module.is_none_or(|module| frame.address() <= module.end))
                });
            }
            Err(_) => refused += 1,
        }
    });
    assert!(refused > 10 && taken > 100, "{refused} refused, {taken} taken: the damage teaches nothing");
}
