//! Memory that changes under the reader's hands.

use crate::forge::{Decisions, Forgery};
use crate::sparse::Sparse;
use crate::{DECISIONS, random_bytes};
use mcrx_allocator::reader::{Address, Consistency, Heap, Limits, Memory, Piece, Unreadable};
use std::cell::RefCell;

/// After each look, something is different.
struct Restless {
    forgery: RefCell<Forgery>,
    decisions: RefCell<Decisions<'static>>,
}

impl Memory for Restless {
    fn read(&self, address: Address, buffer: &mut [u8]) -> Result<(), Unreadable> {
        let read = self.forgery.borrow().memory.read(address, buffer);
        self.forgery.borrow_mut().damage(&mut self.decisions.borrow_mut());
        read
    }

    fn read_many(&self, pieces: &mut [Piece<'_>]) -> Result<(), Unreadable> {
        pieces.iter_mut().try_for_each(|piece| self.read(piece.address, piece.buffer))
    }
}

#[test]
fn memory_that_changes_between_two_looks_is_read_with_gaps_or_refused() {
    let mut read = 0;
    for seed in 0..500 {
        let bytes = random_bytes(seed ^ 0xABCD_0000, 2 * DECISIONS).leak();
        let mut decisions = Decisions(bytes);
        let forgery = RefCell::new(Forgery::new(&mut decisions));
        let base = Address(forgery.borrow().base);
        let memory = Restless { forgery, decisions: RefCell::new(decisions) };
        if let Ok(heap) = Heap::read(&memory, &[base], Consistency::Running, Limits::default()) {
            // Whatever was seen is sound in itself.
            heap.blocks()
                .for_each(|block| assert!(block.requested <= block.usable, "seed {seed}: {block:?}"));
            read += 1;
        }
    }
    assert!(read > 50, "only {read} could be read at all");
}

#[test]
fn a_slab_that_was_given_back_meanwhile_counts_as_torn_and_the_others_are_read() {
    let mut checked = 0;
    for seed in 0..100 {
        let bytes = random_bytes(seed, DECISIONS);
        let mut forgery = Forgery::new(&mut Decisions(&bytes));
        let first_slice = forgery.base + mcrx_allocator::abi::DATA_OFFSET;
        let in_region = |page: &u64| *page >= first_slice && *page < first_slice + (1 << 32);
        let Some(tags) = forgery.memory.pages().into_iter().find(in_region) else { continue };
        forgery.memory.unmap(tags / 4096);
        let bases = [Address(forgery.base)];
        let stopped = Heap::read(&forgery.memory, &bases, Consistency::Stopped, Limits::default());
        assert!(stopped.is_err(), "seed {seed}");
        let running = Heap::read(&forgery.memory, &bases, Consistency::Running, Limits::default()).unwrap();
        assert_eq!(running.torn(), 1, "seed {seed}");
        let slab = tags & !0xFFFF;
        let left: Vec<_> =
            forgery.blocks.iter().filter(|b| b.address < slab || b.address >= slab + 0x8_0000).collect();
        let seen = crate::blocks(&running);
        assert!(left.iter().all(|block| seen.contains(block)), "seed {seed}");
        checked += 1;
    }
    assert!(checked > 50, "only {checked} heaps had slabs");
}

#[test]
fn memory_of_a_process_that_has_ended_is_an_error_however_it_is_read() {
    struct Gone(Sparse);
    impl Memory for Gone {
        fn read(&self, address: Address, buffer: &mut [u8]) -> Result<(), Unreadable> {
            let gone = mcrx_allocator::reader::Why::Gone;
            self.0.read(address, buffer).map_err(|unreadable| Unreadable { why: gone, ..unreadable })
        }
    }
    let bytes = random_bytes(3, DECISIONS);
    let forgery = Forgery::new(&mut Decisions(&bytes));
    let mut memory = forgery.memory.clone();
    for page in memory.pages() {
        if page > forgery.base + (8 << 30) && page < forgery.base + (16 << 30) {
            memory.unmap(page / 4096);
        }
    }
    for consistency in [Consistency::Stopped, Consistency::Running] {
        let error =
            Heap::read(&Gone(memory.clone()), &[Address(forgery.base)], consistency, Limits::default());
        let text = error.map(|_| ()).unwrap_err().to_string();
        assert!(text.ends_with("the process has ended"), "{text}");
    }
}
