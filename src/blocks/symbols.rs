//! Names for return addresses: function and offset, by the symbols of the file that a process has loaded there.
//!
//! A file is used only if its build-id is the one that the process has in memory: what lies at the path today may be the next release.

use crate::elf::hex;
use crate::output::PathFact;
use mcrx_allocator::reader::{Frame, Module};
use mcrx_debuginfo::file::{Binary, Search};
use mcrx_debuginfo::table::Address;
use mcrx_live::process::maps::{Mapping, holding, parse};
use nix::unistd::Pid;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// A return address with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct NamedFrame {
    /// The function it lies in, and how far in.
    pub(super) function: Option<String>,
    pub(super) function_offset: Option<u64>,
    /// Where the process had the file.
    pub(super) file: Option<PathFact>,
    /// Hexadecimal; of a file without one, or no file, none.
    pub(super) build_id: Option<String>,
    /// Bytes from the start of the loaded file; without a file, the address.
    pub(super) offset: u64,
    /// Where it was in the process.
    pub(super) address: u64,
}

impl fmt::Display for NamedFrame {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_ref().and_then(|path| path.0.file_name()).map(|name| name.to_string_lossy());
        match (&self.function, self.function_offset) {
            (Some(function), Some(offset)) => write!(out, "{function}+{offset:#x}")?,
            _ => write!(out, "{:#x}", self.offset)?,
        }
        match (file, &self.build_id) {
            (Some(file), _) => write!(out, " ({file})"),
            (None, Some(id)) => write!(out, " (unloaded, build-id {id})"),
            (None, None) => Ok(()),
        }
    }
}

/// What is known of one loaded file.
#[derive(Default)]
struct Known {
    path: Option<PathBuf>,
    /// `None`: it is not there any more, or another one is.
    binary: Option<Binary>,
}

pub(super) struct Symbols {
    pid: Pid,
    mappings: Vec<Mapping>,
    /// By the start of the file in memory and its build-id: an address may have served several files.
    known: HashMap<(u64, Box<[u8]>), Known>,
}

impl Symbols {
    /// `maps`: the text of `/proc/PID/maps`.
    pub(super) fn of(pid: Pid, maps: &[u8]) -> Symbols {
        Symbols { pid, mappings: parse(maps), known: HashMap::new() }
    }

    pub(super) fn name(&mut self, frame: &Frame<'_>) -> NamedFrame {
        let address = frame.address().0;
        // On an old C library the allocator does not know what is loaded where: ask the mappings.
        let found = frame.module.is_none().then(|| self.module_at(address)).flatten();
        let Some(module) = frame.module.or(found.as_ref()) else {
            return NamedFrame {
                function: None,
                function_offset: None,
                file: None,
                build_id: None,
                offset: frame.offset,
                address,
            };
        };
        let key = (module.start.0, module.build_id.clone());
        if !self.known.contains_key(&key) {
            let known = self.look_up(module);
            self.known.insert(key.clone(), known);
        }
        let known = &self.known[&key];
        let offset = address - module.start.0;
        let function = known.function(offset);
        NamedFrame {
            function: function.map(|(name, _)| name.to_owned()),
            function_offset: function.map(|(_, offset)| offset),
            file: known.path.clone().map(PathFact),
            build_id: (!module.build_id.is_empty()).then(|| hex(&module.build_id)),
            offset,
            address,
        }
    }

    /// The loaded file that holds an address: from the mapping of its first byte to the end of its last.
    fn module_at(&self, address: u64) -> Option<Module> {
        let path = holding(&self.mappings, address)?.path()?;
        let of_file = self.mappings.iter().filter(|mapping| mapping.path() == Some(path));
        let first = of_file.clone().rfind(|mapping| mapping.range.start <= address && mapping.offset == 0)?;
        let last = of_file.clone().next_back()?;
        let start = mcrx_allocator::reader::Address(first.range.start);
        Some(Module { start, end: mcrx_allocator::reader::Address(last.range.end), build_id: Box::default() })
    }

    fn look_up(&self, module: &Module) -> Known {
        let found = self.mappings.iter().find(|mapping| mapping.range.start == module.start.0);
        let Some((mapping, path)) = found.and_then(|mapping| Some((mapping, mapping.path()?))) else {
            return Known::default();
        };
        Known { path: Some(path.to_owned()), binary: self.open(mapping, path, module) }
    }

    /// Opens the file behind a mapping, whatever has become of its path.
    fn open(&self, mapping: &Mapping, path: &Path, module: &Module) -> Option<Binary> {
        let (start, end) = (mapping.range.start, mapping.range.end);
        // The first leads to removed files and into other mount namespaces, but takes more rights (proc_pid_map_files(5)).
        let in_root = path.strip_prefix("/").unwrap_or(path);
        [
            PathBuf::from(format!("/proc/{}/map_files/{start:x}-{end:x}", self.pid)),
            Path::new(&format!("/proc/{}/root", self.pid)).join(in_root),
        ]
        .iter()
        .filter_map(|opened| Binary::open_with(opened, &Search::default().located(path)).ok())
        .find(|binary| {
            let id = binary.build_id().map_or(&[][..], |id| id.as_bytes());
            // The allocator keeps 32 bytes of it.
            module.build_id.is_empty() || id.starts_with(&module.build_id)
        })
    }
}

impl Known {
    /// The function that made the call whose return address is so many bytes past the start of the loaded file, and how far into the
    /// function that address is.
    fn function(&self, offset: u64) -> Option<(&str, u64)> {
        let binary = self.binary.as_ref()?;
        let returns_to = binary.base()?.0.checked_add(offset)?;
        // A call can be the last instruction of a function: what it returns to is then the next one's first byte.
        let call = Address(returns_to.checked_sub(1)?);
        let symbol = binary.symbols().function_at(call)?;
        Some((symbol.name, returns_to - symbol.address.0))
    }
}
