//! Where the debug info and the full symbols of a stripped program are kept: what `mcrx-debuginfo` knows of that, for `doctor`.

use super::Elf;
use mcrx_debuginfo::file::{BuildId, Search, debug_files};
use std::path::{Path, PathBuf};

/// The debug files of a program that are there and belong to it, the likeliest first. `location`: where the program is, which may be
/// another path than the one it was opened by.
pub(crate) fn find(program: &Elf, location: &Path) -> Vec<Elf> {
    let found = debug_files(program.path(), &Search::default().located(location));
    found.iter().filter_map(|path| Elf::open(path).ok()).collect()
}

/// Where a debug file of this build-id would be.
pub(crate) fn places_by_id(id: &[u8]) -> Vec<PathBuf> {
    BuildId::new(id).map(|id| Search::default().places_by_id(&id)).unwrap_or_default()
}
