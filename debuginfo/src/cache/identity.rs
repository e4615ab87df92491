//! What images are kept under.

use crate::dwarf::supplementary::Supplementary;
use crate::file::Binary;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use twox_hash::XxHash3_64;

/// A hash of this crate's source (see `build.rs`): what another release read or found may differ in any way.
const RELEASE: &str = env!("MCRX_DEBUGINFO_SOURCE");

/// The name of a binary's table. `None`: it has none.
pub(super) fn of_table(binary: &Binary) -> Option<String> {
    Some(format!("{}-{:016x}", binary.build_id()?, hash(binary, None)?))
}

/// The name of its sites.
pub(super) fn of_sites(binary: &Binary, origin: u64) -> Option<String> {
    Some(format!("{}-{:016x}.sites", binary.build_id()?, hash(binary, Some(origin))?))
}

/// Of all that a binary's debug info is made from. `None`: a part of it is missing.
fn hash(binary: &Binary, origin: Option<u64>) -> Option<u64> {
    let mut words: Vec<u64> = origin.into_iter().collect();
    words.extend(file(binary.with_debug_info().path())?);
    match binary.supplementary() {
        Supplementary::NotNeeded => {}
        Supplementary::Found(elf) => words.extend(file(elf.path())?),
        Supplementary::Missing(_) => return None,
    }
    // What was split and put together again.
    let mut package = binary.location().as_os_str().to_owned();
    package.push(".dwp");
    words.extend(file(package.as_ref()).into_iter().flatten());
    let words = words.into_iter().flat_map(u64::to_le_bytes);
    let bytes: Vec<u8> = RELEASE.bytes().chain(words).collect();
    Some(XxHash3_64::oneshot(&bytes))
}

/// Its length and the time of its last change. A copy has another time, and is read anew.
fn file(path: &Path) -> Option<[u64; 3]> {
    let found = std::fs::metadata(path).ok()?;
    Some([found.len(), found.mtime().cast_unsigned(), found.mtime_nsec().cast_unsigned()])
}
