//! What pools hand out of blocks, as the reader sees it: recorded in this process, read from its memory.
//!
//! A test process has one heap, and tests are its threads: each looks at the parts of its own blocks.

use mcrx_allocator::abi::SLICE_SIZE;
use mcrx_allocator::reader::{
    Address, Block, Consistency, Heap, Limits, Memory, Place, Sites, Slot, Unreadable, Why, arena_bases, find,
};
use mcrx_allocator::{Caller, free, malloc, part_made, realloc};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::RwLock;

struct Own(File);

impl Memory for Own {
    fn read(&self, address: Address, buffer: &mut [u8]) -> Result<(), Unreadable> {
        let unreadable = Unreadable { address, len: buffer.len(), why: Why::NotMapped };
        self.0.read_exact_at(buffer, address.0).map_err(|_| unreadable)
    }
}

/// Tests change the heap with this shared, and read it with this alone: then it holds still.
static HEAP: RwLock<()> = RwLock::new(());

fn changing<T>(change: impl FnOnce() -> T) -> T {
    let _shared = HEAP.read().unwrap();
    change()
}

fn read() -> (Heap, Sites) {
    let _alone = HEAP.write().unwrap();
    let memory = Own(File::open("/proc/self/mem").unwrap());
    let bases = find(&memory, &arena_bases(&std::fs::read("/proc/self/maps").unwrap()));
    let heap = Heap::read(&memory, &bases, Consistency::Stopped, Limits::default()).unwrap();
    let sites = Sites::read(&memory, &heap).unwrap();
    (heap, sites)
}

const CALLER: Caller = Caller { address: 0x7777_0000_1000, stack: 0 };

fn block(size: u64) -> u64 {
    changing(|| malloc(size, CALLER))
}

fn part(block: u64, offset: u64, size: u64) {
    changing(|| part_made(block + offset, size, Caller { address: 0x7777_0000_2000 + offset, stack: 0 }));
}

fn gone(block: u64) {
    changing(|| free(block, 0));
}

/// Offsets and sizes of the parts of the block at an address.
fn parts_of(heap: &Heap, address: u64) -> Vec<(u64, u64)> {
    let Place::Live { block, offset: 0 } = heap.classify_ordinary(address) else { panic!("no block there") };
    heap.parts_of(block.slot).map(|part| (part.address.0 - address, part.requested)).collect()
}

fn now(address: u64) -> Vec<(u64, u64)> {
    parts_of(&read().0, address)
}

#[test]
fn a_part_is_a_block_with_size_site_and_its_pools_generation() {
    let pool = block(512);
    part(pool, 80, 24);
    part(pool, 104, 100);
    let (heap, sites) = read();
    let Place::Live { block: whole, offset: 0 } = heap.classify(pool) else { panic!() };
    assert_eq!((whole.within, heap.first_part(whole.slot)), (None, Some(80)));
    let Place::Live { block: first, offset: 3 } = heap.classify(pool + 83) else { panic!() };
    assert_eq!((first.address.0, first.requested, first.usable), (pool + 80, 24, 24));
    assert_eq!((first.within, first.generation), (Some(whole.slot), whole.generation));
    assert_eq!(sites.get(first.site).unwrap().address().0, 0x7777_0000_2000 + 80);
    // Before the first part and behind the last is the pool's own.
    for inside in [0, 79, 204, 511] {
        assert_eq!(heap.classify(pool + inside), Place::Live { block: whole, offset: inside });
    }
    assert_eq!(heap.classify_ordinary(pool + 83), Place::Live { block: whole, offset: 83 });
    assert!(heap.block(first.slot) == Some(first) && first.slot.0 >= heap.ordinary_slots());
    assert!(heap.parts().any(|part| part == first) && heap.ordinary_blocks().any(|block| block == whole));
    assert!(heap.foresee(pool + 83).is_none());
    gone(pool);
}

#[test]
fn slots_ranges_and_blocks_agree_on_parts() {
    let pools: Vec<u64> = (0..20).map(|_| block(700)).collect();
    for (number, pool) in (1..).zip(&pools) {
        (0..number).for_each(|nth| part(*pool, 40 + nth * 16, 9));
    }
    let (heap, _) = read();
    let all: Vec<Block> = heap.blocks().collect();
    let by_slot: Vec<Block> = (0..heap.slots() + 2).filter_map(|slot| heap.block(Slot(slot))).collect();
    assert_eq!(all, by_slot);
    let middle = heap.ordinary_slots() + 7;
    let ranges = heap.blocks_in(0..middle).chain(heap.blocks_in(middle..heap.slots()));
    assert_eq!(all, ranges.collect::<Vec<_>>());
    for part in heap.parts() {
        let pool = heap.block(part.within.unwrap()).unwrap();
        assert!(heap.parts_of(pool.slot).any(|other| other == part));
        assert_eq!(heap.classify(part.address.0), Place::Live { block: part, offset: 0 });
    }
    for (number, pool) in (1usize..).zip(&pools) {
        assert_eq!(parts_of(&heap, *pool).len(), number);
    }
    pools.into_iter().for_each(gone);
}

