//! A program or library that a process has mapped.

use mcrx_debuginfo::file::BuildId;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::PathBuf;

/// A program or library in a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// As the process sees it.
    #[serde(with = "super::serial::path")]
    pub path: PathBuf,
    /// The one in memory. `None`: it was linked without.
    #[serde(with = "super::serial::build_id")]
    pub build_id: Option<BuildId>,
    /// Its address in the process less its address as linked, modulo 2^64.
    pub bias: u64,
    /// From its first page to the end of its last.
    pub range: Range<u64>,
    /// Its thread-local variables. `None`: it has none, or where they are is not known.
    pub tls: Option<Tls>,
}

impl Module {
    /// An address of the process as the file was linked.
    pub fn linked(&self, address: u64) -> u64 {
        address.wrapping_sub(self.bias)
    }

    /// An address of the file in the process.
    pub fn mapped(&self, linked: u64) -> u64 {
        linked.wrapping_add(self.bias)
    }
}

/// Where the dynamic linker keeps the thread-local variables of a module (Drepper, *ELF Handling For Thread-Local Storage*, 2013).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// Its number among the modules with such variables, from 1: its place in each thread's vector (`l_tls_modid` of glibc).
    pub number: u64,
    /// Bytes from its block up to the thread pointer, where all threads have the block in the same place (`l_tls_offset`).
    pub below_thread_pointer: Option<u64>,
    /// Bytes of its block in each thread.
    pub size: u64,
}
