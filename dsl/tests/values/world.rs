//! A program's memory for properties: one block of old memory, which stays where it is, and debug info of a small source.

use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::{Address, Table, TypeId};
use mcrx_dsl::diagnostic::Release;
use mcrx_dsl::eval::{Making, Unreadable, World};
use std::process::Command;

/// Where the block is.
pub(crate) const BLOCK: u64 = 0x1000;

pub(crate) struct Block(pub(crate) Vec<u8>);

impl World for Block {
    fn read(&self, _: Release, address: u64, into: &mut [u8]) -> Result<(), Unreadable> {
        let start = address.checked_sub(BLOCK).and_then(|start| usize::try_from(start).ok());
        let end = start.and_then(|start| start.checked_add(into.len()));
        let bytes = start.zip(end).and_then(|(start, end)| self.0.get(start..end)).ok_or(Unreadable)?;
        into.copy_from_slice(bytes);
        Ok(())
    }

    fn loaded(&self, _: Release, _: Address) -> Option<u64> {
        Some(BLOCK)
    }

    fn linked(&self, _: Release, address: u64) -> Option<Address> {
        Some(Address(address))
    }

    fn counterpart(&self, old: u64) -> Option<u64> {
        Some(old)
    }

    fn apart(&self, old: u64, _: Making) -> Option<u64> {
        Some(old)
    }

    fn allocate(&self, _: Option<TypeId>, bytes: u64) -> Option<u64> {
        (bytes < 1 << 20).then_some(0x10_0000)
    }
}

pub(crate) fn table(source: &str) -> Table {
    let folder = tempfile::tempdir().unwrap();
    let (file, library) = (folder.path().join("source.c"), folder.path().join("library.so"));
    std::fs::write(&file, source).unwrap();
    let compiler = Command::new("gcc")
        .args(["-O2", "-g", "-shared", "-fPIC", "-w", "-fno-eliminate-unused-debug-types", "-o"])
        .arg(&library)
        .arg(&file)
        .output()
        .expect("gcc");
    assert!(compiler.status.success(), "{}", String::from_utf8_lossy(&compiler.stderr));
    mcrx_debuginfo::load::load(&Binary::open(&library).expect("a library")).expect("debug info")
}
