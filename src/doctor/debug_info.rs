//! What is known of a program beside its code: build-id, symbols, debug info, in it or beside it.

use super::finding::Finding;
use crate::elf::debug_file::{self, places_by_id};
use crate::elf::{Elf, Parsed, build_id, has_section};
use object::Object;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where things are.
#[derive(Debug, Default)]
pub(super) struct Whereabouts {
    /// The file with debug info.
    pub(super) debug_info: Option<PathBuf>,
    /// The file with the full symbol table.
    pub(super) symbols: Option<PathBuf>,
}

pub(super) fn look(program: &Elf, file: &Parsed<'_>, path: &Path) -> (Whereabouts, Vec<Finding>) {
    let mut findings = Vec::new();
    let id = build_id(file);
    if id.is_empty() {
        findings.push(Finding::warning(
            "no-build-id",
            "it has no build-id: its call sites are tied to it by nothing but its path, and debug info by a checksum",
            "link it with -Wl,--build-id",
        ));
    }
    let beside = debug_file::find(program, path);
    let has = |section: &str| {
        let with = |elf: &&Elf| elf.parse().is_ok_and(|file| has_section(&file, section));
        if has_section(file, section) {
            return Some(path.to_owned());
        }
        beside.iter().find(with).map(|elf| elf.path().to_owned())
    };
    let whereabouts = Whereabouts { debug_info: has(".debug_info"), symbols: has(".symtab") };
    match &whereabouts.debug_info {
        None => findings.push(no_debug_info(file, id)),
        Some(place) => findings.extend(alternate(place)),
    }
    if whereabouts.symbols.is_none() {
        findings.push(Finding::warning(
            "stripped",
            "it is stripped of its symbols: of its functions only exported ones are named, others by their offset",
            "keep the symbols (no strip, no -s), or install its debug file",
        ));
    }
    (whereabouts, findings)
}

fn no_debug_info(file: &Parsed<'_>, id: &[u8]) -> Finding {
    let mut places: Vec<String> = places_by_id(id).iter().map(|path| path.display().to_string()).collect();
    if let Ok(Some((name, _))) = file.gnu_debuglink() {
        places.push(format!("{} beside it and below /usr/lib/debug", String::from_utf8_lossy(name)));
    }
    let looked =
        if places.is_empty() { String::new() } else { format!("; looked for {}", places.join(", ")) };
    Finding::warning(
        "no-debug-info",
        format!(
            "it has no debug info, in it or beside it: of what type its blocks are cannot be known{looked}"
        ),
        "compile it with -g, or install its debug file (Debian: the package with -dbgsym at the end of its name, \
         from the archive debian-debug)",
    )
}

/// Debug info that several files share may lie in a file of its own (dwz(1)).
fn alternate(place: &Path) -> Option<Finding> {
    let elf = Elf::open(place).ok()?;
    let file = elf.parse().ok()?;
    let (name, id) = file.gnu_debugaltlink().ok().flatten()?;
    let name = Path::new(OsStr::from_bytes(name));
    let beside = place.canonicalize().ok()?.parent()?.join(name);
    if beside.exists() || places_by_id(id).iter().any(|path| path.exists()) {
        return None;
    }
    Some(Finding::warning(
        "no-shared-debug-info",
        format!("its debug info, {}, refers to {}, which is not there", place.display(), name.display()),
        "install the package that has it: it comes with the debug files of the same source",
    ))
}
