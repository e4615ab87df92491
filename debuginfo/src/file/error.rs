//! Why a file cannot be opened.

use super::kind::Kind;
use std::io;
use std::path::PathBuf;

/// Why a file is none that can be looked into.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The kernel did not give it.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// Not ELF, or for another machine.
    #[error("{} is {kind}; mcrx looks into linked ELF files for x86-64", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: Kind,
    },
    /// Its headers describe more than is there.
    #[error("{} is truncated: it has {length} bytes, and its headers speak of {needed}; copy or build it anew", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// In bytes.
        length: u64,
        /// As many as its headers speak of.
        needed: u64,
    },
    /// Its headers contradict themselves.
    #[error("{} is a damaged ELF file: {source}; copy or build it anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: object::Error,
    },
}
