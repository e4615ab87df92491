//! The files that a process had mapped, as they are now, and the programs and libraries among them.

use super::{Header, MappedFile};
use crate::image::{Content, FileContent, FileFault, Identity, Memory, Module, Permissions, Segment, Tls};
use mcrx_debuginfo::file::BuildId;
use object::LittleEndian;
use object::elf::{NT_GNU_BUILD_ID, PF_W, PF_X, PT_LOAD, PT_NOTE, PT_TLS, ProgramFlags, ProgramType};
use object::read::elf::{FileHeader, NoteIterator, ProgramHeader};
use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

const PAGE: u64 = 4096;

/// All files of a core, by path.
pub(super) struct Files {
    contents: BTreeMap<PathBuf, Arc<Content>>,
}

impl Files {
    /// `dumped`: the memory that is in the core, with the build-ids that files had. `made`: when the core was.
    pub(super) fn open(files: &[MappedFile], dumped: &Memory, made: SystemTime) -> Files {
        let mut contents = BTreeMap::new();
        for file in files {
            if !contents.contains_key(&file.path) {
                let of_file = files.iter().filter(|other| other.path == file.path);
                let len = of_file.clone().map(|other| other.offset.saturating_add(len(&other.range))).max();
                let first = of_file.clone().find(|other| other.offset == 0);
                let had = first
                    .and_then(|first| Elf::at(first.range.start, dumped))
                    .and_then(|elf| elf.build_id(dumped));
                let content = content(&file.path, had, len.unwrap_or(0), made);
                contents.insert(file.path.clone(), Arc::new(Content::File(content)));
            }
        }
        Files { contents }
    }

    /// Some of a mapped file.
    pub(super) fn segment(&self, file: &MappedFile, range: Range<u64>) -> Segment {
        let offset = file.offset.saturating_add(range.start - file.range.start);
        match self.contents.get(&file.path) {
            Some(content) => Segment::part(range, Arc::clone(content), offset),
            // There is one for each path.
            None => Segment::part(range.start..range.start, Arc::new(Content::Held(Vec::new().into())), 0),
        }
    }
}

/// What a process may do with some of a file that was not dumped: what the dynamic linker gave it for the segment that it is of.
pub(super) fn permissions(file: &MappedFile, files: &[MappedFile], memory: &Memory) -> Permissions {
    let first = files
        .iter()
        .rfind(|other| other.path == file.path && other.offset == 0 && other.range.start <= file.range.start);
    let elf = first.and_then(|first| Elf::at(first.range.start, memory));
    let flags = elf.and_then(|elf| {
        let at = file.range.start.wrapping_sub(elf.bias);
        let holds = |part: &&Part| part.kind == PT_LOAD && (part.pages().contains(&at));
        elf.parts.iter().find(holds).map(|part| part.flags)
    });
    let may = |flag: ProgramFlags| flags.is_some_and(|flags| (flags & flag).0 != 0);
    // Writable pages have been changed, or will be copied when they are.
    Permissions { read: true, write: may(PF_W), execute: may(PF_X) }
}

/// The file at a path, if it can be the one that had this build-id.
fn content(path: &Path, had: Option<BuildId>, len: u64, made: SystemTime) -> FileContent {
    let refused = |fault| {
        let identity = Identity { size: len, modified: made, build_id: had };
        FileContent::refused(path.to_owned(), identity, fault)
    };
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let opened = if is_file { File::open(path) } else { Err(std::io::ErrorKind::NotFound.into()) };
    match opened.and_then(|file| FileContent::of(&file, path)) {
        Err(error) => refused(FileFault::Unreadable { path: path.to_owned(), why: error.to_string() }),
        Ok(content) => {
            let is = content.identity();
            let difference = match (had, is.build_id) {
                (Some(had), has) if has != Some(had) => format!("its build-id was {had}"),
                (None, _) if is.modified > made => "it has been written to since".to_owned(),
                _ => return content,
            };
            refused(FileFault::Replaced { path: path.to_owned(), difference })
        }
    }
}

