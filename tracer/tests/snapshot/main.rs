//! Snapshot files: what is written is read, damage is known for what it is, redaction drops what it must.

mod damage;
mod files;
mod heap;
mod made;
mod redaction;
mod round_trip;

use mcrx_tracer::image::Image;
use mcrx_tracer::snapshot::{self, OpenError, Options};
use std::path::PathBuf;
use tempfile::TempDir;

/// The bytes of an image's snapshot file.
fn written(image: &Image) -> Vec<u8> {
    let mut bytes = Vec::new();
    snapshot::write(image, &Options::default(), &mut bytes).expect("it is written");
    bytes
}

/// The same, redacted.
fn redacted(image: &Image) -> Vec<u8> {
    let mut bytes = Vec::new();
    snapshot::write(image, &Options { redact: true, ..Options::default() }, &mut bytes)
        .expect("it is written");
    bytes
}

/// A folder for files of a test.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Opens a snapshot of these bytes.
    fn open(&self, bytes: &[u8]) -> Result<Image, OpenError> {
        let path = self.path("bytes");
        // Not written over: an image may still have the one before mapped.
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, bytes).expect("it is written");
        snapshot::open(&path)
    }
}