#[test]
fn a_reset_drops_what_lies_at_the_new_part_and_behind() {
    let pool = block(1000);
    for offset in [100, 200, 300, 400] {
        part(pool, offset, 50);
    }
    part(pool, 300, 10);
    assert_eq!(now(pool), [(100, 50), (200, 50), (300, 10)]);
    part(pool, 90, 10);
    assert_eq!(now(pool), [(90, 10)]);
    gone(pool);
}

#[test]
fn a_part_inside_another_shows_that_the_pool_was_reset_unseen() {
    let pool = block(1000);
    part(pool, 100, 50);
    part(pool, 200, 100);
    part(pool, 250, 10);
    assert_eq!(now(pool), [(250, 10)]);
    gone(pool);
}

#[test]
fn a_part_may_have_no_bytes() {
    let pool = block(200);
    part(pool, 40, 0);
    part(pool, 48, 8);
    part(pool, 56, 0);
    let (heap, _) = read();
    assert_eq!(parts_of(&heap, pool), [(40, 0), (48, 8), (56, 0)]);
    let Place::Live { block, offset: 56 } = heap.classify(pool + 56) else { panic!() };
    assert_eq!(block.address.0, pool, "nothing is in a part without bytes");
    gone(pool);
}

#[test]
fn a_freed_blocks_parts_are_gone_and_its_place_begins_anew() {
    let pool = block(300);
    part(pool, 64, 8);
    gone(pool);
    // The thread's own bin gives the same place back.
    let again = block(300);
    assert_eq!(again, pool);
    assert_eq!(now(again), []);
    part(again, 128, 16);
    assert_eq!(now(again), [(128, 16)]);
    gone(again);
}

#[test]
fn a_block_that_moves_leaves_its_parts_behind() {
    let pool = block(300);
    part(pool, 64, 8);
    let moved = changing(|| realloc(pool, 3000, CALLER).unwrap());
    assert_ne!(moved, pool);
    assert_eq!(now(moved), []);
    gone(moved);
}

#[test]
fn large_blocks_have_parts_too_and_as_many_as_they_hold() {
    let size = 3 * SLICE_SIZE + 17;
    let pool = block(size);
    let count = (size - 64) / 16;
    (0..count).for_each(|nth| part(pool, 64 + nth * 16, 12));
    let parts = now(pool);
    assert_eq!(parts.len() as u64, count);
    assert!((0..).zip(parts).all(|(nth, part)| part == (64 + nth * 16, 12)));
    gone(pool);
    let next = block(size);
    assert_eq!(now(next), []);
    gone(next);
}

#[test]
fn what_is_no_part_of_a_block_of_ours_is_left_alone() {
    let pool = block(100);
    let local = 0u64;
    let here = (&raw const local).addr() as u64;
    changing(|| part_made(here, 8, CALLER));
    changing(|| part_made(0, 8, CALLER));
    part(pool, 0, 100);
    part(pool, 90, 1000);
    part(pool, 90, u64::MAX - 5);
    assert_eq!(now(pool), []);
    gone(pool);
    changing(|| part_made(pool + 16, 8, CALLER));
    let again = block(100);
    assert_eq!((again, now(again)), (pool, vec![]));
    gone(again);
}

#[test]
fn tables_are_no_blocks_and_go_with_the_slabs() {
    let round = || {
        let pools: Vec<u64> = (0..2000).map(|_| block(500)).collect();
        for pool in &pools {
            (0..20).for_each(|nth| part(*pool, 20 + nth * 24, 24));
        }
        let (heap, _) = read();
        assert!(pools.iter().all(|pool| parts_of(&heap, *pool).len() == 20));
        pools.into_iter().for_each(gone);
        heap.regions().iter().map(|region| region.dealt_out()).sum::<u64>()
    };
    round();
    let second = round();
    let rounds: Vec<u64> = (0..10).map(|_| round()).collect();
    // Other tests make blocks meanwhile, but no more than a few slices of them.
    let most = second + 64 * SLICE_SIZE;
    assert!(rounds.iter().all(|dealt_out| *dealt_out <= most), "{second} {rounds:?}");
}

#[test]
fn threads_with_pools_of_their_own_do_not_disturb_each_other() {
    let pools: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread: u64| {
                scope.spawn(move || {
                    let mut pools = Vec::new();
                    for round in 0..200 {
                        let pool = block(400 + thread * 8);
                        (0..(round % 20) + 1).for_each(|nth| part(pool, 32 + nth * 16, thread + 1));
                        match round % 3 {
                            0 => pools.push(pool),
                            _ => gone(pool),
                        }
                    }
                    pools
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (heap, _) = read();
    for (thread, pools) in (0..).zip(&pools) {
        for (kept, pool) in (0u64..).zip(pools) {
            let want = (0..(kept * 3 % 20) + 1).map(|nth| (32 + nth * 16, thread + 1)).collect::<Vec<_>>();
            assert_eq!(parts_of(&heap, *pool), want);
        }
    }
    pools.into_iter().flatten().for_each(gone);
}
