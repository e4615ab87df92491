//! A process that another program holds: what is mapped where, and its memory.

use mcrx_debuginfo::dwarf::Dwarf;
use mcrx_debuginfo::file::{Binary, BuildId};
use mcrx_debuginfo::frames::{Memory, Module, Modules};
use mcrx_debuginfo::load;
use mcrx_debuginfo::table::Table;
use mcrx_harness::{Explain, Pid, Result};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use std::collections::BTreeMap;
use std::fs;
use std::io::IoSliceMut;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The memory of a process.
pub(crate) struct Live(pub(crate) Pid);

impl Memory for Live {
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool {
        let (len, Ok(base)) = (bytes.len(), usize::try_from(address)) else { return false };
        let remote = [RemoteIoVec { base, len }];
        process_vm_readv(self.0, &mut [IoSliceMut::new(bytes)], &remote) == Ok(len)
    }
}

/// The files that a process has mapped as code, and where.
pub(crate) struct Mapped {
    files: Vec<(Binary, Range<u64>)>,
}

impl Mapped {
    pub(crate) fn of(pid: Pid) -> Result<Mapped> {
        let mut ranges: BTreeMap<PathBuf, (Range<u64>, bool)> = BTreeMap::new();
        for line in fs::read_to_string(format!("/proc/{pid}/maps"))?.lines() {
            let mut words = line.split_whitespace();
            let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
            let Some(path) = words.nth(3).filter(|path| path.starts_with('/')) else { continue };
            let (start, end) = range.split_once('-').context("a line of maps")?;
            let (start, end) = (u64::from_str_radix(start, 16)?, u64::from_str_radix(end, 16)?);
            let (known, is_code) = ranges.entry(PathBuf::from(path)).or_insert((start..end, false));
            known.end = end;
            *is_code |= rights.contains('x');
        }
        let files = ranges.into_iter().filter(|(_, (_, is_code))| *is_code);
        let files = files.map(|(path, (range, _))| Ok((Binary::open(&path)?, range)));
        Ok(Mapped { files: files.collect::<Result<_>>()? })
    }

    /// One of them, by its path.
    pub(crate) fn of_file(&self, path: &Path) -> Option<(&Binary, Range<u64>)> {
        let found = self.files.iter().find(|(binary, _)| binary.path() == path);
        found.map(|(binary, range)| (binary, range.clone()))
    }

    /// What is known of each file.
    pub(crate) fn described(&self) -> Result<Vec<Described<'_>>> {
        let described = self.files.iter().map(|(binary, range)| {
            let debug_info = match binary.dwarf() {
                Ok(dwarf) => {
                    let table = table_of(binary)?;
                    Some((dwarf, table))
                }
                Err(_) => None,
            };
            let base = binary.base().context("nothing is loaded")?;
            Ok(Described { binary, range: range.clone(), bias: range.start - base.0, debug_info })
        });
        described.collect()
    }
}

/// A mapped file with its debug info.
pub(crate) struct Described<'m> {
    binary: &'m Binary,
    range: Range<u64>,
    bias: u64,
    debug_info: Option<(Dwarf<'m>, Arc<Table>)>,
}

/// Each table is made once: libc's takes seconds without optimisation.
fn table_of(binary: &Binary) -> Result<Arc<Table>> {
    static MADE: Mutex<BTreeMap<BuildId, Arc<Table>>> = Mutex::new(BTreeMap::new());
    let id = *binary.build_id().context("no build-id")?;
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(table) = made.get(&id) {
        return Ok(Arc::clone(table));
    }
    let table = Arc::new(load::load(binary)?);
    made.insert(id, Arc::clone(&table));
    Ok(table)
}

/// All of them, for unwinding.
pub(crate) fn modules<'d>(described: &'d [Described<'d>]) -> Modules<'d> {
    Modules::new(described.iter().map(|file| {
        let module = Module::new(file.binary, file.bias, file.range.clone());
        match &file.debug_info {
            Some((dwarf, table)) => module.described_by(dwarf, table),
            None => module,
        }
    }))
}
