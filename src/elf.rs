//! ELF files, as far as `doctor` looks into them: what they define and want, what they are linked with, where debug info is.
//!
//! Only x86-64 files in 64-bit form; of others it says what they are. Only what is asked for is read, so that a browser's 200 MB cost
//! nothing. DWARF is none of its business.

use mcrx_debuginfo::file::Kind;
use object::elf::FileHeader64;
use object::read::ReadCache;
use object::{LittleEndian, Object, ObjectSection};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

pub(crate) mod debug_file;
pub(crate) mod dynamic;
pub(crate) mod symbols;

/// A file in the form that the kernel loads on x86-64.
pub(crate) type Parsed<'a> = object::read::elf::ElfFile<'a, FileHeader64<LittleEndian>, &'a ReadCache<File>>;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("is {0}")]
    Other(Kind),
    #[error("is a damaged ELF file: {0}")]
    Damaged(#[from] object::Error),
}

/// As many bytes of a file as tell its kind.
const HEAD: u64 = 256;

/// An open file.
pub(crate) struct Elf {
    path: PathBuf,
    data: ReadCache<File>,
}

impl Elf {
    /// Opens a file that is x86-64 ELF.
    pub(crate) fn open(path: &Path) -> Result<Elf, Error> {
        let mut file = File::open(path)?;
        let mut head = Vec::new();
        (&file).take(HEAD).read_to_end(&mut head)?;
        file.seek(SeekFrom::Start(0))?;
        match Kind::of(&head) {
            // What is not linked, or a core dump, is told from programs by `dynamic::object_type`.
            Kind::X86_64 | Kind::Unlinked(_) => Ok(Elf { path: path.to_owned(), data: ReadCache::new(file) }),
            other => Err(Error::Other(other)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn parse(&self) -> Result<Parsed<'_>, Error> {
        Ok(Parsed::parse(&self.data)?)
    }
}

/// The build-id, which links a program, its parts in memory and its debug info. Empty: none.
pub(crate) fn build_id<'a>(file: &Parsed<'a>) -> &'a [u8] {
    file.build_id().ok().flatten().unwrap_or(&[])
}

/// Whether a file holds a section with contents. In a file of debug info the program's own sections are there by name only.
pub(crate) fn has_section(file: &Parsed<'_>, name: &str) -> bool {
    file.section_by_name(name).is_some_and(|section| section.size() > 0 && section.file_range().is_some())
}

/// Bytes as people write build-ids.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
