//! Unsafe: a whole file, mapped for reading.
//!
//! Pages come from the page cache as they are touched, so that a file of gigabytes costs what is read of it. Who cuts a file short
//! while it is mapped ends the process with SIGBUS (mmap(2)); debuggers and linkers live with the same. Package managers and
//! compilers replace files instead of writing into them.

use memmap2::{Mmap, UncheckedAdvice};
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

/// The bytes of a file.
pub(crate) struct Mapping(Mmap);

impl Mapping {
    /// Maps a regular file; a pipe or a device would block, or have no end.
    pub(crate) fn open(path: &Path) -> io::Result<Mapping> {
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        let file = File::open(path)?;
        // SAFETY: the mapping is private and read-only, and its length is the file's as the kernel says it. That nobody changes the
        // file's bytes in place while it is mapped is what is asked of the system (see above); all that reads them checks bounds and
        // takes no byte of them for valid.
        Ok(Mapping(unsafe { Mmap::map(&file)? }))
    }

    /// Lets go of the pages that were read: they do not count as this process's memory until they are touched again.
    pub(crate) fn let_go(&self) {
        // SAFETY: the mapping is of a file and was never written to, so that what is read again is what was read before, from the page
        // cache or from the file.
        let let_go = unsafe { self.0.unchecked_advise(UncheckedAdvice::DontNeed) };
        // It is advice: a kernel that does not take it leaves the pages where they are.
        let_go.unwrap_or_default();
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
