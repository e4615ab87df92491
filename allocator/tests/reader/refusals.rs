//! Each way in which a heap can be wrong is refused, with words that say what and where.

use crate::forge::{Decisions, Forgery};
use crate::read;
use mcrx_allocator::abi::{
    ARENA_BASE, DATA_OFFSET, DESCRIPTORS_OFFSET, Descriptor, FIRST_SLICE, FRAMES_OFFSET, Header,
    MODULES_OFFSET, Module, PLACED_OFFSET, REGION_SIZE, SITES_OFFSET, SiteId, Tag, VERSION,
};
use mcrx_allocator::reader::{Address, Consistency, Error, Heap, Limits, Memory, Sites, Unreadable, find};
use std::mem::offset_of;

/// A region with one slab of class 4 (64 bytes) that has three live blocks, one large block, one placed block, one site with one frame.
fn small_heap() -> Forgery {
    let mut script: Vec<u8> = Vec::new();
    let mut number = |value: u32| script.extend(value.to_le_bytes());
    number(0); // first place of the arena
    number(1); // one module
    script.extend([7; 8]); // its build-id
    let mut number = |value: u32| script.extend(value.to_le_bytes());
    number(1); // one site
    number(0); // of one frame
    number(1); // in module 1
    number(0x1234); // this far
    number(2); // two spans
    number(4); // a slab
    number(3); // of class 4
    number(1); // not full
    number(3); // three blocks
    for size in [10, 20, 64] {
        live(&mut script, size);
    }
    script.extend(3u32.to_le_bytes()); // a large block
    script.extend(1u32.to_le_bytes()); // of two slices
    live(&mut script, 70_000);
    script.extend(1u32.to_le_bytes()); // one placed block
    script.extend(1u32.to_le_bytes()); // of 32 bytes
    live(&mut script, 30);
    let forgery = Forgery::new(&mut Decisions(&script));
    assert_eq!(forgery.blocks.len(), 5, "{:?}", forgery.blocks);
    forgery
}

/// A block of this size, generation 5, made at site 1.
fn live(script: &mut Vec<u8>, size: u32) {
    script.extend(size.to_le_bytes());
    script.extend(5u64.to_le_bytes());
    for value in [0, 0, 1, 4] {
        script.extend(u32::to_le_bytes(value));
    }
}

fn refusal(break_it: impl FnOnce(&mut Forgery)) -> String {
    let mut forgery = small_heap();
    read(&forgery).expect("whole before");
    break_it(&mut forgery);
    read(&forgery).map(|_| ()).expect_err("broken after").to_string()
}

fn header(offset: usize) -> u64 {
    ARENA_BASE + offset as u64
}

fn descriptor(slice: u32, offset: usize) -> u64 {
    ARENA_BASE + DESCRIPTORS_OFFSET + u64::from(slice) * 128 + offset as u64
}

const SLAB: u32 = FIRST_SLICE;
const LARGE: u32 = FIRST_SLICE + 1;
/// Where the tags of the slab begin: at color 0.
const TAGS: u64 = ARENA_BASE + DATA_OFFSET;

#[test]
fn a_place_outside_the_arena_is_refused() {
    let forgery = small_heap();
    for base in [0, 1, ARENA_BASE + 4096, ARENA_BASE - REGION_SIZE, ARENA_BASE + 64 * REGION_SIZE] {
        let error = Heap::read(&forgery.memory, &[Address(base)], Consistency::Stopped, Limits::default())
            .unwrap_err();
        assert_eq!(error, Error::Misplaced(Address(base)));
    }
}

#[test]
fn a_region_that_is_named_twice_is_refused() {
    let forgery = small_heap();
    let bases = [Address(ARENA_BASE), Address(ARENA_BASE)];
    let error = Heap::read(&forgery.memory, &bases, Consistency::Stopped, Limits::default()).unwrap_err();
    assert_eq!(error, Error::Twice(Address(ARENA_BASE)));
}

