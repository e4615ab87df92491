//! What the dynamic loader fills in: which word of a program gets the address of what.
//!
//! Calls and loads of what other files define go through such words (the global offset table), so they tell what is called. Packed
//! relative relocations (`DT_RELR`) are not among them: they name nothing.

use super::elf::Elf;
use super::mapping::Mapping;
use super::symbols::{RawSymbol, entries};
use super::{Address, Binary};
use std::ops::Range;
use std::sync::Arc;
use zerocopy::little_endian::{I64, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// A word, and what the loader writes into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relocation<'a> {
    /// The word, as linked.
    pub slot: Address,
    /// What it points to.
    pub target: Target<'a>,
}

/// What a word is made to point to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// What the first loaded file that defines the name has there.
    Symbol {
        /// Without a version.
        name: &'a str,
        /// In this program, if it defines the name itself; another file's may come first.
        defined: Option<Address>,
        /// Added to it, in bytes.
        addend: i64,
    },
    /// A place in the program itself.
    Place(Address),
    /// What the code there returns when the program is loaded.
    ResolvedBy(Address),
}

/// All of a program.
#[derive(Default)]
pub struct Relocations {
    /// By slot.
    records: Vec<Record>,
    names: Option<Arc<Mapping>>,
}

struct Record {
    slot: u64,
    what: What,
}

enum What {
    Symbol { name: Range<usize>, defined: Option<u64>, addend: i64 },
    Place(u64),
    ResolvedBy(u64),
}

/// `Elf64_Rela`: the type is the lower half of `info`, the symbol's index the upper.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawRelocation {
    slot: U64,
    info: U64,
    addend: I64,
}

/// elf.h.
const SHT_RELA: u32 = 4;
const SHF_ALLOC: u64 = 2;
const R_X86_64_64: u64 = 1;
const R_X86_64_GLOB_DAT: u64 = 6;
const R_X86_64_JUMP_SLOT: u64 = 7;
const R_X86_64_RELATIVE: u64 = 8;
const R_X86_64_IRELATIVE: u64 = 37;

impl Relocations {
    fn of(program: &Elf) -> Relocations {
        let mut records = Vec::new();
        for section in program.sections() {
            if section.kind.0 != SHT_RELA || section.flags.0 & SHF_ALLOC == 0 {
                continue;
            }
            let symbols = usize::try_from(section.link).ok().and_then(|index| program.sections().get(index));
            let (symbols, strings) = symbols.map(|table| entries(program, table)).unwrap_or_default();
            let raw = program.raw(section);
            let whole = raw.len() - raw.len() % size_of::<RawRelocation>();
            let raw = raw.get(..whole).and_then(|raw| <[RawRelocation]>::ref_from_bytes(raw).ok());
            records.extend(raw.unwrap_or_default().iter().filter_map(|relocation| {
                let what = what(program, relocation, symbols, &strings)?;
                Some(Record { slot: relocation.slot.get(), what })
            }));
        }
        records.sort_by_key(|record| record.slot);
        Relocations { records, names: Some(program.share()) }
    }

    /// What the word at this address is made to point to. None: it is not touched, or in a way that says nothing (of thread-local
    /// storage, or a copied variable).
    pub fn at(&self, slot: Address) -> Option<Relocation<'_>> {
        let index = self.records.binary_search_by_key(&slot.0, |record| record.slot).ok()?;
        Some(self.relocation(self.records.get(index)?))
    }

    /// All of them, by address.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Relocation<'_>> + ExactSizeIterator {
        self.records.iter().map(|record| self.relocation(record))
    }

    fn relocation(&self, record: &Record) -> Relocation<'_> {
        let target = match &record.what {
            What::Symbol { name, defined, addend } => {
                let name = self.names.as_ref().and_then(|names| names.get(name.clone()));
                let name = name.and_then(|name| str::from_utf8(name).ok()).unwrap_or_default();
                Target::Symbol { name, defined: defined.map(Address), addend: *addend }
            }
            What::Place(address) => Target::Place(Address(*address)),
            What::ResolvedBy(address) => Target::ResolvedBy(Address(*address)),
        };
        Relocation { slot: Address(record.slot), target }
    }
}

fn what(
    program: &Elf,
    relocation: &RawRelocation,
    symbols: &[RawSymbol],
    strings: &Range<usize>,
) -> Option<What> {
    let (info, addend) = (relocation.info.get(), relocation.addend.get());
    match info & 0xFFFF_FFFF {
        R_X86_64_64 | R_X86_64_GLOB_DAT | R_X86_64_JUMP_SLOT => {
            let symbol = symbols.get(usize::try_from(info >> 32).ok()?)?;
            let defined = (!symbol.is_undefined()).then(|| symbol.value());
            Some(What::Symbol { name: symbol.name(program.bytes(), strings)?, defined, addend })
        }
        R_X86_64_RELATIVE => Some(What::Place(addend.cast_unsigned())),
        R_X86_64_IRELATIVE => Some(What::ResolvedBy(addend.cast_unsigned())),
        _ => None,
    }
}

impl Binary {
    /// Its relocations, parsed when first asked for. Empty: it has none.
    pub fn relocations(&self) -> &Relocations {
        self.relocations.get_or_init(|| Relocations::of(&self.program))
    }
}
