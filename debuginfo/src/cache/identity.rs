//! What a table is kept under.

use crate::dwarf::supplementary::Supplementary;
use crate::file::Binary;
use crate::table::image::VERSION;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use twox_hash::XxHash3_64;

/// The name of a binary's table: its build-id, and a hash of what the table is made from. `None`: it has none.
pub(super) fn name(binary: &Binary) -> Option<String> {
    let build_id = binary.build_id()?;
    let mut words = vec![u64::from(VERSION)];
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
    let bytes: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
    Some(format!("{build_id}-{:016x}", XxHash3_64::oneshot(&bytes)))
}

/// Its length and the time of its last change. A copy has another time, and is read anew.
fn file(path: &Path) -> Option<[u64; 3]> {
    let found = std::fs::metadata(path).ok()?;
    Some([found.len(), found.mtime().cast_unsigned(), found.mtime_nsec().cast_unsigned()])
}
