//! The programs and libraries in a process, and where its threads keep their variables: from what was captured alone.
//!
//! A file counts if the header in its first mapped page says that it is a program or library, and its code is mapped where that says:
//! one that was mapped to be read, as debuggers do, is not loaded.

use crate::process::maps::Mapping;
use crate::process::pages::PAGE;
use mcrx_debuginfo::file::BuildId;
use mcrx_tracer::image::{Memory, Module, Tls};
use object::Endianness;
use object::elf::{self, FileHeader64, ProgramHeader64};
use object::read::elf::{FileHeader, ProgramHeader};
use std::collections::HashMap;
use std::ops::Range;

type Header = ProgramHeader64<Endianness>;

/// Most bytes that are looked at of what a file says of itself: a program has about a dozen headers of 56 bytes.
pub(super) const HEADERS_MAX: usize = 65536;
/// Most libraries that are followed in the dynamic linker's list: a list that was overwritten may run in a circle.
const LIBRARIES_MAX: usize = 65536;

/// A module, and what is needed of its headers to find its variables.
struct Found {
    module: Module,
    /// Where its dynamic section is.
    dynamic: Option<Range<u64>>,
    /// Size and alignment of its thread-local variables.
    tls: Option<(u64, u64)>,
}

/// All of them, by address.
pub(super) fn find(mappings: &[Mapping], memory: &Memory) -> Vec<Module> {
    let mut found: Vec<Found> = mappings
        .iter()
        .filter(|mapping| mapping.inode != 0 && mapping.offset == 0 && mapping.read && !mapping.shared)
        .filter_map(|mapping| loaded(mapping, mappings, memory))
        .collect();
    let places = Places::read(&found, memory);
    for one in &mut found {
        let Some((size, align)) = one.tls else { continue };
        one.module.tls = match &places {
            Some(places) => places.of(one, memory, size),
            // Without a dynamic linker there is one module, and its place is fixed (the second variant of Drepper's document).
            None => {
                Some(Tls { number: 1, below_thread_pointer: Some(size.next_multiple_of(align.max(1))), size })
            }
        };
    }
    found.into_iter().map(|one| one.module).collect()
}

fn loaded(mapping: &Mapping, mappings: &[Mapping], memory: &Memory) -> Option<Found> {
    let start = mapping.range.start;
    let len = usize::try_from(mapping.bytes()).ok()?.min(HEADERS_MAX);
    let mut bytes = vec![0; len];
    memory.read(start, &mut bytes).ok()?;
    let header = FileHeader64::<Endianness>::parse(&*bytes).ok()?;
    let endian = header.endian().ok()?;
    let headers: &[Header] = header.program_headers(endian, &*bytes).ok()?;
    let loads = || headers.iter().filter(|header| header.p_type(endian) == elf::PT_LOAD);
    // The first page of the file is in the first segment, which may begin a little later.
    let first = loads().find(|header| header.p_offset(endian) < PAGE)?;
    let bias = start.wrapping_sub(page_of(first.p_vaddr(endian)));
    let code = loads().find(|header| header.p_flags(endian).0 & elf::PF_X.0 != 0)?;
    let at = bias.wrapping_add(code.p_vaddr(endian));
    let is_there = crate::process::maps::holding(mappings, at)
        .is_some_and(|there| there.inode == mapping.inode && there.device == mapping.device);
    if !is_there {
        return None;
    }
    let last = loads().map(|header| header.p_vaddr(endian).saturating_add(header.p_memsz(endian))).max()?;
    let of_type = |wanted| headers.iter().find(|header| header.p_type(endian) == wanted);
    let mapped = |header: &Header| {
        let start = bias.wrapping_add(header.p_vaddr(endian));
        start..start.saturating_add(header.p_memsz(endian))
    };
    let notes = headers.iter().filter(|header| header.p_type(endian) == elf::PT_NOTE);
    let module = Module {
        path: mapping.path()?.to_owned(),
        build_id: notes.map(mapped).find_map(|range| build_id(&range, memory)),
        bias,
        range: start..page_of(bias.wrapping_add(last).saturating_add(PAGE - 1)),
        tls: None,
    };
    let tls = of_type(elf::PT_TLS).map(|header| (header.p_memsz(endian), header.p_align(endian)));
    Some(Found { module, dynamic: of_type(elf::PT_DYNAMIC).map(mapped), tls })
}

fn page_of(address: u64) -> u64 {
    address / PAGE * PAGE
}

fn build_id(notes: &Range<u64>, memory: &Memory) -> Option<BuildId> {
    let len = usize::try_from(notes.end - notes.start).ok()?.min(HEADERS_MAX);
    let mut bytes = vec![0; len];
    memory.read(notes.start, &mut bytes).ok()?;
    // Some notes are aligned to 8 bytes, those of a build-id to 4.
    let mut at = 0;
    while let Some(header) = bytes.get(at..at + 12) {
        let word = |place: usize| header[place..place + 4].try_into().map(u32::from_le_bytes).ok();
        let (name, description) = (usize::try_from(word(0)?).ok()?, usize::try_from(word(4)?).ok()?);
        let from = at + 12 + name.next_multiple_of(4);
        let is_build_id = word(8)? == elf::NT_GNU_BUILD_ID.0 && bytes.get(at + 12..at + 16) == Some(b"GNU\0");
        if is_build_id {
            return BuildId::new(bytes.get(from..from.checked_add(description)?)?);
        }
        at = from.checked_add(description.next_multiple_of(4))?;
    }
    None
}