#[test]
fn what_does_not_begin_with_the_magic_is_no_heap() {
    let text = refusal(|f| f.memory.write(header(0), b"somebody"));
    assert_eq!(
        text,
        "0x100000000000 is no heap: begins with 0x79646f62656d6f73, not with the magic 0x706165687872636d"
    );
}

#[test]
fn only_regions_with_the_magic_are_found() {
    let mut forgery = small_heap();
    let other = ARENA_BASE + REGION_SIZE;
    forgery.memory.map(other, 4096);
    let candidates = [Address(ARENA_BASE), Address(other), Address(other + REGION_SIZE)];
    assert_eq!(find(&forgery.memory, &candidates), [Address(ARENA_BASE)]);
}

#[test]
fn a_heap_of_a_newer_allocator_is_refused_by_its_version_whatever_else_it_says() {
    let text = refusal(|f| {
        f.memory.write_u32(header(offset_of!(Header, version)), VERSION + 1);
        f.memory.write(header(offset_of!(Header, base)), &[0xFF; 200]);
    });
    assert!(
        text.contains(&format!("has format version {}, this reader knows version {VERSION}", VERSION + 1)),
        "{text}"
    );
}

#[test]
fn a_heap_that_was_copied_from_elsewhere_is_refused() {
    let text = refusal(|f| f.memory.write_u64(header(offset_of!(Header, base)), ARENA_BASE + REGION_SIZE));
    assert!(text.contains("the base is 18691697672192, wanted 17592186044416"), "{text}");
}

#[test]
fn counts_beyond_their_tables_are_refused() {
    for (offset, name) in [
        (offset_of!(Header, high), "the number of slices"),
        (offset_of!(Header, sites), "the number of sites"),
        (offset_of!(Header, frames), "the number of frames"),
        (offset_of!(Header, modules), "the number of modules"),
        (offset_of!(Header, placed), "the number of placed blocks"),
        (offset_of!(Header, heaps), "the number of heaps"),
        (offset_of!(Header, draining), "the draining mark"),
    ] {
        let text = refusal(|f| f.memory.write_u32(header(offset), u32::MAX));
        assert!(text.contains(&format!("{name} is 4294967295")), "{text}");
    }
    let text = refusal(|f| f.memory.write_u64(header(offset_of!(Header, size)), 2 * REGION_SIZE));
    assert!(text.contains("the size is 2199023255552"), "{text}");
}

#[test]
fn a_region_that_took_over_itself_is_refused() {
    let text = refusal(|f| f.memory.write_u64(header(offset_of!(Header, adopted)), 1));
    assert!(text.contains("it is said to have taken over itself"), "{text}");
}

#[test]
fn spans_that_do_not_tile_are_refused() {
    let word = offset_of!(Descriptor, word);
    let text = refusal(|f| f.memory.write_u64(descriptor(SLAB, word), 0));
    assert_eq!(
        text,
        "the heap at 0x100000000000 is corrupt: the span at 0x100200000000 has kind 0, which begins no span"
    );
    let text = refusal(|f| f.memory.write_u64(descriptor(LARGE, word), 99));
    assert!(text.contains("the span at 0x100200010000 has kind 99"), "{text}");
    let text = refusal(|f| f.memory.write_u32(descriptor(LARGE, word) + 4, 3));
    assert!(text.contains("has 3 slices where 2 are left"), "{text}");
    let text = refusal(|f| f.memory.write_u32(descriptor(LARGE, word) + 4, 0));
    assert!(text.contains("has 0 slices where 2 are left"), "{text}");
}

