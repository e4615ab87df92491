//! What is written into the new mappings: pages of the image that differ from what was mapped.
//!
//! It is written while the old process runs, which does not know of them. `/proc/PID/mem` writes whatever a mapping's
//! permissions are (proc_pid_mem(5)), so each is mapped with those that it has in the end, and what the dynamic linker made read-only needs no
//! second step.

use super::plan::{Piece, Plan, Source};
use super::sources::{Sources, length, pieces_of, steps};
use crate::process::pages::PAGE;
use mcrx_tracer::image::{Memory, Process, Segment};
use nix::unistd::Pid;
use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Memory of a process, to be written to from outside.
#[derive(Debug)]
pub(super) struct Writable(File);

impl Writable {
    /// Of the process that a thread is of.
    pub(super) fn of(thread: Pid) -> io::Result<Writable> {
        let file = OpenOptions::new().write(true).open(format!("/proc/{thread}/mem"))?;
        Ok(Writable(file))
    }

    pub(super) fn write(&self, address: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, address)
    }
}

/// Writes the contents of all pieces; says how many bytes that were.
pub(super) fn write(
    plan: &Plan,
    sources: &Sources,
    new: &Process,
    into: &Writable,
) -> Result<u64, ContentError> {
    let mut written = 0;
    for piece in &plan.pieces {
        each_run(piece, sources.first_bytes(piece), &new.memory, |address, bytes| {
            written += bytes.len() as u64;
            into.write(address, bytes).map_err(|source| ContentError::Unwritable { address, source })
        })?;
    }
    Ok(written)
}

/// What of the new release's memory could not be brought over.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The image does not have what the mapping's file had.
    #[error("memory of the new release at {address:#x} is not in its image: {why}")]
    Missing {
        /// Where.
        address: u64,
        /// In the image's words.
        why: String,
    },
    /// The old process has ended, or we may not.
    #[error("memory cannot be written at {address:#x}: {source}")]
    Unwritable {
        /// Where.
        address: u64,
        /// In the system's words.
        source: io::Error,
    },
}

/// Hands out the runs of pages in which a piece differs from what it shows when it has just been mapped.
fn each_run(
    piece: &Piece,
    first: Option<Segment>,
    memory: &Memory,
    mut write: impl FnMut(u64, &[u8]) -> Result<(), ContentError>,
) -> Result<(), ContentError> {
    if matches!(piece.source, Source::Shared { .. } | Source::Again(_)) {
        // It is complete, or somebody else's.
        return Ok(());
    }
    let first = first.and_then(|segment| Memory::new([segment]).ok());
    for (segment, range) in pieces_of(memory, &piece.range) {
        for step in steps(&range) {
            if first.is_none() && segment.is_zero(&step) {
                continue;
            }
            let bytes = memory.bytes(step.start, length(&step)).ok_or_else(|| ContentError::Missing {
                address: step.start,
                why: memory
                    .why_not(step.start, length(&step))
                    .map_or_else(String::new, |why| why.to_string()),
            })?;
            let differs = |page: &Range<u64>, bytes: &[u8]| match &first {
                Some(file) => file.bytes(page.start, bytes.len()) != Some(bytes),
                None => bytes.iter().any(|byte| *byte != 0),
            };
            each_differing(&step, bytes, differs, &mut write)?;
        }
    }
    Ok(())
}

/// Pages that differ and lie side by side are one run.
fn each_differing(
    step: &Range<u64>,
    bytes: &[u8],
    differs: impl Fn(&Range<u64>, &[u8]) -> bool,
    write: &mut impl FnMut(u64, &[u8]) -> Result<(), ContentError>,
) -> Result<(), ContentError> {
    let mut run: Option<Range<u64>> = None;
    let part = |range: &Range<u64>| {
        let start = length(&(step.start..range.start));
        bytes.get(start..start + length(range)).unwrap_or(&[])
    };
    let mut at = step.start;
    while at < step.end {
        let page = at..((at / PAGE + 1) * PAGE).min(step.end);
        at = page.end;
        if differs(&page, part(&page)) {
            run = Some(run.map_or(page.start, |run| run.start)..page.end);
        } else if let Some(run) = run.take() {
            write(run.start, part(&run))?;
        }
    }
    run.map_or(Ok(()), |run| write(run.start, part(&run)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcrx_tracer::image::{Buffer, Content, Permissions};
    use std::sync::Arc;

    const START: u64 = 0x5000_0000;

    /// What is written of an image that has these bytes at the start of each page.
    fn runs(pages: &[u8], file: Option<&[u8]>) -> Vec<(u64, usize)> {
        let bytes = |firsts: &[u8]| -> Vec<u8> {
            firsts.iter().flat_map(|first| std::iter::once(*first).chain([0; 4095])).collect()
        };
        let segment =
            |firsts: &[u8]| Segment::whole(START, Arc::new(Content::from(Buffer::from(bytes(firsts)))));
        let memory = Memory::new([segment(pages)]).unwrap();
        let range = START..START + 4096 * pages.len() as u64;
        let piece = Piece { range, permissions: Permissions::READ, source: Source::Zeros };
        let mut runs = Vec::new();
        each_run(&piece, file.map(segment), &memory, |address, bytes| {
            runs.push(((address - START) / 4096, bytes.len() / 4096));
            Ok(())
        })
        .unwrap();
        runs
    }

    #[test]
    fn zeros_are_not_written_over_zeros() {
        assert_eq!(runs(&[0, 1, 2, 0, 0, 3], None), [(1, 2), (5, 1)]);
        assert_eq!(runs(&[0; 300], None), []);
    }

    #[test]
    fn only_pages_that_differ_from_the_file_are_written() {
        assert_eq!(runs(&[7, 8, 9], Some(&[7, 8, 9])), []);
        assert_eq!(runs(&[7, 0, 9, 4], Some(&[7, 8, 9, 5])), [(1, 1), (3, 1)]);
    }

    #[test]
    fn pages_beyond_the_files_end_are_written() {
        assert_eq!(runs(&[7, 0], Some(&[7])), [(1, 1)]);
    }

    #[test]
    fn a_run_that_goes_on_over_a_mebibyte_is_written_whole() {
        let pages = vec![1; 700];
        let runs = runs(&pages, None);
        assert_eq!(runs.iter().map(|(_, pages)| pages).sum::<usize>(), 700);
    }
}
