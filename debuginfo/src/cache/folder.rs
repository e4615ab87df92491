//! Unsafe: the folder of a cache; its files are mapped.
//!
//! Only a folder that belongs to this user, and that nobody else can write into, is used: what a stranger wrote could claim anything
//! of a program's memory.

use memmap2::{Mmap, MmapOptions};
use std::fs::{DirBuilder, File, FileTimes, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

/// Write permission of others than the owner.
const OTHERS_WRITE: u32 = 0o022;

/// How old the last use of a file must be to be noted anew.
const NOTED: Duration = Duration::from_secs(3600);

/// A folder that can be trusted.
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder, if it is there and nobody else could have written into it.
    pub(super) fn open(path: &Path) -> Option<Folder> {
        let found = std::fs::metadata(path).ok()?;
        (found.is_dir() && is_own(&found)).then(|| Folder { path: path.to_owned() })
    }

    /// The same; it is made if it is not there.
    pub(super) fn create(path: &Path) -> Option<Folder> {
        if !path.exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(path).ok()?;
        }
        Folder::open(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file with this name, if `open` takes it for what is wanted.
    pub(super) fn find<T>(&self, name: &str, open: impl FnOnce(Mmap) -> Option<T>) -> Option<T> {
        let file = File::open(self.path.join(name)).ok()?;
        let found = file.metadata().ok().filter(|found| found.is_file() && is_own(found))?;
        let opened = open(map(&file).ok()?)?;
        note_use(&file, &found);
        Some(opened)
    }

    /// Keeps a file: all of it, or nothing.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        static WRITTEN: AtomicU64 = AtomicU64::new(0);
        let number = WRITTEN.fetch_add(1, Relaxed);
        let new = self.path.join(format!("{name}.{}-{number}.new", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| std::fs::rename(&new, self.path.join(name)));
        if written.is_err() {
            // It may not be there; if it cannot be removed, `sweep` does so later.
            let _ = std::fs::remove_file(&new);
        }
        written
    }
}

/// Whether it belongs to this user, and to nobody else.
fn is_own(found: &Metadata) -> bool {
    let user = std::fs::metadata("/proc/self").map(|this| this.uid());
    user.is_ok_and(|user| user == found.uid()) && found.mode() & OTHERS_WRITE == 0
}

/// Makes the time of the last change that of the last use, so that what is in use is not swept away. Not at every use.
fn note_use(file: &File, found: &Metadata) {
    let now = SystemTime::now();
    let age = found.modified().ok().and_then(|changed| now.duration_since(changed).ok());
    if age.is_some_and(|age| age > NOTED) {
        // A file that is only readable can be used all the same.
        let _ = file.set_times(FileTimes::new().set_modified(now));
    }
}

fn map(file: &File) -> io::Result<Mmap> {
    // All of it is read at once, to be checked.
    // SAFETY: the mapping is private and read-only, and its length is the file's as the kernel says it. Files of the cache are never
    // written into or cut after they have got their names (`Folder::put` renames, `sweep` unlinks), and only this user could do so;
    // every reader of the bytes checks bounds and takes no byte for valid.
    unsafe { MmapOptions::new().populate().map(file) }
}
