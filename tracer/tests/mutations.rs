//! Snapshot files of an enemy's: mutated, with checksums that are right again, so that all that reads them is reached. Whatever they
//! say, nothing panics, and memory stays bounded.
//!
//! It is a program of its own because it looks at what memory it took.

use mcrx_tracer::image::{Fake, Image, Module, Registers, Thread};
use mcrx_tracer::snapshot::{self, Options};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use std::cell::Cell;
use std::path::Path;

#[path = "mutations/seal.rs"]
mod seal;

use seal::{TAIL, number, put, seal};

/// What may be done to a file.
#[derive(Debug, Clone)]
enum Mutation {
    /// A byte of chunk table, description or tail.
    Index(Index, u8),
    /// 8 bytes of the same, which may be a length or an offset.
    Number(Index, u64),
    /// A byte of the chunks.
    Chunk(Index, u8),
    /// A byte more somewhere.
    Insert(Index, u8),
    /// A byte less somewhere.
    Remove(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let number = prop_oneof![any::<u64>(), 0..300_u64, Just(u64::MAX), (0..64_u32).prop_map(|bit| 1 << bit)];
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Index(at, byte)),
        4 => (any::<Index>(), number).prop_map(|(at, number)| Mutation::Number(at, number)),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Chunk(at, byte)),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        1 => any::<Index>().prop_map(Mutation::Remove),
    ]
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let index_at = number(bytes, bytes.len() - TAIL + 8).filter(|at| *at < bytes.len()).unwrap_or(0);
        let in_index = |at: &Index| index_at + at.index(bytes.len() - index_at);
        match self {
            Mutation::Index(at, byte) => {
                let at = in_index(at);
                bytes[at] = *byte;
            }
            Mutation::Number(at, number) => {
                // Numbers of the tail are worth more than those in between.
                let tail = bytes.len() - TAIL;
                let at = if at.index(2) == 0 { tail + 8 * at.index(5) } else { in_index(at).min(tail) };
                put(bytes, at, *number);
            }
            Mutation::Chunk(at, byte) => {
                let at = at.index(index_at.max(1));
                bytes[at] = *byte;
            }
            Mutation::Insert(at, byte) => bytes.insert(at.index(bytes.len() - TAIL), *byte),
            Mutation::Remove(at) => {
                if bytes.len() > 2 * TAIL {
                    bytes.remove(at.index(bytes.len() - TAIL));
                }
            }
        }
    }
}

/// Reads as a tracer would: words here and there in all segments, blocks, threads.
fn use_it(image: &Image) {
    for process in &image.processes {
        for segment in process.memory.segments() {
            let range = segment.range();
            let len = range.end - range.start;
            for at in [0, 8, len / 2, len - 1, len - len.min(8)] {
                let address = range.start + at;
                if process.memory.word(address).is_none() {
                    assert!(process.memory.why_not(address, 8).is_some());
                }
                let _ = process.module_at(address);
                let _ = process.mapping_at(address);
            }
        }
        let _ = process.regions();
        for thread in &process.threads {
            let memory = mcrx_tracer::image::ThreadMemory::new(process, thread);
            for module in &process.modules {
                let _ = memory.thread_local_block(module);
            }
        }
    }
    // To redact is to look at everything, as long as it is not more than a test has time for.
    if image.processes.iter().map(|process| process.memory.len()).sum::<u64>() < 1 << 22 {
        let _ = snapshot::write(image, &Options { redact: true, ..Options::default() }, std::io::sink());
    }
}

/// The most memory that this process ever had, in KiB (`VmHWM` of proc_pid_status(5)).
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn original() -> Vec<u8> {
    let module = Module { path: "/bin/x".into(), build_id: None, bias: 0, range: 0x1000..0x2000, tls: None };
    let thread =
        Thread { tid: 1, name: "x".to_owned(), registers: Registers::default(), blocked_in: Some(1) };
    let fake =
        Fake::new().words(0x1000, &[0x2000, 1, 2, 3]).bytes(0x2000, vec![5; (1 << 20) + 20]).module(module);
    let image = fake.thread(thread).image();
    let mut bytes = Vec::new();
    snapshot::write(&image, &Options::default(), &mut bytes).unwrap();
    bytes
}

fn open(path: &Path, bytes: &[u8]) -> Option<Image> {
    let _ = std::fs::remove_file(path);
    std::fs::write(path, bytes).unwrap();
    snapshot::open(path).ok()
}

#[test]
fn mutated_files_neither_panic_nor_take_unbounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutated");
    let original = original();
    let mut sealed = original.clone();
    seal(&mut sealed);
    assert_eq!(sealed, original, "the seal is the writer's");
    use_it(&open(&path, &original).unwrap());

    let before = peak_kib();
    let (opened, refused) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&vec(mutation(), 1..4), |mutations| {
            let mut bytes = original.clone();
            for mutation in &mutations {
                mutation.apply(&mut bytes);
            }
            seal(&mut bytes);
            match open(&path, &bytes) {
                Some(image) => {
                    opened.set(opened.get() + 1);
                    use_it(&image);
                }
                None => refused.set(refused.get() + 1),
            }
            Ok(())
        })
        .unwrap();
    let (opened, refused) = (opened.get(), refused.get());
    // Both ways are taken often, or the test tests nothing.
    assert!(opened > 200 && refused > 200, "{opened} opened, {refused} refused");
    let grown = peak_kib() - before;
    assert!(grown < 300 << 10, "{grown} KiB more than before");
}