/// The programs and libraries among mapped files. `entry`: where the program begins to run.
pub(super) fn modules(files: &[MappedFile], memory: &Memory, entry: u64) -> Vec<Module> {
    let firsts = files.iter().filter(|file| file.offset == 0);
    let module = |file: &MappedFile| {
        let elf = Elf::at(file.range.start, memory)?;
        let range = elf.range()?;
        let tls = if range.contains(&entry) { elf.own_tls() } else { None };
        let build_id = elf.build_id(memory);
        Some(Module { path: file.path.clone(), build_id, bias: elf.bias, range, tls })
    };
    let mut modules: Vec<Module> = Vec::new();
    for module in firsts.filter_map(module) {
        // A program's first page may be mapped twice, once for each segment that begins in it.
        if modules.last().is_none_or(|last| last.range.end <= module.range.start) {
            modules.push(module);
        }
    }
    modules
}

/// A program or library in memory.
struct Elf {
    bias: u64,
    parts: Vec<Part>,
}

/// What a program header describes.
struct Part {
    kind: ProgramType,
    flags: ProgramFlags,
    /// As linked.
    address: u64,
    /// In memory.
    len: u64,
    align: u64,
}

impl Part {
    /// Its pages, as linked.
    fn pages(&self) -> Range<u64> {
        let end = self.address.saturating_add(self.len);
        self.address & !(PAGE - 1)..end.checked_next_multiple_of(PAGE).unwrap_or(end)
    }
}

impl Elf {
    /// `None`: none begins there.
    fn at(start: u64, memory: &Memory) -> Option<Elf> {
        // Linkers put the program headers right behind the header.
        let first_page = memory.bytes(start, usize::try_from(PAGE).ok()?)?;
        let header = Header::parse(first_page).ok()?;
        let headers = header.program_headers(LittleEndian, first_page).ok()?;
        let part = |header: &super::Load| Part {
            kind: header.p_type(LittleEndian),
            flags: header.p_flags(LittleEndian),
            address: header.p_vaddr(LittleEndian),
            len: header.p_memsz(LittleEndian),
            align: header.p_align(LittleEndian),
        };
        let parts: Vec<Part> = headers.iter().map(part).collect();
        let loads = parts.iter().filter(|part| part.kind == PT_LOAD);
        let lowest = loads.map(|part| part.pages().start).min()?;
        Some(Elf { bias: start.wrapping_sub(lowest), parts })
    }

    fn range(&self) -> Option<Range<u64>> {
        let loads = || self.parts.iter().filter(|part| part.kind == PT_LOAD).map(Part::pages);
        let (start, end) = (loads().map(|pages| pages.start).min()?, loads().map(|pages| pages.end).max()?);
        let (start, end) = (self.bias.wrapping_add(start), self.bias.wrapping_add(end));
        (start < end).then_some(start..end)
    }

    fn build_id(&self, memory: &Memory) -> Option<BuildId> {
        self.parts.iter().filter(|part| part.kind == PT_NOTE).find_map(|part| {
            let address = self.bias.wrapping_add(part.address);
            let bytes = memory.bytes(address, usize::try_from(part.len).ok()?)?;
            let mut notes = NoteIterator::<Header>::new(LittleEndian, part.align, bytes).ok()?;
            while let Some(note) = notes.next().ok()? {
                if note.name() == b"GNU" && note.n_type(LittleEndian) == NT_GNU_BUILD_ID {
                    return BuildId::new(note.desc());
                }
            }
            None
        })
    }

    /// Thread-local variables of the program itself, which are the first module's and lie right below the thread pointer (Drepper,
    /// *ELF Handling For Thread-Local Storage*, section 3.4.6, variant II). Of libraries only the dynamic linker knows.
    fn own_tls(&self) -> Option<Tls> {
        let part = self.parts.iter().find(|part| part.kind == PT_TLS)?;
        let align = part.align.max(1);
        let below =
            part.len.checked_next_multiple_of(align).filter(|_| part.address.is_multiple_of(align))?;
        Some(Tls { number: 1, below_thread_pointer: Some(below), size: part.len })
    }
}

fn len(range: &Range<u64>) -> u64 {
    range.end - range.start
}
