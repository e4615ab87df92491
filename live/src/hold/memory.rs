//! The memory of a held process, by `/proc/PID/mem`, opened once.
//!
//! The kernel writes there as a debugger does: also what the process itself may only read, or not even that, such as code, and constants
//! after relocation. A private page that is written to this way becomes the process's own copy.

use mcrx_allocator::reader::{Address, Memory, Unreadable, Why};
use nix::libc;
use nix::unistd::Pid;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;

/// Of a process that is held. It can be read and written as long as that has not executed another program.
#[derive(Debug)]
pub struct HeldMemory {
    file: File,
}

impl HeldMemory {
    /// By any thread of the process that has not ended.
    pub(super) fn open(thread: Pid) -> io::Result<HeldMemory> {
        let file = OpenOptions::new().read(true).write(true).open(format!("/proc/{thread}/mem"))?;
        Ok(HeldMemory { file })
    }

    /// Writes, whatever the protection of the pages is.
    ///
    /// # Errors
    /// Some of it is not mapped, or the process has ended; part of it may have been written.
    pub fn write(&self, address: Address, bytes: &[u8]) -> Result<(), Unreadable> {
        self.file.write_all_at(bytes, address.0).map_err(|error| unreadable(address, bytes.len(), &error))
    }

    /// Reads a word.
    ///
    /// # Errors
    /// It is not mapped, or the process has ended.
    pub fn word(&self, address: Address) -> Result<u64, Unreadable> {
        let mut word = [0; 8];
        self.read(address, &mut word)?;
        Ok(u64::from_le_bytes(word))
    }
}

impl Memory for HeldMemory {
    fn read(&self, address: Address, buffer: &mut [u8]) -> Result<(), Unreadable> {
        let len = buffer.len();
        self.file.read_exact_at(buffer, address.0).map_err(|error| unreadable(address, len, &error))
    }
}

fn unreadable(address: Address, len: usize, error: &io::Error) -> Unreadable {
    let why = match error.raw_os_error() {
        // A short read is the end of what is mapped, or of the process.
        None | Some(libc::EFAULT | libc::EIO) => Why::NotMapped,
        Some(libc::ESRCH) => Why::Gone,
        Some(libc::EPERM | libc::EACCES) => Why::NotPermitted,
        Some(other) => Why::Other(other),
    };
    Unreadable { address, len, why }
}
