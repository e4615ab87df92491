//! Contains `unsafe`: which loaded file a code address lies in, found without taking the loader's lock or allocating.
//!
//! glibc's `_dl_find_object` (2.35 and later) is made for unwinders: wait-free and safe in signal handlers. On an older glibc
//! frames carry the plain address, which readers resolve through `/proc/PID/maps` as long as the module stays.

use crate::abi::{Frame, MODULES_MAX, Module};
use crate::lock;
use crate::region::Region;
use crate::runtime;
use crate::sync::{Field, Ordering};
use core::arch::global_asm;
use core::ffi::c_void;

global_asm!(
    ".weak _dl_find_object",
    ".hidden mcrx_find_object",
    ".globl mcrx_find_object",
    ".type mcrx_find_object, @function",
    "mcrx_find_object:",
    ".cfi_startproc",
    "mov rax, qword ptr [rip + _dl_find_object@GOTPCREL]",
    "test rax, rax",
    "jz 2f",
    "jmp rax",
    "2: mov eax, -1",
    "ret",
    ".cfi_endproc",
    ".size mcrx_find_object, . - mcrx_find_object",
);

unsafe extern "C" {
    /// `_dl_find_object`, or -1 where there is none.
    fn mcrx_find_object(address: *mut c_void, result: *mut DlFindObject) -> i32;
}

/// `struct dl_find_object` of `<dlfcn.h>`.
#[repr(C)]
struct DlFindObject {
    flags: u64,
    map_start: u64,
    map_end: u64,
    link_map: u64,
    eh_frame: u64,
    reserved: [u64; 8],
}

/// A loaded file: where it lies, and its build-id.
pub(crate) struct Loaded {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) build_id: BuildId,
}

/// Up to 32 bytes of build-id.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct BuildId {
    pub(crate) bytes: [u8; BuildId::MAX],
    pub(crate) len: usize,
}

impl BuildId {
    pub(crate) const MAX: usize = 32;
    const NONE: BuildId = BuildId { bytes: [0; BuildId::MAX], len: 0 };

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len.min(BuildId::MAX)]
    }
}

/// The loaded file that holds `address`.
pub(crate) fn loaded_at(address: u64) -> Option<Loaded> {
    let mut found =
        DlFindObject { flags: 0, map_start: 0, map_end: 0, link_map: 0, eh_frame: 0, reserved: [0; 8] };
    let pointer = core::ptr::with_exposed_provenance_mut(usize::try_from(address).ok()?);
    // SAFETY: the function reads no memory at the address and writes one `dl_find_object` (72 bytes as of glibc 2.36, which keeps
    // its size; the room here is larger).
    if unsafe { mcrx_find_object(pointer, &raw mut found) } != 0 {
        return None;
    }
    let image = Image { start: found.map_start, end: found.map_end };
    Some(Loaded { start: image.start, end: image.end, build_id: image.build_id().unwrap_or(BuildId::NONE) })
}

/// The mapped pages of a loaded file.
struct Image {
    start: u64,
    end: u64,
}

const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const NT_GNU_BUILD_ID: u32 = 3;

