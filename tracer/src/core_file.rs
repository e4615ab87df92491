//! Images from core files: of a process that crashed, or that `gcore` took a picture of (elf(5), core(5)).
//!
//! A core file has what of a process's memory was dumped, its registers, and the names of the files that it had mapped (`NT_FILE`). What
//! was not dumped of those, code mostly, is taken from the files themselves, if they are still what they were: their build-id is compared
//! with the one in dumped memory, or, where that has none, their time with the core file's.
//!
//! A core file does not say which memory was shared, how threads and mappings are named, which kernel it was, or how long the process was
//! held; those stay empty. It is of one process: children of a server have cores of their own.

mod files;
mod notes;

use crate::image::{
    Buffer, Content, Image, Mapping, MappingKind, Memory, Method, Permissions, Process, Segment, Taken,
    map_own,
};
use files::Files;
use memmap2::Mmap;
use notes::{MappedFile, Notes};
use object::LittleEndian;
use object::elf::{
    EM_X86_64, ET_CORE, FileHeader64, PF_R, PF_W, PF_X, PT_LOAD, ProgramFlags, ProgramHeader64,
};
use object::read::elf::{FileHeader, ProgramHeader};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

type Header = FileHeader64<LittleEndian>;
type Load = ProgramHeader64<LittleEndian>;

/// Why a file cannot be read as a core file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", .path.display())]
pub struct CoreError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: CoreFault,
}

/// What is wrong with a core file.
#[derive(Debug, thiserror::Error)]
pub enum CoreFault {
    /// The system does not give it.
    #[error("cannot be opened: {0}")]
    Io(#[from] io::Error),
    /// Another sort of file, or another machine's.
    #[error("it is no core file of an x86-64 process: `gcore PID` makes one")]
    Foreign,
    /// Part of the memory that it says it has is not there.
    #[error(
        "it is cut short: it has {len} bytes of {needed}: lift the limit of core files (`ulimit -c unlimited`) or make room on the disk, \
         and take it again"
    )]
    Truncated {
        /// Bytes that there are.
        len: u64,
        /// Bytes that there should be.
        needed: u64,
    },
    /// It contradicts itself.
    #[error("it is damaged: {0}: take it again")]
    Corrupt(&'static str),
}

/// The image in a core file. The file stays mapped as long as memory of the image is there.
///
/// # Errors
/// See [`CoreFault`]. That a file that memory is mapped from is not there, or is another one now, is no error here: it shows when that
/// memory is read.
pub fn open(path: &Path) -> Result<Image, CoreError> {
    image(path).map_err(|why| CoreError { path: path.to_owned(), why })
}

