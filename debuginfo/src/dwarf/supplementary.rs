//! Supplementary files: what `dwz -m` took out of the debug info of several programs of one source, into one file for all of them.
//!
//! A debug file names its supplementary file in `.gnu_debugaltlink` (path, build-id) or, by DWARF 5, in `.debug_sup` (path, checksum
//! that the other has as well). Debian's dbgsym packages are made so.

use crate::file::elf::Elf;
use crate::file::{BuildId, Search};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The supplementary file of a debug file.
pub(crate) enum Supplementary {
    NotNeeded,
    Found(Elf),
    Missing(PathBuf),
}

impl Supplementary {
    pub(crate) fn of(debug_file: &Elf, search: &Search) -> Supplementary {
        let Some(link) = Link::of(debug_file) else { return Supplementary::NotNeeded };
        let name = link.name();
        // The name is relative to where the file is, not to a link to it.
        let path = debug_file.path().canonicalize().unwrap_or_else(|_| debug_file.path().to_owned());
        let beside = path.parent().map(|folder| folder.join(name));
        let by_id = link.build_id().into_iter().flat_map(|id| search.places_by_id(&id));
        let mut places = beside.clone().into_iter().chain(by_id);
        let found = places.find_map(|place| Elf::part(&place).ok().filter(|file| link.leads_to(file)));
        found.map_or_else(|| Supplementary::Missing(beside.unwrap_or_default()), Supplementary::Found)
    }
}

/// What a debug file says of its supplementary file.
enum Link<'a> {
    /// By its build-id.
    Gnu { name: &'a Path, id: &'a [u8] },
    /// By a checksum, which both have.
    Standard { name: &'a Path, checksum: &'a [u8] },
}

impl<'a> Link<'a> {
    fn of(elf: &'a Elf) -> Option<Link<'a>> {
        let section = |name: &str| elf.debug_section(name).and_then(|section| elf.data(section).ok());
        if let Some(link) = section(".gnu_debugaltlink") {
            let (name, id) = split_at_nul(link)?;
            return Some(Link::Gnu { name, id });
        }
        let sup = DebugSup::of(section(".debug_sup")?)?;
        (!sup.is_supplementary).then_some(Link::Standard { name: sup.name, checksum: sup.checksum })
    }

    fn name(&self) -> &'a Path {
        match self {
            Link::Gnu { name, .. } | Link::Standard { name, .. } => name,
        }
    }

    fn build_id(&self) -> Option<BuildId> {
        match self {
            Link::Gnu { id, .. } => BuildId::new(id),
            Link::Standard { .. } => None,
        }
    }

    fn leads_to(&self, file: &Elf) -> bool {
        match self {
            Link::Gnu { id, .. } => file.build_id().is_some_and(|its| its.as_bytes() == *id),
            Link::Standard { checksum, .. } => {
                let section = file.debug_section(".debug_sup").and_then(|section| file.data(section).ok());
                let its = section.and_then(DebugSup::of);
                its.is_some_and(|its| its.is_supplementary && its.checksum == *checksum)
            }
        }
    }
}

/// `.debug_sup` (DWARF 5, section 7.3.6): version (2 bytes), which side it is (1), name with NUL, length of the checksum (ULEB128),
/// checksum.
struct DebugSup<'a> {
    is_supplementary: bool,
    name: &'a Path,
    checksum: &'a [u8],
}

impl<'a> DebugSup<'a> {
    fn of(section: &'a [u8]) -> Option<DebugSup<'a>> {
        let ([_, _, side], rest) = section.split_first_chunk::<3>()?;
        let (name, rest) = split_at_nul(rest)?;
        // One byte of ULEB128: no checksum has 128 bytes.
        let (len, rest) = rest.split_first().filter(|(len, _)| **len < 0x80)?;
        Some(DebugSup { is_supplementary: *side != 0, name, checksum: rest.get(..usize::from(*len))? })
    }
}

fn split_at_nul(bytes: &[u8]) -> Option<(&Path, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let (name, rest) = bytes.split_at(end);
    Some((Path::new(OsStr::from_bytes(name)), rest.get(1..)?))
}
