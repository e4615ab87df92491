//! Files that are not what they should be, and what is said of them.

use crate::{Folder, written};
use mcrx_tracer::image::{Fake, GRAIN, Image, Reason};
use mcrx_tracer::snapshot::{self, Refusal, VERSION};
use twox_hash::XxHash3_64;

/// Two processes' worth of things in a file of a few hundred bytes.
fn small() -> Vec<u8> {
    written(&Fake::new().words(0x1000, &[0x2000, 1, 2, 3]).bytes(0x2000, *b"some text, some text").image())
}

fn refusal(bytes: &[u8]) -> Refusal {
    match Folder::new().open(bytes) {
        Ok(_) => panic!("a damaged file was opened"),
        Err(error) => error.why,
    }
}

/// All memory can be read.
fn is_whole(image: &Image) -> bool {
    let segments = || {
        image.processes.iter().flat_map(|process| process.memory.segments().iter().map(move |s| (process, s)))
    };
    segments().all(|(process, segment)| {
        let range = segment.range();
        process.memory.bytes(range.start, usize::try_from(range.end - range.start).unwrap()).is_some()
    })
}

#[test]
fn a_file_that_is_cut_short_anywhere_is_said_to_be() {
    let bytes = small();
    for len in 0..bytes.len() {
        let refusal = refusal(&bytes[..len]);
        assert!(
            matches!(refusal, Refusal::Truncated { len: found } if usize::try_from(found) == Ok(len)),
            "{len}: {refusal}"
        );
    }
}

#[test]
fn any_byte_that_has_changed_is_noticed() {
    let bytes = small();
    let folder = Folder::new();
    for at in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            if let Ok(image) = folder.open(&changed) {
                assert!(!is_whole(&image), "byte {at}");
            }
        }
    }
    assert!(is_whole(&folder.open(&bytes).unwrap()));
}

#[test]
fn other_files_are_said_to_be_no_snapshots() {
    for bytes in [&b"\x7fELF"[..], b"x", b"mcrxsnaq and more", &[0; 200]] {
        let refusal = refusal(bytes);
        assert!(matches!(refusal, Refusal::Foreign), "{refusal}");
    }
    let error = snapshot::open("/bin/true".as_ref()).unwrap_err().to_string();
    assert!(error.starts_with("/bin/true: it is no snapshot") && error.contains("mcrx snapshot"), "{error}");
}

#[test]
fn files_that_are_none_are_refused() {
    for path in ["/", "/dev/zero", "/no/such/file"] {
        let error = snapshot::open(path.as_ref()).unwrap_err();
        assert!(matches!(error.why, Refusal::Io(_)), "{error}");
    }
}

/// Why a file that says it is of this version is refused.
fn refusal_of_version(version: u8) -> Refusal {
    let mut bytes = small();
    bytes[8] = version;
    assert!(matches!(refusal(&bytes), Refusal::Corrupt(_)), "its head's checksum is of another version");
    let sum = XxHash3_64::oneshot(&bytes[..16]);
    bytes[16..24].copy_from_slice(&sum.to_le_bytes());
    refusal(&bytes)
}

#[test]
fn a_file_of_a_later_version_is_said_to_be() {
    let refusal = refusal_of_version(9);
    assert!(matches!(refusal, Refusal::Newer { found: 9 }), "{refusal}");
    let said = refusal.to_string();
    assert!(said.contains("version 9") && said.contains(&format!("up to {VERSION}")), "{said}");
}

#[test]
fn a_file_of_an_earlier_version_is_said_to_be() {
    let refusal = refusal_of_version(1);
    assert!(matches!(refusal, Refusal::Older { found: 1 }), "{refusal}");
}

#[test]
fn bytes_behind_the_end_are_noticed() {
    let mut bytes = small();
    let tail = bytes[bytes.len() - 64..].to_vec();
    bytes.extend(tail);
    assert!(matches!(refusal(&bytes), Refusal::Corrupt(_)));
}

#[test]
fn a_damaged_chunk_cannot_be_read_with_a_reason_and_the_others_can() {
    // Bytes that do not compress, so that chunks are as long in the file as in memory.
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_le_bytes()[7]
    });
    let memory: Vec<u8> = noise.take(4 * GRAIN).collect();
    let mut bytes = written(&Fake::new().bytes(0x10_0000, memory.clone()).image());
    bytes[GRAIN + GRAIN / 2] ^= 1;
    let image = Folder::new().open(&bytes).expect("only memory is damaged");
    let read = &image.processes[0].memory;
    let at = |chunk: usize| 0x10_0000 + u64::try_from(chunk * GRAIN).unwrap();
    for chunk in [0, 2, 3] {
        assert!(read.bytes(at(chunk), GRAIN) == memory.get(chunk * GRAIN..(chunk + 1) * GRAIN));
        assert_eq!(read.why_not(at(chunk), GRAIN), None);
    }
    for _ in 0..2 {
        assert_eq!(read.bytes(at(1), 1), None);
        assert_eq!(read.bytes(at(2) - 1, 2), None);
    }
    let why = read.why_not(at(1) + 5, 8).unwrap();
    assert!(matches!(why.reason, Reason::Damaged(_)), "{why}");
    let error = snapshot::write(&image, &snapshot::Options::default(), std::io::sink()).unwrap_err();
    assert!(matches!(error, snapshot::WriteError::Unreadable(Reason::Damaged(_))), "{error}");
}
