//! A heap of the allocator's, in an image, in a snapshot, redacted.

use crate::{Folder, redacted, written};
use mcrx_allocator::reader::{Block, Consistency, Heap, Limits, Sites};
use mcrx_allocator::{Caller, malloc};
use mcrx_tracer::image::{
    Buffer, Content, Image, Mapping, MappingKind, Memory, Method, Permissions, Process, Segment, Taken,
};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What is written to each block, so that it is known again.
const SECRET: u64 = 0x7465_7263_6573_6573;

/// This process, as far as its heap of the allocator's goes.
fn own_image() -> Image {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let (mut mappings, mut segments) = (Vec::new(), Vec::new());
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|number| u64::from_str_radix(number, 16).unwrap());
        if !(0x1000_0000_0000..0x5000_0000_0000).contains(&start) || !rest.starts_with("rw") {
            continue;
        }
        let kind = MappingKind::Anonymous { name: None };
        mappings.push(Mapping { range: start..end, permissions: Permissions::READ_WRITE, kind });
        let mut buffer = Buffer::zeros(usize::try_from(end - start).unwrap()).unwrap();
        // Page by page of what is not zero, so that a large table does not become memory.
        let mut page = [0; 4096];
        for at in (start..end).step_by(4096) {
            memory.read_exact_at(&mut page, at).unwrap();
            if page.iter().any(|byte| *byte != 0) {
                let from = usize::try_from(at - start).unwrap();
                buffer.part_mut(from..from + 4096).unwrap().copy_from_slice(&page);
            }
        }
        segments.push(Segment::whole(start, Arc::new(Content::Held(buffer))));
    }
    let process = Process {
        pid: std::process::id(),
        parent: 0,
        name: "test".to_owned(),
        executable: PathBuf::from("/proc/self/exe"),
        modules: Vec::new(),
        mappings,
        threads: Vec::new(),
        memory: Memory::new(segments).unwrap(),
    };
    let (at, held) = (SystemTime::UNIX_EPOCH, Duration::ZERO);
    Image {
        processes: vec![process],
        taken: Taken { at, held, method: Method::Copy, kernel: String::new(), redacted: false },
    }
}

fn blocks(image: &Image) -> (Vec<Block>, usize) {
    let process = &image.processes[0];
    let bases = process.regions();
    assert_eq!(bases.len(), 1, "one region");
    let heap = Heap::read(&process.memory, &bases, Consistency::Stopped, Limits::default()).unwrap();
    let sites = Sites::read(&process.memory, &heap).unwrap();
    let blocks: Vec<Block> = heap.blocks().collect();
    let sited = blocks.iter().filter(|block| sites.get(block.site).is_some()).count();
    (blocks, sited)
}

#[test]
fn a_heap_is_the_same_in_memory_in_a_snapshot_and_redacted_but_for_what_is_in_its_blocks() {
    let mut own = Vec::new();
    for number in 0..20_000_u64 {
        let size = match number % 100 {
            99 => 300_000,
            other => 16 + other * 40,
        };
        let address = malloc(size, Caller { address: 0, stack: 0 });
        assert_ne!(address, 0);
        own.push((address, size));
    }
    // Through the kernel: this test has no pointers to other memory.
    let memory = File::options().write(true).open("/proc/self/mem").unwrap();
    for (index, (address, _)) in own.iter().enumerate() {
        let next = own.get(index + 1).map_or(0, |(next, _)| *next);
        let words: Vec<u8> = [next, SECRET].iter().flat_map(|word| word.to_le_bytes()).collect();
        memory.write_all_at(&words, *address).unwrap();
    }
    let image = own_image();
    let (before, _) = blocks(&image);
    let sizes: Vec<(u64, u64)> = before.iter().map(|block| (block.address.0, block.requested)).collect();
    let mut sorted = own.clone();
    sorted.sort_unstable();
    assert_eq!(sizes, sorted);

    let folder = Folder::new();
    let same = folder.open(&written(&image)).unwrap();
    assert_eq!(blocks(&same), blocks(&image));
    let redacted = folder.open(&redacted(&image)).unwrap();
    assert_eq!(blocks(&redacted), blocks(&image));

    for (index, (address, _)) in own.iter().enumerate() {
        assert_eq!(same.processes[0].memory.word(address + 8), Some(SECRET));
        assert_eq!(redacted.processes[0].memory.word(address + 8), Some(0));
        let next = own.get(index + 1).map_or(0, |(next, _)| *next);
        assert_eq!(redacted.processes[0].memory.word(*address), Some(next));
    }
}
