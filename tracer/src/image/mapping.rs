//! A range of a process's addresses, and what it maps, as `/proc/PID/maps` shows it (proc_pid_maps(5)).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// A mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Its addresses, whole pages.
    pub range: Range<u64>,
    /// What the process may do there.
    pub permissions: Permissions,
    /// What is there.
    pub kind: MappingKind,
}

/// What a process may do with a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Permissions {
    /// Read it.
    pub read: bool,
    /// Write to it.
    pub write: bool,
    /// Run it.
    pub execute: bool,
}

impl Permissions {
    /// `r--`
    pub const READ: Permissions = Permissions { read: true, write: false, execute: false };
    /// `rw-`
    pub const READ_WRITE: Permissions = Permissions { read: true, write: true, execute: false };
    /// `r-x`
    pub const READ_EXECUTE: Permissions = Permissions { read: true, write: false, execute: true };
}

impl fmt::Display for Permissions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |is: bool, letter: char| if is { letter } else { '-' };
        write!(out, "{}{}{}", letter(self.read, 'r'), letter(self.write, 'w'), letter(self.execute, 'x'))
    }
}

/// What a mapping maps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MappingKind {
    /// Private memory without a file.
    Anonymous {
        /// As the process named it by `prctl(PR_SET_VMA_ANON_NAME)`.
        name: Option<String>,
    },
    /// What `brk(2)` gave.
    Heap,
    /// The stack of the main thread.
    Stack,
    /// A file, mapped privately: what is written to it stays with the process.
    File {
        /// As the process sees it.
        #[serde(with = "super::serial::path")]
        path: PathBuf,
        /// Where the mapping begins in the file, in bytes.
        offset: u64,
        /// Which file it is, whatever it is called.
        inode: Inode,
        /// It has been unlinked since.
        deleted: bool,
    },
    /// Memory that other processes with the same inode see too: a file, a memfd, System V shared memory, or anonymous shared memory.
    Shared {
        /// The kernel's name for it.
        #[serde(with = "super::serial::path")]
        path: PathBuf,
        /// Where the mapping begins in it, in bytes.
        offset: u64,
        /// Equal for all mappings of the same memory.
        inode: Inode,
    },
    /// The kernel's code in every process, vdso(7).
    Vdso,
    /// The kernel's data beside it. It cannot be read from outside.
    Vvar,
    /// The old page for system calls, at a fixed place.
    Vsyscall,
}

/// Which file something is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Inode {
    /// Major number of its device.
    pub major: u32,
    /// Minor number of its device.
    pub minor: u32,
    /// Its number there.
    pub number: u64,
}
