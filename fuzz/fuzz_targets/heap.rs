//! Heaps that the fuzzer makes up, read by the reader and by the naive one of its tests: both refuse, or both see the same.
//!
//! The tests do the same with pseudo-random decisions, in seconds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcrx_allocator::reader::{Address, Consistency, Heap, Limits, Place, Sites};

#[path = "../../allocator/tests/reader/forge.rs"]
mod forge;
#[path = "../../allocator/tests/reader/naive.rs"]
mod naive;
#[path = "../../allocator/tests/reader/sparse.rs"]
mod sparse;

use forge::{Decisions, Forged, Forgery};

fuzz_target!(|bytes: &[u8]| {
    let mut decisions = Decisions(bytes);
    let mut forgery = Forgery::new(&mut decisions);
    while !decisions.0.is_empty() {
        forgery.damage(&mut decisions);
    }
    check(&forgery);
});

fn check(forgery: &Forgery) {
    let (memory, bases) = (&forgery.memory, [Address(forgery.base)]);
    let stopped = Heap::read(memory, &bases, Consistency::Stopped, Limits::default());
    let naive = naive::enumerate(memory, forgery.base);
    match (&stopped, &naive) {
        (Ok(heap), Some(want)) => {
            let mut blocks: Vec<Forged> = heap.blocks().map(forged).collect();
            blocks.sort();
            assert_eq!(blocks, *want);
            let _ = Sites::read(memory, heap);
            for block in heap.blocks() {
                let last = block.usable - 1;
                assert_eq!(heap.classify(block.address.0 + last), Place::Live { block, offset: last });
                let _ = heap.classify(block.address.0 + block.usable);
            }
        }
        (Err(_), None) => {}
        (Ok(_), None) => panic!("taken, and should be refused"),
        (Err(error), Some(_)) => panic!("refused, and should be taken: {error}"),
    }
    if let Ok(heap) = Heap::read(memory, &bases, Consistency::Running, Limits::default()) {
        heap.blocks().for_each(|block| assert!(block.requested <= block.usable));
        let _ = Sites::read(memory, &heap);
    }
}

fn forged(block: mcrx_allocator::reader::Block) -> Forged {
    Forged {
        address: block.address.0,
        requested: block.requested,
        usable: block.usable,
        site: block.site.id.0,
        generation: block.generation.0,
        whole: block.whole,
    }
}
