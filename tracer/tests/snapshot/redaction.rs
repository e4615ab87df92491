//! What redaction keeps of memory that has no heap: pointers.

use crate::{Folder, redacted};
use mcrx_tracer::image::{Fake, GRAIN, Mapping, MappingKind, Permissions, Registers, Thread};
use proptest::collection::vec;
use proptest::prelude::*;

const START: u64 = 0x10_0000;
const WORDS: usize = 3 * GRAIN / 8 / 2;

/// Some word: noise, or an address near the ends of what is mapped, or in it.
fn word() -> impl Strategy<Value = u64> {
    let end = START + 8 * u64::try_from(WORDS).unwrap();
    prop_oneof![any::<u64>(), START - 9..START + 9, end - 9..end + 9, START..end, 0..5000_u64]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_pointer_stays_and_nothing_else(
        words in vec((any::<prop::sample::Index>(), word()), 0..200),
        bytes in vec((0..8 * WORDS, any::<u8>()), 0..500),
        shift in 0..8_u64,
    ) {
        let mut memory = vec![0_u8; 8 * WORDS];
        for (at, word) in &words {
            let at = at.index(WORDS) * 8;
            memory[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
        for (at, byte) in &bytes {
            memory[*at] = *byte;
        }
        let start = START + shift;
        let end = start + u64::try_from(memory.len()).unwrap();
        let image = Folder::new().open(&redacted(&Fake::new().bytes(start, memory.clone()).image())).unwrap();
        prop_assert!(image.taken.redacted);
        let kept = image.processes[0].memory.bytes(start, memory.len()).unwrap();
        // Where words begin, seen without the code under test.
        let first = usize::try_from((8 - start % 8) % 8).unwrap();
        let mut wanted = vec![0; memory.len()];
        for at in (first..memory.len()).step_by(8) {
            let Some(word) = memory[at..].first_chunk::<8>() else { break };
            if (start..=end).contains(&u64::from_le_bytes(*word)) {
                wanted[at..at + 8].copy_from_slice(word);
            }
        }
        prop_assert!(kept == wanted);
    }
}

#[test]
fn secrets_are_not_in_the_file_and_structure_is() {
    let secret = b"-----BEGIN PRIVATE KEY-----";
    let mut words = vec![0x1008_u64, 0x1000];
    words.extend(secret.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    }));
    let registers =
        Registers { rax: 0x5EC2E7, rbx: 0x1000, rip: 0x77, rsp: 0x99, orig_rax: 7, ..Registers::default() };
    let thread = Thread { tid: 1, name: "main".to_owned(), registers, blocked_in: Some(7) };
    let image = Fake::new().words(0x1000, &words).thread(thread).image();
    let image = Folder::new().open(&redacted(&image)).unwrap();
    let process = &image.processes[0];
    assert_eq!((process.memory.word(0x1000), process.memory.word(0x1008)), (Some(0x1008), Some(0x1000)));
    assert_eq!(process.memory.bytes(0x1010, 32), Some(&[0; 32][..]));
    let kept = Registers { rax: 0, ..registers };
    assert_eq!(process.threads[0].registers, kept);
}

#[test]
fn a_word_that_points_into_memory_that_nobody_may_touch_is_no_pointer() {
    let mut image = Fake::new().words(0x1000, &[0x7000_0000_0001, 0x6000_0000_0001]).image();
    let guard = |start: u64, permissions| Mapping {
        range: start..start + (1 << 40),
        permissions,
        kind: MappingKind::Anonymous { name: None },
    };
    image.processes[0].mappings.push(guard(0x6000_0000_0000, Permissions::default()));
    image.processes[0].mappings.push(guard(0x7000_0000_0000, Permissions::READ_EXECUTE));
    let image = Folder::new().open(&redacted(&image)).unwrap();
    let memory = &image.processes[0].memory;
    assert_eq!((memory.word(0x1000), memory.word(0x1008)), (Some(0x7000_0000_0001), Some(0)));
}

#[test]
fn memory_that_two_processes_share_keeps_the_pointers_of_both() {
    let mut image = Fake::new().words(0x1000, &[0x1000, 0x9000, 0xF000]).image();
    let shared = image.processes[0].memory.segments()[0].clone();
    let kind = MappingKind::Anonymous { name: None };
    image.processes.push(Fake::new().mapped(kind, shared).bytes(0x9000, vec![1; 16]).process());
    let image = Folder::new().open(&redacted(&image)).unwrap();
    let memory = &image.processes[0].memory;
    let words: Vec<_> = [0x1000, 0x1008, 0x1010].map(|at| memory.word(at)).into();
    assert_eq!(words, [Some(0x1000), Some(0x9000), Some(0)]);
}
