//! Why there is no debug info to be had of a file.

use crate::file::{SectionError, package};
use std::path::PathBuf;

/// What is missing or damaged, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DwarfError {
    /// Stripped, or compiled without `-g`. Its message asks dpkg for the package that has it, which takes a tenth of a second.
    #[error("{} has no debug info, in it or beside it{}: {}", path.display(), places(looked), package::advice(path))]
    Missing {
        /// The program.
        path: PathBuf,
        /// All places that were looked at besides the program.
        looked: Vec<PathBuf>,
    },
    /// The debug file needs another one (dwz(1)), which is not there.
    #[error(
        "the debug info of {} lies in part in {}, which is not there or not the same build: install the package that has it \
         (it comes with the debug files of the same source), or look further with another debug root", path.display(), wanted.display()
    )]
    SupplementaryMissing {
        /// The file with the rest.
        path: PathBuf,
        /// Where the other should be.
        wanted: PathBuf,
    },
    /// It was compiled with `-gsplit-dwarf`, and none of the files with the debug info proper is there.
    #[error(
        "the debug info of {} is in {count} other files (-gsplit-dwarf), and none was found: {} is the first; keep the .dwo files where \
         they were built, or make {}.dwp of them (dwp -e, llvm-dwp -e)", path.display(), wanted.display(), path.display()
    )]
    SplitMissing {
        /// The program.
        path: PathBuf,
        /// How many are missing.
        count: usize,
        /// Where the first should be.
        wanted: PathBuf,
    },
    /// A section does not decompress.
    #[error("{}: section {section} {source}", path.display())]
    Section {
        /// The file.
        path: PathBuf,
        /// Its name.
        section: &'static str,
        /// What is wrong with it.
        source: SectionError,
    },
    /// Not DWARF 2 to 5 as it is written down, or cut off.
    #[error("{}: damaged DWARF at {section}+{offset:#x}: {source}; build it anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The section.
        section: &'static str,
        /// In it.
        offset: u64,
        /// What is wrong.
        source: gimli::Error,
    },
    /// Beyond what unit numbers and offsets in units have room for.
    #[error("{}: {section} has a unit of {length} bytes at {offset:#x}, or too many units; 4 GiB are the most", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The section.
        section: &'static str,
        /// Of the unit in it.
        offset: u64,
        /// Of the unit, in bytes.
        length: u64,
    },
}

fn places(looked: &[PathBuf]) -> String {
    let places: Vec<String> = looked.iter().map(|path| path.display().to_string()).collect();
    if places.is_empty() { String::new() } else { format!(" (not in {})", places.join(", ")) }
}