/// Where glibc's dynamic linker has put the thread-local variables of each module.
///
/// It keeps that in fields of `struct link_map` that are its own; their places are told to debuggers by constants with names of
/// libthread_db, which libc exports.
struct Places {
    /// The linker's record of each module, by the address of its dynamic section.
    records: HashMap<u64, u64>,
    /// Where in it are its number, and its distance from the thread pointer.
    number: u64,
    offset: u64,
}

impl Places {
    fn read(found: &[Found], memory: &Memory) -> Option<Places> {
        let constant = |name: &str| found.iter().find_map(|one| place(symbol(one, name, memory)?, memory));
        let number = constant("_thread_db_link_map_l_tls_modid")?;
        let offset = constant("_thread_db_link_map_l_tls_offset")?;
        // <link.h>: r_debug has the head of the list in its second word; link_map is l_addr, l_name, l_ld, l_next, l_prev.
        let debug = found.iter().find_map(|one| symbol(one, "_r_debug", memory))?;
        let mut record = memory.word(debug.checked_add(8)?)?;
        let mut records = HashMap::new();
        while record != 0 && records.len() < LIBRARIES_MAX {
            let Some(dynamic) = memory.word(record.checked_add(16)?) else { break };
            if records.insert(dynamic, record).is_some() {
                break;
            }
            record = memory.word(record.checked_add(24)?)?;
        }
        Some(Places { records, number, offset })
    }

    fn of(&self, one: &Found, memory: &Memory, size: u64) -> Option<Tls> {
        /// `NO_TLS_OFFSET` and `FORCED_DYNAMIC_TLS_OFFSET` of glibc (sysdeps/generic/ldsodefs.h): each thread has it elsewhere.
        const NOWHERE: [u64; 3] = [0, u64::MAX, u64::MAX - 1];
        let record = self.records.get(&one.dynamic.as_ref()?.start)?;
        let number = memory.word(record.checked_add(self.number)?)?;
        let offset = memory.word(record.checked_add(self.offset)?)?;
        let below_thread_pointer = (!NOWHERE.contains(&offset)).then_some(offset);
        (number != 0).then_some(Tls { number, below_thread_pointer, size })
    }
}

/// A constant of libthread_db: how many bits a field has, how many there are, and how many bytes into the struct it is.
fn place(constant: u64, memory: &Memory) -> Option<u64> {
    let mut words = [0; 12];
    memory.read(constant, &mut words).ok()?;
    let [bits, _, offset] =
        [0, 4, 8].map(|at| u32::from_le_bytes([words[at], words[at + 1], words[at + 2], words[at + 3]]));
    (bits == 64).then_some(u64::from(offset))
}

/// Where a module has a symbol that it offers to others, by its dynamic section in memory.
fn symbol(one: &Found, name: &str, memory: &Memory) -> Option<u64> {
    let dynamic = one.dynamic.clone()?;
    let entries = (dynamic.start..dynamic.end).step_by(16).map_while(|at| {
        let tag = memory.word(at)?;
        (tag != 0).then_some((tag, memory.word(at.checked_add(8)?)?))
    });
    let entries: HashMap<u64, u64> = entries.collect();
    // glibc's linker has made addresses of these; others leave them as linked.
    let address = |tag: elf::DynamicTag| {
        let value = *entries.get(&tag.0.cast_unsigned())?;
        let range = &one.module.range;
        Some(if range.contains(&value) { value } else { one.module.mapped(value) })
    };
    let (symbols, strings) = (address(elf::DT_SYMTAB)?, address(elf::DT_STRTAB)?);
    gnu_hash_find(address(elf::DT_GNU_HASH)?, symbols, strings, name, memory)
        .map(|value| one.module.mapped(value))
}

/// Looks a name up as the dynamic linker does (the section `.gnu.hash`: counts, a Bloom filter, buckets, chains).
fn gnu_hash_find(table: u64, symbols: u64, strings: u64, name: &str, memory: &Memory) -> Option<u64> {
    let half = |address: u64| {
        let mut bytes = [0; 4];
        memory.read(address, &mut bytes).ok()?;
        Some(u32::from_le_bytes(bytes))
    };
    let hash = name.bytes().fold(5381u32, |hash, byte| hash.wrapping_mul(33).wrapping_add(u32::from(byte)));
    let (buckets, first, filters) =
        (half(table)?, half(table.checked_add(4)?)?, half(table.checked_add(8)?)?);
    // Each count has 32 bits, so only the first sum can go past the end.
    let nth = |start: u64, size: u64, index: u32| start.checked_add(size * u64::from(index));
    let bucket_table = nth(table.checked_add(16)?, 8, filters)?;
    let chains = nth(bucket_table, 4, buckets)?;
    let mut index = half(nth(bucket_table, 4, hash.checked_rem(buckets)?)?)?;
    if index < first {
        return None;
    }
    loop {
        let chain = half(nth(chains, 4, index - first)?)?;
        if chain | 1 == hash | 1 {
            // Elf64_Sym: st_name, four bytes; ...; st_value at 8.
            let symbol = nth(symbols, 24, index)?;
            let mut found = vec![0; name.len() + 1];
            let text = nth(strings, 1, half(symbol)?)?;
            if memory.read(text, &mut found).is_ok() && found.strip_suffix(&[0]) == Some(name.as_bytes()) {
                return memory.word(symbol.checked_add(8)?);
            }
        }
        if chain & 1 == 1 {
            return None;
        }
        index = index.checked_add(1)?;
    }
}
