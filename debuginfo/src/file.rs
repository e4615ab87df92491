//! A program or library on disk: its sections and code, and the files beside it that hold what the compiler wrote down about it.
//!
//! ```no_run
//! let binary = mcrx_debuginfo::file::Binary::open("/usr/sbin/nginx".as_ref())?;
//! let dwarf = binary.dwarf()?; // of the program, or of its debug file
//! println!("{} units", dwarf.unit_count());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Binary`] owns the mapped files and what was decompressed of them; all else borrows from it. Opening parses headers only. Symbols
//! and relocations are parsed when they are first asked for, and debug info by [`Binary::dwarf`]. Everything in the files is taken for
//! hostile: bounds are checked, and what is allocated is bounded by their lengths.
//!
//! What it does not do: fetch debug files, read processes (addresses are as linked), relocate object files, look into other machines'
//! files.

mod build_id;
mod compress;
pub(crate) mod elf;
mod error;
mod exports;
mod kind;
mod mapping;
pub(crate) mod package;
mod plt;
mod relocations;
mod search;
mod symbols;
mod unwind;

pub use build_id::BuildId;
pub use compress::SectionError;
pub use error::OpenError;
pub use kind::Kind;
pub use plt::Stub;
pub use relocations::{Relocation, Relocations, Target};
pub use search::{Search, debug_files};
pub use symbols::{Binding, Symbol, SymbolKind, Symbols};
pub use unwind::Unwind;

use crate::dwarf::split::SplitFiles;
use crate::dwarf::supplementary::Supplementary;
use crate::dwarf::{Dwarf, DwarfError};
use crate::table::Address;
use elf::Elf;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A program or library, and what there is of its debug info.
pub struct Binary {
    location: PathBuf,
    program: Elf,
    /// The file that has what the program was stripped of.
    separate: Option<Elf>,
    debug_file: DebugFile,
    supplementary: Supplementary,
    split: OnceLock<SplitFiles>,
    symbols: OnceLock<Symbols>,
    relocations: OnceLock<Relocations>,
    stubs: OnceLock<plt::Stubs>,
}

/// Where the debug info of a program is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DebugFile {
    /// In the program.
    Same,
    /// In a file of its own.
    Separate(PathBuf),
    /// Nowhere.
    Missing {
        /// All places that were looked at besides the program.
        looked: Vec<PathBuf>,
    },
}

impl Binary {
    /// Opens a program and its debug file, if it has one where the system keeps them. That there is none is no error here, but of
    /// [`Binary::dwarf`].
    pub fn open(path: &Path) -> Result<Binary, OpenError> {
        Binary::open_with(path, &Search::default())
    }

    /// The same, with a say in where to look.
    pub fn open_with(path: &Path, search: &Search) -> Result<Binary, OpenError> {
        let program = Elf::program(path)?;
        if let Some(needed) = program.lacks() {
            let length = elf::to_u64(program.bytes().len());
            return Err(OpenError::Truncated { path: path.to_owned(), length, needed });
        }
        let location = search.location.clone().unwrap_or_else(|| {
            // Links are how programs are reached (/usr/bin/cc); debug files are kept by the name they lead to.
            path.canonicalize().unwrap_or_else(|_| path.to_owned())
        });
        let (separate, debug_file) = if has_debug_info(&program) {
            (None, DebugFile::Same)
        } else {
            let (mut files, looked) = search::belonging_to(&program, &location, search);
            match files.iter().position(has_debug_info) {
                Some(found) => {
                    let file = files.swap_remove(found);
                    let path = file.path().to_owned();
                    (Some(file), DebugFile::Separate(path))
                }
                // One without debug info still has the symbols.
                None => (files.into_iter().next(), DebugFile::Missing { looked }),
            }
        };
        let supplementary = match &debug_file {
            DebugFile::Missing { .. } => Supplementary::NotNeeded,
            _ => Supplementary::of(separate.as_ref().unwrap_or(&program), search),
        };
        Ok(Binary {
            location,
            program,
            separate,
            debug_file,
            supplementary,
            split: OnceLock::new(),
            symbols: OnceLock::new(),
            relocations: OnceLock::new(),
            stubs: OnceLock::new(),
        })
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        self.program.path()
    }