impl Image {
    /// Reads a little-endian number of `N` bytes.
    fn read<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let last = address.checked_add(N as u64)?;
        if address < self.start || last > self.end {
            return None;
        }
        let pointer = core::ptr::with_exposed_provenance::<[u8; N]>(usize::try_from(address).ok()?);
        // SAFETY: inside a loaded file; its ELF header and notes lie in its first segment, which is readable.
        Some(unsafe { pointer.read_unaligned() })
    }

    fn u16(&self, address: u64) -> Option<u64> {
        self.read::<2>(address).map(|bytes| u64::from(u16::from_le_bytes(bytes)))
    }

    fn u32(&self, address: u64) -> Option<u32> {
        self.read::<4>(address).map(u32::from_le_bytes)
    }

    fn u64(&self, address: u64) -> Option<u64> {
        self.read::<8>(address).map(u64::from_le_bytes)
    }

    /// The build-id, from the notes in the file's first segment (ELF-64, `elf(5)`).
    fn build_id(&self) -> Option<BuildId> {
        if self.u32(self.start)? != u32::from_le_bytes(*b"\x7fELF") {
            return None;
        }
        let headers = self.start + self.u64(self.start + 32)?;
        let (size, count) = (self.u16(self.start + 54)?, self.u16(self.start + 56)?);
        let header = |index: u64| headers + index * size;
        let mut first_segment = None;
        for index in 0..count {
            if self.u32(header(index))? == PT_LOAD && first_segment.is_none() {
                let (address, len) = (self.u64(header(index) + 16)?, self.u64(header(index) + 40)?);
                first_segment = Some((address, len));
            }
        }
        let (first, readable) = first_segment?;
        let bias = self.start - (first & !0xFFF);
        for index in 0..count {
            if self.u32(header(index))? != PT_NOTE {
                continue;
            }
            let (address, len) = (self.u64(header(index) + 16)?, self.u64(header(index) + 40)?);
            if address >= first
                && address + len <= first + readable
                && let Some(id) = self.find_note(bias + address, len)
            {
                return Some(id);
            }
        }
        None
    }

    fn find_note(&self, start: u64, len: u64) -> Option<BuildId> {
        let mut note = start;
        while note + 12 <= start + len {
            let (name, description) = (u64::from(self.u32(note)?), u64::from(self.u32(note + 4)?));
            let content = note + 12 + name.next_multiple_of(4);
            if self.u32(note + 8)? == NT_GNU_BUILD_ID && self.read::<4>(note + 12)? == *b"GNU\0" {
                let mut id = BuildId {
                    bytes: [0; BuildId::MAX],
                    len: usize::try_from(description).ok()?.min(BuildId::MAX),
                };
                for (offset, byte) in (0u64..).zip(id.bytes.iter_mut().take(id.len)) {
                    *byte = self.read::<1>(content + offset)?[0];
                }
                return Some(id);
            }
            note = content + description.next_multiple_of(4);
        }
        None
    }
}

/// The entry for a loaded file in the region's module table, if it has one. A file is known by its build-id wherever it is loaded,
/// so that sites do not multiply over updates; without one, by its place.
fn find(region: Region, loaded: &Loaded) -> Option<u32> {
    (1..region.header().modules.load(Ordering::Acquire)).find(|index| {
        let module = region.module(*index);
        let same_place = module.start.get() == loaded.start && module.end.get() == loaded.end;
        build_id_of(module) == loaded.build_id && (loaded.build_id.len > 0 || same_place)
    })
}

/// As [`find`], added if it is new. 0: the table is full.
fn index_of(region: Region, loaded: &Loaded) -> u32 {
    if let Some(index) = find(region, loaded)
        && region.module(index).start.get() == loaded.start
    {
        return index;
    }
    runtime::mend_after_fork();
    let _held = lock::lock(&region.header().site_lock);
    let header = region.header();
    let known = find(region, loaded);
    let index = known.unwrap_or(header.modules.get());
    let table = (crate::abi::MODULES_OFFSET, size_of::<Module>() as u64);
    if index >= MODULES_MAX || region.commit_entry(table.0, table.1, u64::from(index)).is_err() {
        return 0;
    }
    let module = region.module(index);
    module.start.set(loaded.start);
    module.end.set(loaded.end);
    if known.is_none() {
        module.build_id_len.set(u32::try_from(loaded.build_id.len).unwrap_or(0));
        for (word, bytes) in module.build_id.iter().zip(loaded.build_id.bytes.chunks_exact(8)) {
            word.set(bytes.try_into().map_or(0, u64::from_le_bytes));
        }
        header.modules.store(index + 1, Ordering::Release);
    }
    index
}

fn build_id_of(module: &Module) -> BuildId {
    let mut id =
        BuildId { bytes: [0; BuildId::MAX], len: usize::try_from(module.build_id_len.get()).unwrap_or(0) };
    for (word, bytes) in module.build_id.iter().zip(id.bytes.chunks_exact_mut(8)) {
        bytes.copy_from_slice(&word.get().to_le_bytes());
    }
    id
}

/// A return address as it is kept.
pub(crate) fn frame_of(region: Region, address: u64) -> u64 {
    let Some(loaded) = loaded_at(address) else { return Frame::pack(0, address) };
    match u16::try_from(index_of(region, &loaded)) {
        Ok(index) if index > 0 => Frame::pack(index, address - loaded.start),
        _ => Frame::pack(0, address),
    }
}
