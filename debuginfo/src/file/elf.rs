//! One ELF file, mapped: its sections by name, decompressed where they are asked for, and its segments.
//!
//! Nothing is parsed up front but the two header tables. What a file claims is checked against its length before it is followed, and
//! what it makes us allocate is bounded by its length (see [`super::compress`]).

use super::build_id::BuildId;
use super::compress::{Budget, Compressed, SectionError};
use super::error::OpenError;
use super::kind::{HEAD, Kind};
use super::mapping::Mapping;
use object::LittleEndian;
use object::elf::{self, FileHeader64, NoteType};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use rayon::prelude::*;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The section header's names are cut off here; the longest that means anything to us has 20 bytes.
const NAME_MAX: usize = 255;

/// An ELF file for x86-64.
pub(crate) struct Elf {
    path: PathBuf,
    bytes: Arc<Mapping>,
    sections: Vec<Section>,
    segments: Vec<Segment>,
    build_id: Option<BuildId>,
    budget: Budget,
}

/// A section, as its header describes it.
pub(crate) struct Section {
    name: Range<usize>,
    pub(crate) kind: elf::SectionType,
    pub(crate) flags: elf::SectionFlags,
    pub(crate) address: u64,
    pub(crate) link: u32,
    /// Where its bytes are in the file; empty if it has none there.
    range: Range<usize>,
    inflated: OnceLock<Result<Vec<u8>, SectionError>>,
}

/// A part of the file that is loaded.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) address: u64,
    /// In memory, in bytes.
    pub(crate) size: u64,
    pub(crate) is_executable: bool,
    /// Where its bytes end in the file, or should.
    end: u64,
    /// None: past the end of the file.
    range: Option<Range<usize>>,
}

impl Section {
    /// Where its bytes are in the file.
    pub(crate) fn range(&self) -> Range<usize> {
        self.range.clone()
    }
}

impl Elf {
    /// Opens a program or library.
    pub(crate) fn program(path: &Path) -> Result<Elf, OpenError> {
        Elf::open(path, |kind| *kind == Kind::X86_64)
    }

    /// Opens a file of debug info; supplementary and split ones are in the form of object files.
    pub(crate) fn part(path: &Path) -> Result<Elf, OpenError> {
        Elf::open(path, |kind| matches!(kind, Kind::X86_64 | Kind::Unlinked(_)))
    }

    fn open(path: &Path, is_wanted: impl Fn(&Kind) -> bool) -> Result<Elf, OpenError> {
        let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
        let bytes = Mapping::open(path).map_err(unreadable)?;
        let kind = Kind::of(bytes.get(..HEAD).unwrap_or(&bytes));
        if is_wanted(&kind) {
            Elf::parse(path, bytes)
        } else {
            Err(OpenError::Other { path: path.to_owned(), kind })
        }
    }

