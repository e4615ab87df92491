//! The files that processes have mapped, opened once each.

use crate::process::maps::{Mapping, Name};
use mcrx_tracer::image::{Content, FileContent};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::fs::{self, File};
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
    /// What the file of a mapping says.
    pub(super) fn get(&mut self, mapping: &Mapping) -> FileBytes {
        self.0.entry(key(mapping)).or_insert_with(|| open(mapping)).clone()
    }
}

fn open(mapping: &Mapping) -> FileBytes {
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
    // The device is not compared: some file systems have others in the list of mappings.
    if !file.metadata().is_ok_and(|metadata| metadata.ino() == mapping.inode) {
        return FileBytes::Unknown;
    }
    match FileContent::of(&file, path) {
        Ok(content) => FileBytes::Known(Arc::new(Content::File(content))),
        Err(_) => FileBytes::Unknown,
    }
}

/// The very file that a process has mapped, by the kernel's own link. It takes root's rights.
pub(super) fn mapped_file(process: Pid, mapping: &Mapping) -> Option<File> {
    let link = format!("/proc/{process}/map_files/{:x}-{:x}", mapping.range.start, mapping.range.end);
    if !fs::metadata(&link).ok()?.is_file() {
        return None;
    }
    File::open(link).ok()
}
