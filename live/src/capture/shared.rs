//! Memory that processes share, copied once.
//!
//! It is read through the kernel's own link to what is mapped: so pages come along that no held process has touched itself, and a hole
//! stays one, where reading it through the process would fill it. Where that link is not permitted, what the processes have
//! touched is read through them.

use super::files::{self, mapped_file};
use crate::process::maps::Mapping;
use crate::process::memory::ProcessMemory;
use crate::process::pages::{PAGE, Pages, Which};
use mcrx_allocator::reader::{Address, Memory as _};
use mcrx_tracer::image::{Buffer, Content, Segment};
use nix::unistd::Pid;
use rustix::fs::{SeekFrom, seek};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;
use std::sync::Arc;

/// System V's shared memory has numbers of its own on the device that it has in common with others: hence the path.
type Key = (files::Key, Option<PathBuf>);

fn key(mapping: &Mapping) -> Key {
    (files::key(mapping), mapping.path().map(Into::into))
}

#[derive(Debug, Default)]
pub(super) struct SharedMemory(HashMap<Key, One>);

#[derive(Debug)]
struct One {
    /// Which of its bytes are mapped by anyone, and what lies between.
    range: Range<u64>,
    /// Someone may write to it.
    written: bool,
    file: Option<File>,
    views: Vec<View>,
    copied: Option<Buffer>,
}

/// One process's mapping of it.
#[derive(Debug, PartialEq, Eq)]
struct View {
    thread: Pid,
    range: Range<u64>,
    offset: u64,
}

impl SharedMemory {
    /// Takes note of a mapping of a process, through any of its threads.
    pub(super) fn add(&mut self, thread: Pid, mapping: &Mapping) {
        let range = mapping.offset..mapping.offset.saturating_add(mapping.bytes());
        let one = self.0.entry(key(mapping)).or_insert_with(|| One {
            range: range.clone(),
            written: false,
            file: mapped_file(thread, mapping).or_else(|| by_path(mapping)),
            views: Vec::new(),
            copied: None,
        });
        one.range = one.range.start.min(range.start)..one.range.end.max(range.end);
        one.written |= mapping.write;
        let view = View { thread, range: mapping.range.clone(), offset: mapping.offset };
        if !one.views.contains(&view) {
            one.views.push(view);
        }
    }

    /// Whether one of the mappings so far may be written to.
    pub(super) fn is_written(&self, mapping: &Mapping) -> bool {
        self.0.get(&key(mapping)).is_some_and(|one| one.written)
    }

    /// Copies all. What cannot be had is left out.
    pub(super) fn copy(&mut self) {
        for one in self.0.values_mut() {
            one.copied = one.copy().ok();
        }
    }

    pub(super) fn finish(self) -> Contents {
        let contents = self
            .0
            .into_iter()
            .filter_map(|(key, one)| Some((key, (one.range.start, Arc::new(Content::Held(one.copied?))))));
        Contents(contents.collect())
    }
}

impl One {
    fn copy(&mut self) -> io::Result<Buffer> {
        let Some(file) = &self.file else { return self.copy_through_processes() };
        // Beyond its end there is nothing, mapped or not.
        let end = file.metadata()?.size().next_multiple_of(PAGE).min(self.range.end);
        self.range.end = end.max(self.range.start);
        let mut buffer = self.room()?;
        let mut at = self.range.start;
        while at < self.range.end {
            let Ok(start) = seek(file, SeekFrom::Data(at)) else { break };
            let hole = seek(file, SeekFrom::Hole(start))?;
            let data = start.max(self.range.start)..hole.min(self.range.end);
            if let Some(part) = self.part(&mut buffer, &data) {
                read_all(file, part, data.start)?;
            }
            at = hole.max(at + 1);
        }
        Ok(buffer)
    }

    fn copy_through_processes(&self) -> io::Result<Buffer> {
        let mut buffer = self.room()?;
        for view in &self.views {
            let memory = ProcessMemory::of(view.thread);
            let Ok(mut pages) = Pages::of(view.thread) else { continue };
            for touched in pages.find(view.range.clone(), Which::Touched)? {
                let start = touched.start - view.range.start + view.offset;
                let within = start..start + (touched.end - touched.start);
                if let Some(part) = self.part(&mut buffer, &within) {
                    // A page that went meanwhile: someone else has cut the file.
                    let _ = memory.read(Address(touched.start), part);
                }
            }
        }
        Ok(buffer)
    }

    fn room(&self) -> io::Result<Buffer> {
        let len = self.range.end - self.range.start;
        Buffer::zeros(usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?)
    }

    fn part<'b>(&self, buffer: &'b mut Buffer, bytes: &Range<u64>) -> Option<&'b mut [u8]> {
        let narrow = |at: u64| usize::try_from(at.checked_sub(self.range.start)?).ok();
        buffer.part_mut(narrow(bytes.start)?..narrow(bytes.end)?)
    }
}

/// As much as there is: the last page of a file is zeros behind its end.
fn read_all(file: &File, mut part: &mut [u8], mut at: u64) -> io::Result<()> {
    while !part.is_empty() {
        match file.read_at(part, at) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                part = &mut part[read..];
                at += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The file by its path, if it is still that one.
fn by_path(mapping: &Mapping) -> Option<File> {
    let path = mapping.path()?;
    if !std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.ino() == mapping.inode) {
        return None;
    }
    File::open(path).ok()
}

/// What was copied.
#[derive(Debug)]
pub(super) struct Contents(HashMap<Key, (u64, Arc<Content>)>);

impl Contents {
    /// What a mapping shows of it.
    pub(super) fn segment(&self, mapping: &Mapping) -> Option<Segment> {
        let (start, content) = self.0.get(&key(mapping))?;
        let offset = mapping.offset.checked_sub(*start)?;
        Some(Segment::part(mapping.range.clone(), Arc::clone(content), offset))
    }
}