fn image(path: &Path) -> Result<Image, CoreFault> {
    // A pipe or device would block, or have no end.
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(CoreFault::Io(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")));
    }
    if metadata.len() == 0 {
        return Err(CoreFault::Foreign);
    }
    let made = metadata.modified()?;
    let core = Arc::new(map_own(&File::open(path)?)?);
    let headers = headers(&core)?;
    let notes = Notes::read(&core, headers)?;
    let loads: Vec<&Load> = headers.iter().filter(|load| load.p_type(LittleEndian) == PT_LOAD).collect();

    let mut segments: Vec<Segment> = loads.iter().map(|load| dumped(&core, load)).collect();
    let overlap = |_| CoreFault::Corrupt("two of its segments overlap");
    let files = Files::open(&notes.files, &Memory::new(segments.clone()).map_err(overlap)?, made);
    let mut mappings: Vec<Mapping> = loads.iter().filter_map(|load| mapping(load, &notes)).collect();
    let filled: Vec<Range<u64>> =
        segments.iter().map(Segment::range).filter(|range| !range.is_empty()).collect();
    let mut from_files = Vec::new();
    for file in &notes.files {
        for gap in gaps(file.range.clone(), &filled) {
            let segment = files.segment(file, gap);
            from_files.push((file, segment.range()));
            segments.push(segment);
        }
    }
    let memory = Memory::new(segments).map_err(overlap)?;
    for (file, range) in from_files {
        // Kernels list what they did not dump, debuggers do not.
        if !mappings.iter().any(|mapping| mapping.range.contains(&range.start)) {
            let permissions = files::permissions(file, &notes.files, &memory);
            mappings.push(Mapping { kind: file.kind(range.start), range, permissions });
        }
    }
    mappings.retain(|mapping| !mapping.range.is_empty());
    mappings.sort_by_key(|mapping| mapping.range.start);
    let executable = notes.file_at(notes.entry).map(|file| file.path.clone()).unwrap_or_default();
    let modules = files::modules(&notes.files, &memory, notes.entry);
    let Notes { pid, parent, name, threads, .. } = notes;
    let process = Process { pid, parent, name, executable, modules, mappings, threads, memory };
    let taken = Taken {
        at: made,
        held: Duration::ZERO,
        method: Method::Copy,
        kernel: String::new(),
        redacted: false,
    };
    Ok(Image { processes: vec![process], taken })
}

fn headers(core: &[u8]) -> Result<&[Load], CoreFault> {
    let header = Header::parse(core).map_err(|_| CoreFault::Foreign)?;
    let is_core = header.e_type(LittleEndian) == ET_CORE && header.e_machine(LittleEndian) == EM_X86_64;
    if !is_core || !header.is_little_endian() || !header.is_class_64() {
        return Err(CoreFault::Foreign);
    }
    let len = u64::try_from(core.len()).unwrap_or(u64::MAX);
    let program_headers = header.program_headers(LittleEndian, core);
    let headers = program_headers.map_err(|_| CoreFault::Corrupt("its program headers are not in it"))?;
    let ends = headers.iter().map(|header| {
        let (start, len) = header.file_range(LittleEndian);
        start.saturating_add(len)
    });
    match ends.max().filter(|end| *end > len) {
        Some(needed) => Err(CoreFault::Truncated { len, needed }),
        None => Ok(headers),
    }
}

/// The part of a segment that is in the file. `headers` has seen that it is.
fn dumped(core: &Arc<Mmap>, load: &Load) -> Segment {
    let (start, len) = load.file_range(LittleEndian);
    let narrow = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let buffer = Buffer::mapped(Arc::clone(core), narrow(start)..narrow(start.saturating_add(len)));
    Segment::whole(load.p_vaddr(LittleEndian), Arc::new(Content::Held(buffer)))
}

/// `None`: it has no end.
fn mapping(load: &Load, notes: &Notes) -> Option<Mapping> {
    let start = load.p_vaddr(LittleEndian);
    let range = start..start.checked_add(load.p_memsz(LittleEndian))?;
    let is = |flag: ProgramFlags| (load.p_flags(LittleEndian) & flag).0 != 0;
    let permissions = Permissions { read: is(PF_R), write: is(PF_W), execute: is(PF_X) };
    Some(Mapping { kind: kind(start, &range, notes), range, permissions })
}

fn kind(start: u64, range: &Range<u64>, notes: &Notes) -> MappingKind {
    /// Where the kernel has always had it.
    const VSYSCALL: u64 = 0xFFFF_FFFF_FF60_0000;
    let main = notes.threads.first();
    match notes.file_at(start) {
        Some(file) => file.kind(start),
        None if start == VSYSCALL => MappingKind::Vsyscall,
        None if notes.vdso == Some(start) => MappingKind::Vdso,
        None if main.is_some_and(|thread| range.contains(&thread.registers.rsp)) => MappingKind::Stack,
        None => MappingKind::Anonymous { name: None },
    }
}

/// What of a range is in none of the others, which are in no order.
fn gaps(range: Range<u64>, others: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut inside: Vec<&Range<u64>> =
        others.iter().filter(|other| other.start < range.end && range.start < other.end).collect();
    inside.sort_by_key(|other| other.start);
    let mut gaps = Vec::new();
    let mut at = range.start;
    for other in inside {
        if at < other.start {
            gaps.push(at..other.start);
        }
        at = at.max(other.end);
    }
    if at < range.end {
        gaps.push(at..range.end);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_what_nothing_covers() {
        assert_eq!(gaps(10..20, &[0..10, 20..30]), vec![10..20]);
        assert_eq!(gaps(10..20, &[15..16, 0..12, 19..30]), [12..15, 16..19]);
        assert_eq!(gaps(10..20, &[0..15, 15..20, 20..30]), []);
    }
}
