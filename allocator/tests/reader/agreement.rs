//! What the reader says of whole heaps, against what was put there and against a second reader.

use crate::forge::{Decisions, Forged, Forgery};
use crate::{DECISIONS, blocks, naive, random_bytes, read};
use mcrx_allocator::abi::{ARENA_BASE, Header, REGION_SIZE};
use mcrx_allocator::reader::{Address, Consistency, Heap, Limits, Place, Sites, Slot};
use std::collections::HashSet;
use std::mem::offset_of;

const HEAPS: u64 = 150;

fn on_many_heaps(check: impl Fn(&Forgery, &Heap, &mut Decisions<'_>)) {
    for seed in 0..HEAPS {
        let bytes = random_bytes(seed, DECISIONS);
        let mut decisions = Decisions(&bytes);
        let forgery = Forgery::new(&mut decisions);
        let heap = read(&forgery).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        check(&forgery, &heap, &mut decisions);
    }
}

#[test]
fn every_block_is_seen_as_it_was_made_and_no_other() {
    on_many_heaps(|forgery, heap, _| {
        assert_eq!(blocks(heap), forgery.blocks);
        assert_eq!(heap.torn(), 0);
    });
}

#[test]
fn a_naive_reader_sees_the_same() {
    on_many_heaps(|forgery, heap, _| {
        assert_eq!(Some(blocks(heap)), naive::enumerate(&forgery.memory, forgery.base));
    });
}

#[test]
fn every_word_is_classified_as_a_search_through_all_blocks_would() {
    on_many_heaps(|forgery, heap, decisions| {
        let mut words = vec![0, 1, u64::MAX, forgery.base, forgery.base - 1, forgery.base + REGION_SIZE];
        for block in &forgery.blocks {
            let end = block.address + block.usable;
            words.extend([block.address - 1, block.address, block.address + block.usable / 2, end - 1, end]);
        }
        let dealt_out = u64::from(forgery.high) << 16;
        words.extend((0..200).map(|_| forgery.base + decisions.u64() % (dealt_out + 0x1_0000)));
        for word in words {
            let holds = |block: &&Forged| word.checked_sub(block.address).is_some_and(|k| k < block.usable);
            let want = forgery.blocks.iter().find(holds);
            match (heap.classify(word), want) {
                (Place::Live { block, offset }, Some(want)) => {
                    assert_eq!(crate::forged(block), *want);
                    assert_eq!(block.address.0 + offset, word);
                }
                (Place::Free, None) => assert!(word.wrapping_sub(forgery.base) < REGION_SIZE, "{word:#x}"),
                (Place::Foreign, None) => {
                    assert!(word.wrapping_sub(forgery.base) >= REGION_SIZE, "{word:#x}")
                }
                (got, want) => panic!("{word:#x} is {got:?}, not {want:?}"),
            }
        }
    });
}

#[test]
fn slots_number_the_blocks() {
    on_many_heaps(|_, heap, _| {
        let slots: HashSet<_> = heap.blocks().map(|block| block.slot).collect();
        assert_eq!(slots.len(), heap.blocks().count());
        assert!(slots.iter().all(|slot| slot.0 < heap.slots()));
        for block in heap.blocks() {
            assert_eq!(heap.classify(block.address.0), Place::Live { block, offset: 0 });
        }
    });
}

#[test]
fn a_slot_leads_to_its_block_and_ranges_of_slots_to_all_of_theirs() {
    on_many_heaps(|_, heap, decisions| {
        let by_slot = (0..heap.slots() + 2).filter_map(|slot| heap.block(Slot(slot)));
        assert!(by_slot.eq(heap.blocks()));
        let mut end = || u32::try_from(decisions.u64() % u64::from(heap.slots() + 2)).unwrap();
        let mut ends: Vec<u32> = (0..5).map(|_| end()).collect();
        ends.extend([0, u32::MAX]);
        ends.sort_unstable();
        let ranges = ends.windows(2).flat_map(|ends| heap.blocks_in(ends[0]..ends[1]));
        assert!(ranges.eq(heap.blocks()));
    });
}

#[test]
fn every_site_of_a_block_is_found_with_its_frames() {
    on_many_heaps(|forgery, heap, _| {
        let sites = Sites::read(&forgery.memory, heap).unwrap();
        assert_eq!(sites.all().count() + 1, usize::try_from(forgery.sites).unwrap());
        for block in heap.blocks() {
            let Some(site) = sites.get(block.site) else {
                assert_eq!(block.site.id.0, 0);
                continue;
            };
            assert_eq!(site.address().0, 0x5555_0000_0000 + u64::from(block.site.id.0));
            assert!((1..=3).contains(&site.frames().len()));
            for frame in site.frames() {
                let Some(module) = frame.module else { continue };
                assert_eq!(module.build_id.len(), 20);
                assert!((module.start.0..=module.end.0).contains(&frame.address().0));
            }
        }
    });
}

#[test]
fn no_more_is_read_than_is_there_and_nothing_twice() {
    on_many_heaps(|forgery, _, _| {
        forgery.memory.take_read();
        read(forgery).unwrap();
        assert!(forgery.memory.take_read() <= forgery.memory.mapped());
    });
}

#[test]
fn regions_of_one_process_are_one_heap() {
    let mut pairs = 0;
    for seed in 0..HEAPS {
        let bytes = random_bytes(seed ^ 0x5EED_0000, 2 * DECISIONS);
        let (first, second) = bytes.split_at(DECISIONS);
        let [mut old, mut young] = [first, second].map(|bytes| Forgery::new(&mut Decisions(bytes)));
        if old.base == young.base {
            continue;
        }
        pairs += 1;
        // Placed blocks have the same addresses in every forgery.
        old.memory.write_u32(old.base + offset_of!(Header, placed) as u64, 0);
        old.blocks.retain(|block| block.address < PLACED);
        // As after a take-over.
        let place = (young.base - ARENA_BASE) / REGION_SIZE;
        old.memory.write_u64(old.base + offset_of!(Header, adopted) as u64, 1 << place);
        old.memory.write_u32(old.base + offset_of!(Header, draining) as u64, 0);
        young.memory.write_u32(young.base + offset_of!(Header, draining) as u64, 1);
        let mut memory = old.memory.clone();
        memory.overlay(&young.memory);

        let bases = [Address(young.base), Address(old.base)];
        let heap = Heap::read(&memory, &bases, Consistency::Stopped, Limits::default()).unwrap();
        let home = heap.home().expect("one does not drain").header();
        assert_eq!(home.base, Address(old.base));
        assert_eq!(home.adopted().collect::<Vec<_>>(), [Address(young.base)]);
        let mut want = [old.blocks, young.blocks].concat();
        want.sort();
        assert_eq!(blocks(&heap), want);
        let slots: HashSet<_> = heap.blocks().map(|block| block.slot).collect();
        assert!(slots.len() == want.len() && slots.iter().all(|slot| slot.0 < heap.slots()));
        let sites = Sites::read(&memory, &heap).unwrap();
        for block in heap.blocks() {
            assert_eq!(heap.classify(block.address.0), Place::Live { block, offset: 0 });
            // Site numbers mean something within their region only.
            assert_eq!(sites.get(block.site).is_none(), block.site.id.0 == 0);
            let in_region = block.address.0.wrapping_sub(block.site.region.0) < REGION_SIZE;
            assert!(in_region || block.address.0 >= PLACED);
        }
    }
    assert!(pairs > HEAPS / 2);
}

/// Above it are the placed blocks of a forgery.
const PLACED: u64 = 0x6000_0000_0000;
