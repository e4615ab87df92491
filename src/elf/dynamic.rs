//! What a program tells the dynamic loader.

use super::{Error, Parsed};
use object::elf::{DF_1_PIE, DT_FLAGS_1, DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME};
use object::read::elf::{FileHeader, ProgramHeader};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Dynamic {
    /// The loader that the kernel is to start. None: static, or a library.
    pub(crate) interpreter: Option<PathBuf>,
    /// Libraries, in the order in which they are loaded.
    pub(crate) needed: Vec<String>,
    /// The name that others need it by: of a library.
    pub(crate) soname: Option<String>,
    /// Where its libraries are looked for, before LD_LIBRARY_PATH and after; as written, with colons and `$ORIGIN`.
    pub(crate) rpath: Option<String>,
    pub(crate) runpath: Option<String>,
    /// It is a program, though it can be loaded anywhere.
    pub(crate) is_pie: bool,
}

impl Dynamic {
    pub(crate) fn of(file: &Parsed<'_>) -> Result<Dynamic, Error> {
        let mut dynamic = Dynamic { interpreter: interpreter(file), ..Dynamic::default() };
        let table = file.elf_dynamic_table()?;
        for entry in table.iter() {
            let text = || table.string(entry).map(|text| String::from_utf8_lossy(text).into_owned());
            match entry.tag {
                DT_NEEDED => dynamic.needed.push(text()?),
                DT_SONAME => dynamic.soname = Some(text()?),
                DT_RPATH => dynamic.rpath = Some(text()?),
                DT_RUNPATH => dynamic.runpath = Some(text()?),
                DT_FLAGS_1 => dynamic.is_pie = entry.val & DF_1_PIE.0 != 0,
                _ => {}
            }
        }
        Ok(dynamic)
    }
}

/// The loader that a program names.
pub(crate) fn interpreter(file: &Parsed<'_>) -> Option<PathBuf> {
    let endian = file.endian();
    let named = file
        .elf_program_headers()
        .iter()
        .find_map(|header| header.interpreter(endian, file.data()).ok().flatten());
    named.map(|name| PathBuf::from(OsStr::from_bytes(name)))
}

/// What a file is to the kernel: `ET_DYN` and the like.
pub(crate) fn object_type(file: &Parsed<'_>) -> object::elf::FileType {
    file.elf_header().e_type(file.endian())
}
