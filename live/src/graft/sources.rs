//! What the pieces of a plan are mapped from, opened in our own process: it is passed into the old one by descriptor, since one that has
//! dropped its privileges may open little of it itself.
//!
//! A file is the one that the *old* process sees by the path: the new release's own mounts, with what it has written, are gone after the
//! update. It need not be the same as the new release had: what differs is written into the mapping, as what was written to it is. If it is
//! gone, or has become too short, its pages become memory without a file. So the new release's bytes are right in any case, and a
//! debugger finds the file in all but odd ones.
//!
//! What processes of the new release share becomes a file without a name, one for all, with what start-up put into it: they go on sharing it,
//! and nothing of it is shared with anyone else.

use super::plan::{Piece, Plan, Source};
use mcrx_tracer::image::{Content, FileContent, Inode, Memory, Process, Segment};
use nix::unistd::Pid;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opened files, by what plans call them.
#[derive(Debug, Default)]
pub struct Sources {
    files: HashMap<PathBuf, Option<Opened>>,
    shared: HashMap<Inode, Shared>,
}

/// A file.
#[derive(Debug)]
struct Opened {
    file: File,
    len: u64,
    content: Arc<Content>,
}

/// What processes share.
#[derive(Debug)]
struct Shared {
    file: File,
    len: u64,
}

/// What a piece is mapped from, in our own process.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'s> {
    /// Zeros.
    Nothing,
    /// A file from an offset on, privately or shared.
    File { file: BorrowedFd<'s>, offset: u64, shared: bool },
}

/// What cannot be opened or made.
#[derive(Debug, thiserror::Error)]
#[error("what the new release shares as {} cannot be made anew: {source}", .path.display())]
pub struct SourceError {
    /// What it was called.
    pub path: PathBuf,
    /// In the system's words.
    pub source: io::Error,
}

impl Sources {
    /// Opens what one process's plan needs, and what others' have not asked for before.
    ///
    /// `view`: a process that sees the files as the old one does; that one itself, usually.
    ///
    /// # Errors
    /// There is no memory for what is shared. A file that cannot be opened is no error.
    pub fn add(&mut self, view: Pid, new: &Process, plan: &Plan) -> Result<(), SourceError> {
        for piece in &plan.pieces {
            match &piece.source {
                Source::Zeros | Source::Stack | Source::Again(_) => {}
                Source::File { path, .. } => {
                    self.files.entry(path.clone()).or_insert_with(|| Opened::of(view, path));
                }
                Source::Shared { object, path, offset } => {
                    let shared = match self.shared.get_mut(object) {
                        Some(shared) => shared,
                        None => self.shared.entry(*object).or_insert(
                            Shared::new().map_err(|source| SourceError { path: path.clone(), source })?,
                        ),
                    };
                    let filled = shared.fill(new, piece, *offset);
                    filled.map_err(|source| SourceError { path: path.clone(), source })?;
                }
            }
        }
        Ok(())
    }

    /// What a piece is mapped from.
    pub(super) fn origin(&self, piece: &Piece) -> Origin<'_> {
        match &piece.source {
            Source::Zeros | Source::Stack | Source::Again(_) => Origin::Nothing,
            Source::File { offset, .. } => self.opened(piece).map_or(Origin::Nothing, |opened| {
                Origin::File { file: opened.file.as_fd(), offset: *offset, shared: false }
            }),
            Source::Shared { object, offset, .. } => {
                self.shared.get(object).map_or(Origin::Nothing, |shared| Origin::File {
                    file: shared.file.as_fd(),
                    offset: *offset,
                    shared: true,
                })
            }
        }
    }

    /// What a piece shows when it has just been mapped: the file's bytes, at its addresses. `None`: zeros, or what is shared, which is
    /// complete.
    pub(super) fn first_bytes(&self, piece: &Piece) -> Option<Segment> {
        let Source::File { offset, .. } = &piece.source else { return None };
        let opened = self.opened(piece)?;
        Some(Segment::part(piece.range.clone(), Arc::clone(&opened.content), *offset))
    }

    /// The files that the plan's pieces are mapped from and that could not be had, by the new release's paths.
    #[must_use]
    pub fn missing(&self) -> Vec<&Path> {
        let missing = self.files.iter().filter(|(_, opened)| opened.is_none());
        missing.map(|(path, _)| path.as_path()).collect()
    }

    /// What processes of the new release share, of which there are copies.
    #[must_use]
    pub fn copies(&self) -> usize {
        self.shared.len()
    }

    /// The file of a piece, if it reaches as far.
    fn opened(&self, piece: &Piece) -> Option<&Opened> {
        let Source::File { path, offset } = &piece.source else { return None };
        let opened = self.files.get(path)?.as_ref()?;
        let needed = offset.saturating_add(piece.range.end - piece.range.start);
        (needed <= opened.len.next_multiple_of(crate::process::pages::PAGE)).then_some(opened)
    }
}

