//! What a live process is made of, as the kernel tells it: without stopping it, and without changing anything.

pub mod condition;
mod entry;
pub mod flags;
pub mod maps;
pub mod memory;
pub mod pages;
pub mod status;
pub mod tree;

pub(crate) use entry::{read, read_text};

use std::path::Path;

/// Whether a file's name is a C library's: `libc.so.6`, `libc-2.31.so`, `libc.musl-x86_64.so.1`. Not `libcrypto.so.3`.
pub(crate) fn is_c_library(path: &Path) -> bool {
    let name = path.file_name().map(std::ffi::OsStr::as_encoded_bytes);
    name.is_some_and(|name| name.starts_with(b"libc.") || name.starts_with(b"libc-"))
}
