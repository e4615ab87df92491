//! Contains `unsafe`: unmapping a region.
//!
//! For tests: heaps of a region of their own, in the hands of whoever acts for their threads, and a record of what is in use.
//!
//! Slabs have seven blocks, so that few steps fill one. A test ends with all blocks freed and all heaps left, and then no span may
//! be in use: a slab that was lost on the way is one.

use super::Heap;
use crate::orphan;
use crate::region::Region;
use crate::settings::SETTINGS;
use crate::slab::Slab;
use crate::slow::{self, MIN_ALIGN, Request};
use crate::sync::Field;
use crate::thread;
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

/// Blocks of the largest class that has slabs of one slice.
pub(super) const SIZE: u64 = 8192;
pub(super) const BLOCKS_PER_SLAB: usize = 7;

/// A block in use: its slab and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Block {
    pub(super) slice: u32,
    pub(super) index: u32,
}

/// A region, and what is in use of it.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) region: Region,
    live: Rc<RefCell<HashSet<Block>>>,
}

impl Stage {
    pub(super) fn new() -> Stage {
        SETTINGS.purge_delay_ms.set(u32::MAX);
        let region = Region::create(None, 0).unwrap();
        orphan::set_up_shelf(region);
        Stage { region, live: Rc::default() }
    }

    /// A heap for whoever calls.
    pub(super) fn claim(&self) -> &'static Heap {
        thread::claim(self.region).unwrap()
    }

    pub(super) fn malloc(&self, heap: &Heap) -> Block {
        let request = Request { size: SIZE, align: MIN_ALIGN, zero: false };
        let address = slow::allocate_in(heap, request, 0).unwrap();
        let slab = Slab::at(self.region, self.region.slice(address));
        let offset = u32::try_from(address - self.region.slice_address(slab.slice)).unwrap();
        let (index, inside) = slab.shape().index(offset).unwrap();
        assert_eq!(inside, 0);
        let block = Block { slice: slab.slice, index };
        assert!(self.live.borrow_mut().insert(block), "{block:?} is handed out twice");
        block
    }

    /// A slab's worth of blocks. The slab is full, if those before it were.
    pub(super) fn fill(&self, heap: &Heap) -> Vec<Block> {
        (0..BLOCKS_PER_SLAB).map(|_| self.malloc(heap)).collect()
    }

    /// By a thread that has the heap at `own`, or none.
    pub(super) fn free_as(&self, own: u64, block: Block) {
        self.forget(block);
        slow::free_as(own, Slab::at(self.region, block.slice), block.index);
    }

    /// What became of a block is the caller's business.
    pub(super) fn forget(&self, block: Block) {
        assert!(self.live.borrow_mut().remove(&block), "{block:?} is not in use");
    }

    pub(super) fn free(&self, block: Block) {
        self.free_as(0, block);
    }

    /// Frees what is left, and then nothing may be left. Every heap has been left.
    pub(super) fn end(self) {
        let rest: Vec<Block> = self.live.borrow().iter().copied().collect();
        for block in rest {
            self.free(block);
        }
        assert_eq!(self.region.header().spans.get(), 0, "slabs are lost");
        // SAFETY: the threads that knew it have ended.
        unsafe { self.region.destroy() };
    }
}
