//! Real processes under the allocator, read from outside.

use crate::program::{Live, Program, Said, resume, stop};
use mcrx_allocator::reader::{Block, Consistency, Heap, Place, Sites};
use std::collections::BTreeMap;

/// The blocks that the program's own functions made, by address.
fn own_blocks(program: &Program, memory: &Live, heap: &Heap) -> BTreeMap<u64, Said> {
    let sites = Sites::read(memory, heap).expect("sites");
    let said = |block: Block| {
        let site = sites.get(block.site)?;
        let maker = program.maker_at(site.address())?.to_owned();
        assert_eq!(site.frames().len(), 1);
        let frame = site.frames().next().unwrap();
        assert_eq!(frame.address(), site.address());
        assert_eq!(frame.module.expect("the program is a module").build_id.len(), 20);
        Some((block.address.0, Said { maker, size: block.requested }))
    };
    heap.blocks().filter_map(said).collect()
}

#[test]
fn every_block_of_a_stopped_process_is_seen_with_its_size_and_its_maker() {
    let mut program = Program::start();
    program.tell("known");
    stop(program.pid());
    let memory = Live::of(program.pid());
    let heap = memory.heap(Consistency::Stopped).unwrap();
    assert_eq!(own_blocks(&program, &memory, &heap), program.blocks);
    assert_eq!(program.blocks.len(), 600 + 50 + 100 + 5 + 2 + 2 + 1 + 1);

    let whole = u64::from_str_radix(program.words("whole")[0], 16).unwrap();
    for block in heap.blocks() {
        assert_eq!(block.whole, block.address.0 == whole, "{block:?}");
        assert!(block.usable >= block.requested);
        for offset in [0, block.usable / 2, block.usable - 1] {
            let place = heap.classify(block.address.0 + offset);
            assert_eq!(place, Place::Live { block, offset });
        }
    }
    let home = heap.home().expect("a region").header();
    assert!(!home.draining && home.adopted().count() == 0 && home.epoch.0 == 0);
    assert_eq!(heap.classify(program.makers["make_small"]), Place::Foreign);
    assert_eq!(heap.classify(home.base.0), Place::Free);
}

#[test]
fn a_forked_child_has_its_parents_blocks_and_its_own() {
    let mut program = Program::start();
    program.tell("known");
    let before = program.blocks.clone();
    let child = program.fork();
    for pid in [child, program.pid()] {
        stop(pid);
    }
    let parent = Live::of(program.pid());
    let heap = parent.heap(Consistency::Stopped).unwrap();
    assert_eq!(own_blocks(&program, &parent, &heap), before);

    let mut of_child = program.blocks.clone();
    for freed in program.words("freed") {
        of_child.remove(&u64::from_str_radix(freed, 16).unwrap()).expect("it had that block");
    }
    assert_eq!(of_child.len(), before.len() + 10 - 300);
    let memory = Live::of(child);
    let heap = memory.heap(Consistency::Stopped).unwrap();
    assert_eq!(own_blocks(&program, &memory, &heap), of_child);
}

#[test]
fn a_million_blocks_are_all_seen() {
    let mut program = Program::start();
    program.tell("million");
    stop(program.pid());
    let memory = Live::of(program.pid());
    let heap = memory.heap(Consistency::Stopped).unwrap();
    let blocks = own_blocks(&program, &memory, &heap);
    assert_eq!(blocks.len(), 1_000_000);
    let size: u64 = blocks.values().map(|said| said.size).sum();
    assert_eq!(size, 5000 * (1..=200).sum::<u64>());
    let sum = blocks.keys().fold(0u64, |sum, address| sum.wrapping_add(*address));
    assert_eq!(format!("{sum:x}"), program.words("sum")[0]);
}

#[test]
fn a_process_that_makes_and_frees_without_end_is_exact_whenever_it_is_stopped() {
    let mut program = Program::start();
    program.tell("known");
    program.tell("churn");
    let memory = Live::of(program.pid());
    let mut seen = Vec::new();
    for _ in 0..100 {
        stop(program.pid());
        let heap = memory.heap(Consistency::Stopped).unwrap_or_else(|error| panic!("{error}"));
        let mut blocks = own_blocks(&program, &memory, &heap);
        for (address, said) in &program.blocks {
            assert_eq!(blocks.remove(address).as_ref(), Some(said));
        }
        // Two threads with 256 places each, and one block more in the moment between malloc and the place.
        assert!(blocks.len() <= 2 * 257, "{} blocks", blocks.len());
        seen.push(blocks);
        resume(program.pid());
    }
    assert!(seen.windows(2).any(|pair| pair[0] != pair[1]), "the program stands still");
}

#[test]
fn a_running_process_is_read_as_far_as_it_holds_still() {
    let mut program = Program::start();
    program.tell("known");
    program.tell("churn");
    let memory = Live::of(program.pid());
    for _ in 0..100 {
        let heap = memory.heap(Consistency::Running).unwrap_or_else(|error| panic!("{error}"));
        let blocks = own_blocks(&program, &memory, &heap);
        let untouched = program.blocks.iter().filter(|(address, said)| blocks.get(*address) == Some(*said));
        assert_eq!(untouched.count(), program.blocks.len(), "{} torn", heap.torn());
        assert!(heap.torn() < 100, "{} torn", heap.torn());
    }
}
