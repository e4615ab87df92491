//! Bytes as a file, for what opens files: one in memory that has a path.

use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

/// A file that nobody else has.
pub struct InMemory(File);

impl InMemory {
    /// With these bytes.
    pub fn new(bytes: &[u8]) -> InMemory {
        let mut file = File::from(memfd_create("input", MemfdFlags::CLOEXEC).expect("a file in memory"));
        file.write_all(bytes).expect("room for it");
        InMemory(file)
    }

    /// Where it can be opened.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}
