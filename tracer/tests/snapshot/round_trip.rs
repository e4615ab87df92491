//! What is written is read.

use crate::{Folder, made, written};
use mcrx_tracer::image::{Buffer, Content, Fake, GRAIN, Image, Process, Reason, Segment};
use mcrx_tracer::snapshot::{self, Options};
use proptest::prelude::*;
use std::sync::Arc;

/// All that is said of a process, but for its memory.
fn described(process: &Process) -> String {
    let Process { pid, parent, name, executable, modules, mappings, threads, memory: _ } = process;
    format!("{pid} {parent} {name:?} {executable:?} {modules:?} {mappings:?} {threads:?}")
}

fn assert_same(one: &Image, other: &Image) {
    assert_eq!(one.taken, other.taken);
    assert_eq!(one.processes.len(), other.processes.len());
    for (one, other) in one.processes.iter().zip(&other.processes) {
        assert_eq!(described(one), described(other));
        let ranges =
            |process: &Process| process.memory.segments().iter().map(Segment::range).collect::<Vec<_>>();
        assert_eq!(ranges(one), ranges(other));
        for range in ranges(one) {
            let len = usize::try_from(range.end - range.start).unwrap();
            let (one, other) = (one.memory.bytes(range.start, len), other.memory.bytes(range.start, len));
            assert!(one.is_some() && one == other, "{range:x?}");
        }
    }
}

/// For each segment, the first one, of any process, that is of the same content.
fn sharing(image: &Image) -> Vec<usize> {
    let segments = || image.processes.iter().flat_map(|process| process.memory.segments());
    let first =
        |segment: &Segment| segments().position(|other| Arc::ptr_eq(other.content(), segment.content()));
    segments().map(|segment| first(segment).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn an_image_is_read_as_it_was_written_and_written_as_it_was_read(image in made::image()) {
        let folder = Folder::new();
        let bytes = written(&image);
        let again = folder.open(&bytes).unwrap();
        assert_same(&image, &again);
        prop_assert_eq!(sharing(&image), sharing(&again));
        // Of another run, too: nothing of this one's is in the file.
        prop_assert!(written(&image) == bytes);
        prop_assert!(written(&again) == bytes);
    }
}

#[test]
fn chunks_are_decompressed_by_many_threads_at_once() {
    let bytes: Vec<u8> = (0..20 * GRAIN).map(|at| (at / 1000 % 251).try_into().unwrap()).collect();
    let image = Folder::new().open(&written(&Fake::new().bytes(0x10_0000, bytes.clone()).image())).unwrap();
    let memory = &image.processes[0].memory;
    std::thread::scope(|scope| {
        for start in 0..8_usize {
            let bytes = &bytes;
            scope.spawn(move || {
                for at in (start * 911..bytes.len() - 3000).step_by(50_021) {
                    let address = 0x10_0000 + u64::try_from(at).unwrap();
                    assert!(memory.bytes(address, 3000) == bytes.get(at..at + 3000));
                }
            });
        }
    });
}

#[test]
fn zeros_take_no_room() {
    let mut buffer = Buffer::zeros(1 << 40).unwrap();
    buffer.part_mut(1 << 39..(1 << 39) + 4096).unwrap().fill(1);
    let content = Arc::new(Content::Held(buffer));
    let kind = mcrx_tracer::image::MappingKind::Anonymous { name: None };
    let image =
        Fake::new().mapped(kind, Segment::whole(1 << 44, content)).bytes(1 << 43, vec![0; 8 * GRAIN]).image();
    let bytes = written(&image);
    assert!(bytes.len() < 1000, "{} bytes", bytes.len());
    let again = Folder::new().open(&bytes).unwrap();
    let memory = &again.processes[0].memory;
    assert_eq!(memory.word((1 << 44) + (1 << 39) - 4), Some(0x0101_0101_0000_0000));
    assert_eq!(memory.word((1 << 44) + (1 << 38)), Some(0));
    assert_eq!(memory.word((1 << 43) + 8), Some(0));
}

#[test]
fn what_was_not_captured_is_not_there() {
    let image = Folder::new().open(&written(&Fake::new().words(0x1000, &[1, 2]).image())).unwrap();
    let memory = &image.processes[0].memory;
    assert_eq!(memory.word(0x1008), Some(2));
    assert_eq!(memory.word(0x100C), None);
    assert_eq!(memory.why_not(0x100C, 8).unwrap().reason, Reason::NotCaptured);
}

#[test]
fn progress_is_told_up_to_the_end() {
    let image = Fake::new().bytes(0x1000, vec![3; 5 * GRAIN + 1]).image();
    let told = std::sync::Mutex::new(Vec::new());
    let progress = |done, of| told.lock().unwrap().push((done, of));
    let options = Options { progress: Some(&progress), ..Options::default() };
    snapshot::write(&image, &options, std::io::sink()).unwrap();
    let told = told.into_inner().unwrap();
    assert!(told.is_sorted() && told.last().is_some_and(|(done, of)| done == of), "{told:?}");
}
