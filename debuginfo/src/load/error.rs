//! Why there is no table.

use super::limits::Excess;
use crate::dwarf::DwarfError;
use std::path::PathBuf;

/// Why a binary's debug info does not become a table.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is missing, or its sections are damaged.
    #[error(transparent)]
    Dwarf(#[from] DwarfError),
    /// An entry is damaged.
    #[error("{}: damaged DWARF in the unit at {unit:#x}: {source}; build it anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the unit begins in its section.
        unit: u64,
        /// What is wrong.
        source: gimli::Error,
    },
    /// It asks for more work or memory than its length can account for.
    #[error("{}: damaged DWARF: {excess}; build it anew", path.display())]
    Excessive {
        /// The file.
        path: PathBuf,
        /// What there is too much of.
        excess: Excess,
    },
}

/// Of one unit; whoever knows the unit adds its place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Damaged(gimli::Error),
    Excessive(Excess),
}

impl From<gimli::Error> for Fault {
    fn from(source: gimli::Error) -> Fault {
        Fault::Damaged(source)
    }
}

impl From<Excess> for Fault {
    fn from(excess: Excess) -> Fault {
        Fault::Excessive(excess)
    }
}
