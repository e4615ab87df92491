//! The files themselves, and those that memory is mapped from.

use crate::{Folder, written};
use mcrx_tracer::image::{Content, Fake, FileContent, FileFault, Image, MappingKind, Reason, Segment};
use mcrx_tracer::snapshot::{self, Options, WriteError};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

fn names(folder: &Folder) -> Vec<String> {
    let entries = std::fs::read_dir(folder.0.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_snapshot_file_is_its_owners_only_and_takes_the_place_of_the_one_before() {
    let folder = Folder::new();
    let path = folder.path("heap.snap");
    std::fs::write(&path, "the one before").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let written =
        snapshot::save(&Fake::new().words(0x1000, &[5]).image(), &Options::default(), &path).unwrap();
    let metadata = path.metadata().unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(metadata.len(), written.file_bytes);
    assert_eq!(snapshot::open(&path).unwrap().processes[0].memory.word(0x1000), Some(5));
    assert_eq!(names(&folder), ["heap.snap"]);
}

#[test]
fn a_snapshot_that_cannot_be_written_leaves_nothing_behind_and_says_where() {
    let folder = Folder::new();
    let taken = folder.path("taken");
    std::fs::create_dir(&taken).unwrap();
    let image = Fake::new().words(0x1000, &[5]).image();
    for path in [taken.as_path(), &folder.path("missing/heap.snap"), Path::new("/")] {
        let error = snapshot::save(&image, &Options::default(), path).unwrap_err();
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
    assert_eq!(names(&folder), ["taken"]);
}

/// Takes some bytes, and no more.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_is_written_to_may_be_full() {
    let image = Fake::new().words(0x1000, &[5]).image();
    let error = snapshot::write(&image, &Options::default(), Full(20)).unwrap_err();
    assert!(matches!(error, WriteError::Io(error) if error.kind() == io::ErrorKind::StorageFull));
}

/// A process that maps a file's second page.
fn mapping(path: &Path) -> Image {
    let content = FileContent::of(&File::open(path).unwrap(), path).unwrap();
    let kind = MappingKind::Anonymous { name: None };
    let segment = Segment::part(0x1000..0x9000, Arc::new(Content::File(content)), 0x1000);
    Fake::new().mapped(kind, segment).image()
}

#[test]
fn pages_of_files_are_read_from_the_files() {
    let folder = Folder::new();
    let path = folder.path("library");
    std::fs::write(&path, [7_u8; 0x1800]).unwrap();
    let bytes = written(&mapping(&path));
    assert!(bytes.len() < 1000);
    let image = folder.open(&bytes).unwrap();
    let memory = &image.processes[0].memory;
    assert_eq!(memory.word(0x1000), Some(0x0707_0707_0707_0707));
    assert_eq!(memory.word(0x17FC), Some(0x0707_0707), "the rest of the last page is zeros");
    assert_eq!(memory.word(0x1FF8), Some(0));
    assert_eq!(memory.word(0x1FFC), None, "there are no more pages");
}

#[test]
fn pages_of_a_file_that_was_replaced_cannot_be_read_and_all_else_can() {
    let folder = Folder::new();
    let path = folder.path("library");
    std::fs::write(&path, [7_u8; 0x1800]).unwrap();
    let bytes = written(&mapping(&path));
    std::fs::write(folder.path("new"), [8_u8; 0x1900]).unwrap();
    std::fs::rename(folder.path("new"), &path).unwrap();
    let image = folder.open(&bytes).unwrap();
    let memory = &image.processes[0].memory;
    assert_eq!(memory.word(0x1000), None);
    let why = memory.why_not(0x1000, 8).unwrap();
    assert!(matches!(why.reason, Reason::File(FileFault::Replaced { .. })), "{why}");
    let error =
        mcrx_allocator::reader::Memory::read(memory, mcrx_allocator::reader::Address(0x1000), &mut [0; 8]);
    assert_eq!(error.unwrap_err().why, mcrx_allocator::reader::Why::Other(5));
}
