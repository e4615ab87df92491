//! What a core file says besides memory: registers, the process's name, the files that it had mapped.
//!
//! The layouts are the kernel's `struct elf_prstatus` and `struct elf_prpsinfo` (include/linux/elfcore.h) for x86-64:
//!
//! ```text
//!  NT_PRSTATUS   32  thread id (4 bytes)                 NT_PRPSINFO   24  process id (4 bytes)
//!               112  struct user_regs_struct                           28  its parent's (4 bytes)
//!                                                                      40  name, 16 bytes, ends with the first 0
//!  NT_FILE        0  files, size of a page
//!                16  for each: first address, end, offset in pages
//!               ...  for each: path, ends with 0
//!  NT_AUXV        0  pairs of a key and a value
//! ```

use super::{CoreFault, Load};
use crate::image::{Inode, MappingKind, Registers, Thread};
use object::LittleEndian;
use object::elf::{NT_AUXV, NT_FILE, NT_PRPSINFO, NT_PRSTATUS};
use object::read::elf::ProgramHeader;
use std::ffi::OsStr;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The notes of a core file, as far as they are used.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) name: String,
    /// The main thread first, if it is there.
    pub(super) threads: Vec<Thread>,
    /// By address.
    pub(super) files: Vec<MappedFile>,
    /// Where the program begins to run: it lies in the executable.
    pub(super) entry: u64,
    /// Where the vdso is.
    pub(super) vdso: Option<u64>,
}

/// Some of a file, mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MappedFile {
    pub(super) range: Range<u64>,
    /// In bytes.
    pub(super) offset: u64,
    pub(super) path: PathBuf,
}

impl MappedFile {
    /// The kind of a mapping of the file that begins at an address.
    pub(super) fn kind(&self, start: u64) -> MappingKind {
        let inode = Inode { major: 0, minor: 0, number: 0 };
        let offset = self.offset.saturating_add(start - self.range.start);
        MappingKind::File { path: self.path.clone(), offset, inode, deleted: false }
    }
}

impl Notes {
    pub(super) fn read(core: &[u8], headers: &[Load]) -> Result<Notes, CoreFault> {
        let corrupt = |_| CoreFault::Corrupt("its notes make no sense");
        let mut notes = Notes::default();
        for header in headers {
            let Some(mut found) = header.notes(LittleEndian, core).map_err(corrupt)? else { continue };
            while let Some(note) = found.next().map_err(corrupt)? {
                if note.name() != b"CORE" {
                    continue;
                }
                let bytes = note.desc();
                let read = match note.n_type(LittleEndian) {
                    NT_PRSTATUS => notes.thread(bytes),
                    NT_PRPSINFO => notes.process(bytes),
                    NT_FILE => notes.files(bytes),
                    NT_AUXV => notes.auxiliary(bytes),
                    _ => Some(()),
                };
                read.ok_or(CoreFault::Corrupt("one of its notes is too short"))?;
            }
        }
        if notes.threads.is_empty() {
            return Err(CoreFault::Corrupt("it has no threads"));
        }
        if notes.pid == 0 {
            notes.pid = notes.threads.first().map_or(0, |thread| thread.tid);
        }
        let pid = notes.pid;
        // The one that crashed comes first.
        notes.threads.sort_by_key(|thread| thread.tid != pid);
        notes.files.sort_by_key(|file| file.range.start);
        Ok(notes)
    }

    /// The file that is mapped at an address.
    pub(super) fn file_at(&self, address: u64) -> Option<&MappedFile> {
        let before = self.files.partition_point(|file| file.range.start <= address);
        self.files.get(before.checked_sub(1)?).filter(|file| file.range.contains(&address))
    }

    fn thread(&mut self, bytes: &[u8]) -> Option<()> {
        let tid = half_word(bytes, 32)?;
        let mut words = [0; Registers::COUNT];
        for (number, register) in words.iter_mut().enumerate() {
            *register = word(bytes, 112 + 8 * number)?;
        }
        let registers = Registers::from_words(words);
        // Of a thread that is in no system call it is negative.
        let blocked_in = u32::try_from(registers.orig_rax).ok();
        self.threads.push(Thread { tid, name: String::new(), registers, blocked_in });
        Some(())
    }

    fn process(&mut self, bytes: &[u8]) -> Option<()> {
        self.pid = half_word(bytes, 24)?;
        self.parent = half_word(bytes, 28)?;
        let name = bytes.get(40..56)?.split(|byte| *byte == 0).next()?;
        self.name = String::from_utf8_lossy(name).into_owned();
        Some(())
    }

    fn files(&mut self, bytes: &[u8]) -> Option<()> {
        let count = usize::try_from(word(bytes, 0)?).ok()?;
        let page = word(bytes, 8)?;
        let rows = bytes.get(16..16_usize.checked_add(count.checked_mul(24)?)?)?;
        let mut paths = bytes.get(16 + rows.len()..)?.split(|byte| *byte == 0);
        for row in rows.chunks_exact(24) {
            let (start, end) = (word(row, 0)?, word(row, 8)?);
            let path = PathBuf::from(OsStr::from_bytes(paths.next()?));
            if start < end {
                let offset = word(row, 16)?.saturating_mul(page);
                self.files.push(MappedFile { range: start..end, offset, path });
            }
        }
        Some(())
    }

    fn auxiliary(&mut self, bytes: &[u8]) -> Option<()> {
        // getauxval(3).
        const AT_ENTRY: u64 = 9;
        const AT_SYSINFO_EHDR: u64 = 33;
        for pair in bytes.chunks_exact(16) {
            let value = word(pair, 8)?;
            match word(pair, 0)? {
                AT_ENTRY => self.entry = value,
                AT_SYSINFO_EHDR => self.vdso = Some(value),
                _ => {}
            }
        }
        Some(())
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|word| u64::from_le_bytes(*word))
}

fn half_word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}
