//! The files that processes have mapped, opened once each.

use crate::process::maps::{Mapping, Name};
use mcrx_tracer::image::{Content, FileContent};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::sync::Arc;

/// What a mapping's file says.
#[derive(Debug, Clone)]
pub(super) enum FileBytes {
    /// These bytes. The file can be found again by its path.
    Known(Arc<Content>),
    /// Zeros: the file is `/dev/zero`.
    Zeros,
    /// Not known, or not to be found again: it was removed or replaced, or lies where we cannot see it.
    Unknown,
}

/// What identifies a file: device and inode.
pub(super) type Key = ((u32, u32), u64);

pub(super) fn key(mapping: &Mapping) -> Key {
    (mapping.device, mapping.inode)
}

#[derive(Debug, Default)]
pub(super) struct Files(HashMap<Key, FileBytes>);

impl Files {
    /// What the file of a process's mapping says.
    pub(super) fn get(&mut self, process: Pid, mapping: &Mapping) -> FileBytes {
        self.0.entry(key(mapping)).or_insert_with(|| open(process, mapping)).clone()
    }
}

fn open(process: Pid, mapping: &Mapping) -> FileBytes {
    let Name::File { path, deleted } = &mapping.name else { return FileBytes::Unknown };
    // Asked for first: to open a device or a pipe may do something.
    let Ok(metadata) = fs::metadata(path) else { return FileBytes::Unknown };
    if metadata.file_type().is_char_device() {
        return if path.as_os_str() == "/dev/zero" { FileBytes::Zeros } else { FileBytes::Unknown };
    }
    if *deleted || !metadata.is_file() {
        return FileBytes::Unknown;
    }
    let Ok(file) = File::open(path) else { return FileBytes::Unknown };
    if !file.metadata().is_ok_and(|found| is_mapped(&found, process, mapping)) {
        return FileBytes::Unknown;
    }
    match FileContent::of(&file, path) {
        Ok(content) => FileBytes::Known(Arc::new(Content::File(content))),
        Err(_) => FileBytes::Unknown,
    }
}

/// Whether this is the file that a process has mapped: at its path may be another, or it may mean another to us.
fn is_mapped(found: &Metadata, process: Pid, mapping: &Mapping) -> bool {
    match fs::metadata(link(process, mapping)) {
        Ok(mapped) => (mapped.dev(), mapped.ino()) == (found.dev(), found.ino()) || is_below(found, &mapped),
        // Without the right to ask. Some file systems have other devices in the list of mappings, so only the number counts.
        Err(_) => found.ino() == mapping.inode,
    }
}

/// Whether one file is the other, seen through an overlay (a shadow's, a container's) that has no copy of its own. The overlay has a device of
/// its own, and may mark the file's number above its lower half; all that tells when and how the file was changed last is the file's.
fn is_below(file: &Metadata, seen: &Metadata) -> bool {
    let lower_half = |metadata: &Metadata| metadata.ino() & u64::from(u32::MAX);
    let state = |metadata: &Metadata| {
        let changed = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
        (metadata.len(), metadata.mode(), changed, lower_half(metadata))
    };
    seen.dev() != file.dev() && state(seen) == state(file)
}

/// The kernel's own link to what is mapped. To follow it takes root's rights.
fn link(process: Pid, mapping: &Mapping) -> String {
    format!("/proc/{process}/map_files/{:x}-{:x}", mapping.range.start, mapping.range.end)
}

/// The very file that a process has mapped, whatever has become of its path.
pub(super) fn mapped_file(process: Pid, mapping: &Mapping) -> Option<File> {
    let link = link(process, mapping);
    if !fs::metadata(&link).ok()?.is_file() {
        return None;
    }
    File::open(link).ok()
}
