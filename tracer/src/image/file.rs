//! Pages of a file that a process had mapped and did not change: code, read-only data.
//!
//! They are not copied into images or snapshots, so the file must still be the one that it was. It is opened when it is first needed,
//! and then known by its build-id, or, if it has none, by its size and time.

use super::pages;
use mcrx_debuginfo::file::BuildId;
use memmap2::Mmap;
use object::Object;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

/// What a file is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// In bytes.
    pub size: u64,
    /// When it was last written to.
    pub modified: SystemTime,
    /// Of a program or library.
    #[serde(with = "super::serial::build_id")]
    pub build_id: Option<BuildId>,
}

/// A file whose pages are in an image.
#[derive(Debug)]
pub struct FileContent {
    path: PathBuf,
    identity: Identity,
    map: OnceLock<Result<Mmap, FileFault>>,
}

/// Why a file cannot stand for memory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// It cannot be opened or mapped.
    #[error("{}: {why}: memory that is mapped from this file is read from it: put it back", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// In the system's words.
        why: String,
    },
    /// There is another file in its place.
    #[error("{}: it is not the file that the process had mapped: {difference}: put that one back", .path.display())]
    Replaced {
        /// The file.
        path: PathBuf,
        /// How that is known.
        difference: String,
    },
}

impl FileContent {
    /// An open file, by the path that finds it again. It is mapped at once.
    ///
    /// # Errors
    /// It is no regular file, is empty, or cannot be mapped.
    pub fn of(file: &File, path: &Path) -> io::Result<FileContent> {
        let map = pages::map_file(file)?;
        let identity = identify(file, &map)?;
        Ok(FileContent { path: path.to_owned(), identity, map: OnceLock::from(Ok(map)) })
    }

    /// A file that was known by `identity`. It is opened when its bytes are first asked for.
    pub fn named(path: PathBuf, identity: Identity) -> FileContent {
        FileContent { path, identity, map: OnceLock::new() }
    }

    /// A file of which it is known that its bytes cannot be had.
    pub(crate) fn refused(path: PathBuf, identity: Identity, fault: FileFault) -> FileContent {
        FileContent { path, identity, map: OnceLock::from(Err(fault)) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is known by.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(super) fn len(&self) -> u64 {
        /// The kernel fills the last page of a mapped file with zeros.
        const PAGE: u64 = 4096;
        self.identity.size.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX)
    }

    /// The file, up to the end of its last page.
    pub(crate) fn bytes(&self) -> Result<&[u8], &FileFault> {
        self.map.get_or_init(|| self.open()).as_ref().map(|map| &**map)
    }

    #[cold]
    fn open(&self) -> Result<Mmap, FileFault> {
        let unreadable =
            |error: io::Error| FileFault::Unreadable { path: self.path.clone(), why: error.to_string() };
        // A pipe or device would block.
        if !std::fs::metadata(&self.path).map_err(unreadable)?.is_file() {
            return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
        }
        let file = File::open(&self.path).map_err(unreadable)?;
        let map = pages::map_file(&file).map_err(unreadable)?;
        let found = identify(&file, &map).map_err(unreadable)?;
        match self.identity.difference(&found) {
            None => Ok(map),
            Some(difference) => Err(FileFault::Replaced { path: self.path.clone(), difference }),
        }
    }
}

impl Identity {
    /// What shows that a file is another one.
    fn difference(&self, found: &Identity) -> Option<String> {
        match (&self.build_id, &found.build_id) {
            (Some(had), Some(has)) if had == has => None,
            (Some(had), Some(has)) => Some(format!("its build-id is {has} and was {had}")),
            (Some(had), None) => Some(format!("it has no build-id, and had {had}")),
            (None, Some(has)) => Some(format!("it has the build-id {has}, and had none")),
            (None, None) if self.size != found.size => {
                Some(format!("it has {} bytes, and had {}", found.size, self.size))
            }
            (None, None) if self.modified != found.modified => {
                Some("it has been written to since".to_owned())
            }
            (None, None) => None,
        }
    }
}

fn identify(file: &File, bytes: &[u8]) -> io::Result<Identity> {
    let metadata = file.metadata()?;
    // Only headers and notes are looked at.
    let elf = object::File::parse(bytes).ok();
    let build_id = elf.and_then(|elf| elf.build_id().ok().flatten().and_then(BuildId::new));
    Ok(Identity { size: metadata.len(), modified: metadata.modified()?, build_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reopened(path: &Path, change: impl FnOnce()) -> Result<usize, FileFault> {
        let content = FileContent::of(&File::open(path).unwrap(), path).unwrap();
        change();
        let again = FileContent::named(path.to_owned(), content.identity().clone());
        again.bytes().map(<[u8]>::len).map_err(FileFault::clone)
    }

    #[test]
    fn a_file_is_known_again_and_ends_with_its_last_page() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        std::fs::write(&path, [1; 5000]).unwrap();
        assert_eq!(reopened(&path, || ()), Ok(8192));
    }

    #[test]
    fn a_file_that_was_written_to_replaced_or_removed_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        std::fs::write(&path, [1; 5000]).unwrap();
        let fault = reopened(&path, || std::fs::write(&path, [1; 5001]).unwrap()).unwrap_err();
        assert!(matches!(fault, FileFault::Replaced { .. }), "{fault}");
        let fault = reopened(&path, || std::fs::remove_file(&path).unwrap()).unwrap_err();
        assert!(matches!(fault, FileFault::Unreadable { .. }), "{fault}");
    }

    #[test]
    fn a_program_is_known_by_its_build_id_not_by_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("program");
        std::fs::copy("/bin/true", &path).unwrap();
        let touch = || File::options().append(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH);
        assert!(reopened(&path, || touch().unwrap()).is_ok());
        let other = || std::fs::copy("/bin/false", &path);
        let fault = reopened(&path, || assert!(other().is_ok())).unwrap_err();
        assert!(fault.to_string().contains("its build-id is"), "{fault}");
    }
}