    fn parse(path: &Path, bytes: Mapping) -> Result<Elf, OpenError> {
        let data: &[u8] = &bytes;
        let damaged = |source| OpenError::Damaged { path: path.to_owned(), source };
        let truncated =
            |needed| OpenError::Truncated { path: path.to_owned(), length: to_u64(data.len()), needed };
        if data.len() < size_of::<FileHeader64<LittleEndian>>() {
            return Err(truncated(to_u64(size_of::<FileHeader64<LittleEndian>>())));
        }
        let header = FileHeader64::<LittleEndian>::parse(data).map_err(damaged)?;
        let endian = LittleEndian;
        let table_end = header.e_shoff(endian).saturating_add(
            u64::from(header.e_shnum(endian)).saturating_mul(u64::from(header.e_shentsize(endian))),
        );
        if table_end > to_u64(data.len()) {
            return Err(truncated(table_end));
        }
        let headers = header.section_headers(endian, data).map_err(damaged)?;
        let names = match headers {
            [] => 0..0,
            _ => {
                let index = header.shstrndx(endian, data).map_err(damaged)?;
                let strings = usize::try_from(index).ok().and_then(|index| headers.get(index));
                let range = strings.and_then(|strings| strings.file_range(endian));
                range.and_then(|(start, size)| range_in(data, start, size)).unwrap_or(0..0)
            }
        };
        let mut sections = Vec::with_capacity(headers.len());
        for header in headers {
            let range = match header.file_range(endian) {
                None => 0..0,
                Some((start, size)) => match range_in(data, start, size) {
                    Some(range) => range,
                    None => return Err(truncated(start.saturating_add(size))),
                },
            };
            sections.push(Section {
                name: name_in(data, &names, header.sh_name(endian)),
                kind: header.sh_type(endian),
                flags: header.sh_flags(endian),
                address: header.sh_addr(endian),
                link: header.sh_link(endian),
                range,
                inflated: OnceLock::new(),
            });
        }
        let program_headers = header.program_headers(endian, data).map_err(damaged)?;
        let segments = program_headers.iter().filter(|header| header.p_type(endian) == elf::PT_LOAD);
        let segments = segments.map(|header| {
            let flags = header.p_flags(endian);
            let (start, size) = header.file_range(endian);
            Segment {
                address: header.p_vaddr(endian),
                size: header.p_memsz(endian),
                is_executable: flags.contains(elf::PF_X),
                end: start.saturating_add(size),
                range: range_in(data, start, size),
            }
        });
        let segments = segments.collect();
        // The segments of a file of debug info are those of its program: their offsets mean nothing there. So sections first.
        let in_sections = headers.iter().find_map(|header| {
            let mut notes = header.notes(endian, data).ok()??;
            build_id_of(std::iter::from_fn(|| notes.next().ok()?))
        });
        let build_id = in_sections.or_else(|| {
            program_headers.iter().find_map(|header| {
                let mut notes = header.notes(endian, data).ok()??;
                build_id_of(std::iter::from_fn(|| notes.next().ok()?))
            })
        });
        let budget = Budget::default();
        Ok(Elf { path: path.to_owned(), sections, segments, build_id, budget, bytes: Arc::new(bytes) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets go of the pages that were read; see [`Mapping::let_go`].
    pub(crate) fn let_go(&self) {
        self.bytes.let_go();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, to be kept.
    pub(crate) fn share(&self) -> Arc<Mapping> {
        Arc::clone(&self.bytes)
    }

    pub(crate) fn build_id(&self) -> Option<&BuildId> {
        self.build_id.as_ref()
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The bytes of a segment that come from the file; what memory has beyond them is zero.
    pub(crate) fn segment_bytes(&self, segment: &Segment) -> Option<&[u8]> {
        self.bytes.get(segment.range.clone()?)
    }

    /// How long the file would have to be for all that is to be loaded of it, in bytes, if it is not.
    pub(crate) fn lacks(&self) -> Option<u64> {
        let lacking = self.segments.iter().filter(|segment| segment.range.is_none());
        lacking.map(|segment| segment.end).max()
    }

    pub(crate) fn sections(&self) -> &[Section] {
        &self.sections
    }

    pub(crate) fn name(&self, section: &Section) -> &[u8] {
        self.bytes.get(section.name.clone()).unwrap_or_default()
    }

    /// The first section of this name that has bytes in the file. In a file of debug info the program's own sections are there by
    /// name only.
    pub(crate) fn section(&self, name: &[u8]) -> Option<&Section> {
        self.sections.iter().find(|section| !section.range.is_empty() && self.name(section) == name)
    }

    /// Like [`Elf::section`], for one of DWARF's, which may have the name that was given to compressed ones before there was a flag
    /// for it: `.zdebug_info`.
    pub(crate) fn debug_section(&self, name: &str) -> Option<&Section> {
        let old = || self.section(format!(".z{}", name.strip_prefix('.')?).as_bytes());
        self.section(name.as_bytes()).or_else(old)
    }

    /// All of these, in the order of the file. Only object files have several: what was in different groups.
    pub(crate) fn debug_sections(&self, name: &str) -> impl Iterator<Item = &Section> {
        let old = name.strip_prefix('.').map(|rest| format!(".z{rest}")).unwrap_or_default();
        let has_name = move |section: &&Section| {
            let its = self.name(section);
            !section.range.is_empty() && (its == name.as_bytes() || its == old.as_bytes())
        };
        self.sections.iter().filter(has_name)
    }

    /// A section's bytes as they are in the file.
    pub(crate) fn raw(&self, section: &Section) -> &[u8] {
        self.bytes.get(section.range.clone()).unwrap_or_default()
    }

    /// A section's bytes, decompressed.
    pub(crate) fn data<'a>(&'a self, section: &'a Section) -> Result<&'a [u8], SectionError> {
        let raw = self.raw(section);
        let inflate = || {
            let is_old = self.name(section).starts_with(b".zdebug_");
            let is_compressed = section.flags.contains(elf::SHF_COMPRESSED);
            match (is_compressed, is_old) {
                (false, false) => None,
                (true, _) => Some(Compressed::flagged(raw)),
                (false, true) => Compressed::old(raw).map(Ok),
            }
        };
        if let Some(inflated) = section.inflated.get() {
            return inflated.as_ref().map(Vec::as_slice).map_err(|error| *error);
        }
        let Some(compressed) = inflate() else { return Ok(raw) };
        let inflated = section.inflated.get_or_init(|| compressed?.inflate(&self.budget));
        inflated.as_ref().map(Vec::as_slice).map_err(|error| *error)
    }

    /// Decompresses these sections on all cores, for [`Elf::data`] to find them so.
    pub(crate) fn inflate(&self, names: &[&str]) {
        let sections: Vec<&Section> = names.iter().filter_map(|name| self.debug_section(name)).collect();
        let is_compressed = |section: &&&Section| {
            section.flags.contains(elf::SHF_COMPRESSED) || self.name(section).starts_with(b".zdebug_")
        };
        if sections.iter().any(|section| is_compressed(&section)) {
            // What fails, fails again where it is asked for.
            sections.par_iter().filter(is_compressed).for_each(|section| _ = self.data(section));
        }
    }
}

fn build_id_of<'a>(
    mut notes: impl Iterator<Item = object::read::elf::Note<'a, FileHeader64<LittleEndian>>>,
) -> Option<BuildId> {
    let is_it = |kind: NoteType, name: &[u8]| kind == elf::NT_GNU_BUILD_ID && name == elf::ELF_NOTE_GNU;
    let note = notes.find(|note| is_it(note.n_type(LittleEndian), note.name()))?;
    BuildId::new(note.desc())
}

/// Where a name is that begins at an offset in a table of strings. Empty: nowhere.
fn name_in(data: &[u8], strings: &Range<usize>, offset: u32) -> Range<usize> {
    let start = usize::try_from(offset).ok().and_then(|offset| strings.start.checked_add(offset));
    let Some(start) = start.filter(|start| *start < strings.end) else { return 0..0 };
    let most = strings.end.min(start + NAME_MAX);
    let len = data.get(start..most).and_then(|rest| rest.iter().position(|byte| *byte == 0));
    len.map_or(0..0, |len| start..start + len)
}

/// A range of the file, if the file has it.
fn range_in(data: &[u8], start: u64, size: u64) -> Option<Range<usize>> {
    let end = usize::try_from(start.checked_add(size)?).ok()?;
    let start = usize::try_from(start).ok()?;
    (end <= data.len()).then_some(start..end)
}

/// Lossless here: only 64-bit systems are built for.
pub(crate) fn to_u64(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