#[test]
fn a_slab_that_is_not_as_its_class_implies_is_refused() {
    let class = descriptor(SLAB, offset_of!(Descriptor, word)) + 1;
    let text = refusal(|f| f.memory.write(class, &[81]));
    assert!(text.contains("is a slab of class 81, which does not exist"), "{text}");
    let text = refusal(|f| f.memory.write(class, &[0]));
    assert!(text.contains("is a slab of class 0, which does not exist"), "{text}");
    let text = refusal(|f| f.memory.write(class, &[80]));
    assert!(text.contains("is a slab of class 80 with 1 slices instead of 8"), "{text}");
    let text = refusal(|f| f.memory.write(class, &[5]));
    assert!(text.contains("is a slab of class 5 whose reciprocal is"), "{text}");
    let text = refusal(|f| f.memory.write_u32(descriptor(SLAB, offset_of!(Descriptor, capacity)), 911));
    assert!(text.contains("is a slab of class 4 with 911 blocks where 910 fit"), "{text}");
    for (offset, name) in [
        (offset_of!(Descriptor, first), "first block"),
        (offset_of!(Descriptor, block_size), "block size"),
        (offset_of!(Descriptor, tags), "first tag"),
    ] {
        let text = refusal(|f| f.memory.write_u32(descriptor(SLAB, offset), 48));
        assert!(text.contains(&format!("whose {name} is 48 instead of")), "{text}");
    }
}

#[test]
fn a_slab_that_is_being_laid_out_is_no_fault() {
    let mut forgery = small_heap();
    forgery.memory.write_u32(descriptor(SLAB, offset_of!(Descriptor, capacity)), 0);
    forgery.memory.write_u32(descriptor(SLAB, offset_of!(Descriptor, first)), 12345);
    assert_eq!(crate::blocks(&read(&forgery).unwrap()).len(), 2);
}

#[test]
fn tags_that_say_what_cannot_be_are_refused() {
    let tag = |size, site| Tag::fresh(5, 0, false).taken(size, Tag::site_bits(SiteId(site))).0;
    let text = refusal(|f| f.memory.write_u64(TAGS + 8, tag(65, 1)));
    assert!(text.ends_with("has 65 bytes where 64 fit"), "{text}");
    let text = refusal(|f| f.memory.write_u64(TAGS + 16, tag(64, 2)));
    assert!(text.ends_with("was made at site 2, of 2 sites"), "{text}");
    let text = refusal(|f| f.memory.write_u64(descriptor(LARGE, offset_of!(Descriptor, tag)), tag(1, 1)));
    assert!(text.ends_with("the block at 0x100200010000 has a tag with a size of its own, 1"), "{text}");
    let text = refusal(|f| f.memory.write_u64(descriptor(LARGE, offset_of!(Descriptor, size)), 131_073));
    assert!(text.ends_with("has 131073 bytes where 131072 fit"), "{text}");
}

#[test]
fn placed_blocks_that_cannot_be_there_are_refused() {
    let row = ARENA_BASE + PLACED_OFFSET;
    let text = refusal(|f| f.memory.write_u64(row, 0x6000_0000_0008));
    assert!(
        text.ends_with("the block at 0x600000000008 cannot have been placed there, with room for 32 bytes"),
        "{text}"
    );
    let text = refusal(|f| f.memory.write_u64(row, ARENA_BASE + 0x10));
    assert!(text.contains("the block at 0x100000000010 cannot have been placed there"), "{text}");
    let text = refusal(|f| f.memory.write_u64(row, ARENA_BASE - 16));
    assert!(text.contains("the block at 0xffffffffff0 cannot have been placed there"), "{text}");
    let text = refusal(|f| {
        let first: Vec<u64> = (0..4).map(|field| f.memory.u64(row + 8 * field).unwrap()).collect();
        for (field, value) in (0..).zip(first) {
            f.memory.write_u64(row + 32 + 8 * field, value);
        }
        f.memory.write_u64(row + 32, 0x6000_0000_0010);
        f.memory.write_u32(header(offset_of!(Header, placed)), 2);
    });
    assert!(
        text.contains("the block at 0x600000000010 overlaps the placed block at 0x600000000000"),
        "{text}"
    );
}

#[test]
fn tables_that_cannot_be_read_are_named() {
    let text = refusal(|f| f.memory.unmap(ARENA_BASE / 4096));
    assert!(text.starts_with("the header of the heap at 0x100000000000: "), "{text}");
    let text = refusal(|f| f.memory.unmap(descriptor(SLAB, 0) / 4096));
    assert!(text.starts_with("the descriptor table of the heap at 0x100000000000: "), "{text}");
    let text = refusal(|f| f.memory.unmap(TAGS / 4096));
    assert!(
        text.ends_with(
            "the tags of the heap at 0x100000000000: 24 bytes at 0x100200000000 cannot be read: not mapped"
        ),
        "{text}"
    );
}