    /// What ties it to its debug info, its mappings and its cache entries. None: it was linked without.
    pub fn build_id(&self) -> Option<&BuildId> {
        self.program.build_id()
    }

    /// Where its debug info is.
    pub fn debug_file(&self) -> &DebugFile {
        &self.debug_file
    }

    /// Its debug info. The error says what is missing or damaged, and what to do.
    ///
    /// Each call parses the headers of all units anew (1 ms for 150 units): keep what it returns.
    pub fn dwarf(&self) -> Result<Dwarf<'_>, DwarfError> {
        if let DebugFile::Missing { looked } = &self.debug_file {
            return Err(DwarfError::Missing { path: self.location.clone(), looked: looked.clone() });
        }
        Dwarf::load(self)
    }

    /// A section's bytes, decompressed: the program's, or else its debug file's. None: neither has it, or it does not decompress.
    pub fn section(&self, name: &str) -> Option<&[u8]> {
        [Some(&self.program), self.separate.as_ref()].into_iter().flatten().find_map(|elf| {
            let section = elf.debug_section(name)?;
            elf.data(section).ok()
        })
    }

    /// The file's bytes that are loaded at an address, if they are all of one segment and all from the file: code and initial data.
    pub fn bytes(&self, address: Address, len: usize) -> Option<&[u8]> {
        self.program.segments().iter().find_map(|segment| self.in_segment(segment, address, len))
    }

    /// The same, of code only.
    pub fn code(&self, address: Address, len: usize) -> Option<&[u8]> {
        let executable = self.program.segments().iter().filter(|segment| segment.is_executable);
        executable.into_iter().find_map(|segment| self.in_segment(segment, address, len))
    }

    /// The ranges of addresses that hold code, in order.
    pub fn text(&self) -> Vec<Range<Address>> {
        let executable = self.program.segments().iter().filter(|segment| segment.is_executable);
        let range = |segment: &elf::Segment| {
            Address(segment.address)..Address(segment.address.saturating_add(segment.size))
        };
        executable.map(range).collect()
    }

    /// Where its lowest page is, as linked: what offsets into the mapped file count from. `None`: it has nothing that is loaded.
    pub fn base(&self) -> Option<Address> {
        let lowest = self.program.segments().iter().map(|segment| segment.address).min()?;
        Some(Address(lowest & !0xFFF))
    }

    fn in_segment(&self, segment: &elf::Segment, address: Address, len: usize) -> Option<&[u8]> {
        let from = usize::try_from(address.0.checked_sub(segment.address)?).ok()?;
        self.program.segment_bytes(segment)?.get(from..from.checked_add(len)?)
    }

    /// Lets go of the pages of the mapped files, after much of them has been read. They come back as they are needed.
    pub(crate) fn let_go(&self) {
        let other = match &self.supplementary {
            Supplementary::Found(elf) => Some(elf),
            Supplementary::NotNeeded | Supplementary::Missing(_) => None,
        };
        [Some(&self.program), self.separate.as_ref(), other].into_iter().flatten().for_each(Elf::let_go);
    }

    /// The file that has the debug info.
    pub(crate) fn with_debug_info(&self) -> &Elf {
        match &self.debug_file {
            DebugFile::Separate(_) => self.separate.as_ref().unwrap_or(&self.program),
            DebugFile::Same | DebugFile::Missing { .. } => &self.program,
        }
    }

    pub(crate) fn supplementary(&self) -> &Supplementary {
        &self.supplementary
    }

    pub(crate) fn split(&self) -> &OnceLock<SplitFiles> {
        &self.split
    }

    /// Where the program is, or would be.
    pub(crate) fn location(&self) -> &Path {
        &self.location
    }
}

fn has_debug_info(elf: &Elf) -> bool {
    elf.debug_section(".debug_info").is_some()
}