impl Opened {
    fn of(view: Pid, path: &Path) -> Option<Opened> {
        let relative = path.strip_prefix("/").ok()?;
        let seen = Path::new("/proc").join(view.to_string()).join("root").join(relative);
        // To open a pipe or a device may do something, or block.
        if !std::fs::metadata(&seen).ok()?.is_file() {
            return None;
        }
        let file = File::open(&seen).ok()?;
        let len = file.metadata().ok()?.len();
        let content = Arc::new(Content::File(FileContent::of(&file, &seen).ok()?));
        Some(Opened { file, len, content })
    }
}

impl Shared {
    fn new() -> io::Result<Shared> {
        Ok(Shared { file: File::from(memfd_create(c"shared", MemfdFlags::CLOEXEC)?), len: 0 })
    }

    /// Puts in what one process's image has of it. All have the same of what they both have.
    fn fill(&mut self, new: &Process, piece: &Piece, offset: u64) -> io::Result<()> {
        let len = offset.saturating_add(piece.range.end - piece.range.start);
        if len > self.len {
            ftruncate(&self.file, len)?;
            self.len = len;
        }
        for (segment, range) in pieces_of(&new.memory, &piece.range) {
            for step in steps(&range) {
                if segment.is_zero(&step) {
                    continue;
                }
                let bytes =
                    new.memory.bytes(step.start, length(&step)).ok_or(io::ErrorKind::UnexpectedEof)?;
                self.file.write_all_at(bytes, offset + (step.start - piece.range.start))?;
            }
        }
        Ok(())
    }
}

/// The segments of an image that have bytes of a range, each with its part of it.
pub(super) fn pieces_of<'m>(
    memory: &'m Memory,
    range: &Range<u64>,
) -> impl Iterator<Item = (&'m Segment, Range<u64>)> {
    let (segments, range) = (memory.segments(), range.clone());
    let first = segments.partition_point(|segment| segment.range().end <= range.start);
    let parts = segments.get(first..).unwrap_or(&[]).iter();
    parts
        .take_while({
            let end = range.end;
            move |segment| segment.range().start < end
        })
        .map(move |segment| {
            let own = segment.range();
            (segment, own.start.max(range.start)..own.end.min(range.end))
        })
}

/// A range cut where whole mebibytes of addresses begin: images know of those whether they were ever written.
pub(super) fn steps(range: &Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
    const STEP: u64 = 1 << 20;
    let Range { start, end } = range.clone();
    let firsts = std::iter::successors(Some(start), move |at| Some((at / STEP + 1) * STEP));
    firsts.take_while(move |at| *at < end).map(move |at| at..((at / STEP + 1) * STEP).min(end))
}

pub(super) fn length(range: &Range<u64>) -> usize {
    usize::try_from(range.end - range.start).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_into_steps_without_a_gap() {
        let mebibyte = 1 << 20;
        let cut: Vec<_> = steps(&(mebibyte - 1..3 * mebibyte)).collect();
        assert_eq!(cut, [mebibyte - 1..mebibyte, mebibyte..2 * mebibyte, 2 * mebibyte..3 * mebibyte]);
        assert_eq!(steps(&(5..5)).count(), 0);
    }
}