#[test]
fn tables_behind_sites_that_do_not_hold_together_are_refused() {
    let refusal = |break_it: &dyn Fn(&mut Forgery)| {
        let mut forgery = small_heap();
        let heap = read(&forgery).unwrap();
        Sites::read(&forgery.memory, &heap).expect("whole before");
        break_it(&mut forgery);
        Sites::read(&forgery.memory, &heap).map(|_| ()).expect_err("broken after").to_string()
    };
    let module = ARENA_BASE + MODULES_OFFSET + 64;
    let text = refusal(&|f| f.memory.write_u32(ARENA_BASE + SITES_OFFSET + 32 + 12, 2));
    assert!(text.ends_with("site table entry 1 refers to entry 1, of 1"), "{text}");
    let text = refusal(&|f| f.memory.write_u64(ARENA_BASE + FRAMES_OFFSET, 2 << 48));
    assert!(text.ends_with("frame table entry 0 refers to entry 2, of 2"), "{text}");
    let text = refusal(&|f| f.memory.write_u64(ARENA_BASE + FRAMES_OFFSET, 1 << 48 | 0x10_0001));
    assert!(text.ends_with("frame table entry 0 is 0x100001 bytes into a module of 0x100000"), "{text}");
    let text = refusal(&|f| f.memory.write_u64(module, u64::MAX));
    assert!(text.contains("module table entry 1 ends at"), "{text}");
    let text = refusal(&|f| f.memory.write_u32(module + offset_of!(Module, build_id_len) as u64, 33));
    assert!(text.ends_with("module table entry 1 has a build-id of 33 bytes"), "{text}");
}

/// A region that claims to be full of the smallest blocks, all live: memory that has an answer to every question.
struct Endless(Forgery);

impl Memory for Endless {
    fn read(&self, address: Address, buffer: &mut [u8]) -> Result<(), Unreadable> {
        let offset = address.0 - ARENA_BASE;
        if offset < DESCRIPTORS_OFFSET {
            return self.0.memory.read(address, buffer);
        }
        if offset >= DATA_OFFSET {
            buffer.fill(0xFF);
            return Ok(());
        }
        for (slice, descriptor) in ((offset - DESCRIPTORS_OFFSET) / 128..).zip(buffer.chunks_exact_mut(128)) {
            let shape = mcrx_allocator::abi::Class(1).slab_shape(u32::try_from(slice).unwrap());
            let mut put =
                |offset: usize, bytes: &[u8]| descriptor[offset..offset + bytes.len()].copy_from_slice(bytes);
            put(offset_of!(Descriptor, word), &(1u64 << 32 | 1 << 8 | 3).to_le_bytes());
            put(offset_of!(Descriptor, reciprocal), &shape.reciprocal.to_le_bytes());
            put(offset_of!(Descriptor, first), &shape.first.to_le_bytes());
            put(offset_of!(Descriptor, block_size), &shape.block_size.to_le_bytes());
            put(offset_of!(Descriptor, tags), &shape.tags.to_le_bytes());
            put(offset_of!(Descriptor, capacity), &shape.limit.to_le_bytes());
        }
        Ok(())
    }
}

#[test]
fn a_heap_that_claims_more_blocks_than_the_reader_may_hold_is_refused_before_they_are_read() {
    let mut forgery = small_heap();
    forgery.memory.write_u32(header(offset_of!(Header, high)), mcrx_allocator::abi::SLICES);
    let limits = Limits { blocks: 1_000_000 };
    let error = Heap::read(&Endless(forgery), &[Address(ARENA_BASE)], Consistency::Stopped, limits)
        .map(|_| ())
        .unwrap_err();
    assert!(
        matches!(error, Error::TooLarge { blocks: 1_000_001..1_010_000, limit: 1_000_000, .. }),
        "{error}"
    );
}
