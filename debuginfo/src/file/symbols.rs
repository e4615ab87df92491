//! The symbol tables of a program: its functions and variables by address and by name.
//!
//! `.symtab` of the program, or of its debug file if it was stripped, and `.dynsym`, merged: what is in both is here once. Names stay
//! where they are in the mapped files. Of several symbols that an address is in, the innermost is meant; of several of the same extent,
//! the one that says what it is before a label, then global ones before weak before local ones, then the order of the tables.
//!
//! What it leaves out: undefined symbols (see [`super::Relocations`]), sections, files, absolute values, and names that are not UTF-8
//! or longer than 32 KiB.

use super::elf::{Elf, Section};
use super::mapping::Mapping;
use super::{Address, Binary};
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Longer names than compilers make; so that a hostile table is read in linear time.
const NAME_MAX: usize = 32 << 10;

/// What is at a symbol's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SymbolKind {
    /// Code.
    Function,
    /// Code that picks the function to call when the program is loaded (`STT_GNU_IFUNC`).
    Resolver,
    /// A variable.
    Object,
    /// A thread's variable: its address is an offset in the module's block of them.
    ThreadLocal,
    /// A place that the table says nothing more of: labels of assembly code, and of the linker.
    Label,
}

/// Who sees a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Binding {
    /// All files that are linked together; of one name there is one.
    Global,
    /// The same, if no global one has the name.
    Weak,
    /// Its own source file: of one name there may be many.
    Local,
}

/// A symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// As the linker knows it: of C++ and Rust the mangled one. Without a version.
    pub name: &'a str,
    /// As linked; of thread-local variables an offset.
    pub address: Address,
    /// In bytes. 0: the table does not say.
    pub size: u64,
    /// What it is.
    pub kind: SymbolKind,
    /// Who sees it.
    pub binding: Binding,
}

/// All symbols that a program defines.
pub struct Symbols {
    /// By address; thread-local ones behind all others, by offset.
    records: Vec<Record>,
    /// Where the thread-local ones begin.
    thread_local: usize,
    /// The highest end of the records up to each: how far back to look for those around an address.
    reach: Vec<u64>,
    /// Indices of the records, by name.
    by_name: OnceLock<Vec<u32>>,
    /// The files with the names.
    files: Vec<Arc<Mapping>>,
    is_full: bool,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    address: u64,
    size: u64,
    /// Where its name is in its file.
    name: usize,
    len: u32,
    file: u8,
    kind: SymbolKind,
    binding: Binding,
}

/// `Elf64_Sym`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct RawSymbol {
    name: U32,
    info: u8,
    other: u8,
    section: U16,
    value: U64,
    size: U64,
}

impl RawSymbol {
    /// SHN_UNDEF: another file has it.
    pub(super) fn is_undefined(&self) -> bool {
        self.section.get() == 0
    }

    pub(super) fn value(&self) -> u64 {
        self.value.get()
    }

    /// Where its name is in the file, in a table of strings that is there.
    pub(super) fn name(&self, file: &[u8], strings: &Range<usize>) -> Option<Range<usize>> {
        let start = strings.start.checked_add(usize::try_from(self.name.get()).ok()?)?;
        let rest = file.get(start..strings.end.min(start.checked_add(NAME_MAX)?))?;
        let name = rest.get(..memchr::memchr(0, rest)?)?;
        // NAME@VERSION, and NAME@@VERSION of the one that new programs get.
        let len = memchr::memchr(b'@', name).filter(|len| *len > 0).unwrap_or(name.len());
        let name = name.get(..len).filter(|name| !name.is_empty() && str::from_utf8(name).is_ok())?;
        Some(start..start + name.len())
    }

    /// None: it is none of a place in the program.
    fn kind(&self) -> Option<SymbolKind> {
        // SHN_LORESERVE and above: absolute values, and what is not placed yet.
        if self.is_undefined() || self.section.get() >= 0xFF00 && self.section.get() != 0xFFFF {
            return None;
        }
        // elf.h, STT_*.
        match self.info & 0xF {
            0 => Some(SymbolKind::Label),
            1 => Some(SymbolKind::Object),
            2 => Some(SymbolKind::Function),
            6 => Some(SymbolKind::ThreadLocal),
            10 => Some(SymbolKind::Resolver),
            _ => None,
        }
    }

    fn binding(&self) -> Binding {
        // elf.h, STB_*; STB_GNU_UNIQUE is 10.
        match self.info >> 4 {
            1 | 10 => Binding::Global,
            2 => Binding::Weak,
            _ => Binding::Local,
        }
    }
}

/// The entries of a symbol table, and where its names are.
pub(super) fn entries<'a>(elf: &'a Elf, table: &Section) -> (&'a [RawSymbol], Range<usize>) {
    let strings = usize::try_from(table.link).ok().and_then(|index| elf.sections().get(index));
    let strings = strings.map(Section::range).unwrap_or_default();
    let raw = elf.raw(table);
    let whole = raw.len() - raw.len() % size_of::<RawSymbol>();
    let symbols = raw.get(..whole).and_then(|raw| <[RawSymbol]>::ref_from_bytes(raw).ok());
    (symbols.unwrap_or_default(), strings)
}

impl Symbols {
    fn of(binary: &Binary) -> Symbols {
        let program = &binary.program;
        let (mut records, mut files) = (Vec::new(), vec![program.share()]);
        let mut is_full = false;
        if let Some(table) = program.section(b".symtab") {
            add(&mut records, program, table, 0);
            is_full = !records.is_empty();
        }
        if let Some((separate, table)) =
            binary.separate.as_ref().and_then(|elf| Some((elf, elf.section(b".symtab")?)))
            && !is_full
        {
            files.push(separate.share());
            add(&mut records, separate, table, 1);
            is_full = !records.is_empty();
        }
        if let Some(table) = program.section(b".dynsym") {
            add(&mut records, program, table, 0);
        }
        Symbols::new(records, files, is_full)
    }

    fn new(mut records: Vec<Record>, files: Vec<Arc<Mapping>>, is_full: bool) -> Symbols {
        let is_thread_local = |record: &Record| record.kind == SymbolKind::ThreadLocal;
        records.sort_by_key(|record| {
            let is_label = record.kind == SymbolKind::Label;
            (is_thread_local(record), record.address, is_label, record.binding)
        });
        let thread_local = records.partition_point(|record| !is_thread_local(record));
        let mut symbols =
            Symbols { records, thread_local, reach: Vec::new(), by_name: OnceLock::new(), files, is_full };
        symbols.remove_doubles();
        let mut highest = 0;
        let ends = symbols.records.get(..symbols.thread_local).unwrap_or_default().iter();
        symbols.reach = ends
            .map(|record| {
                highest = record.address.saturating_add(record.size).max(highest);
                highest
            })
            .collect();
        symbols
    }

    /// Removes what has the name, address and kind of one before it; nearly always that is its neighbour.
    fn remove_doubles(&mut self) {
        let mut seen = rustc_hash::FxHashSet::default();
        let mut kept = Vec::with_capacity(self.records.len());
        let (mut address, mut thread_local) = (None, 0);
        for record in &self.records {
            let is_thread_local = record.kind == SymbolKind::ThreadLocal;
            if address != Some((is_thread_local, record.address)) {
                seen.clear();
                address = Some((is_thread_local, record.address));
            }
            if seen.insert(self.symbol(record).name) {
                kept.push(*record);
                thread_local += usize::from(!is_thread_local);
            }
        }
        drop(seen);
        (self.records, self.thread_local) = (kept, thread_local);
    }

    /// Whether there was a full table, in the program or its debug file. If not, only what others may use has a name.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// All of them: by address, and behind those the thread-local ones by offset.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Symbol<'_>> + ExactSizeIterator {
        self.records.iter().map(|record| self.symbol(record))
    }

    /// Functions, by address.
    pub fn functions(&self) -> impl DoubleEndedIterator<Item = Symbol<'_>> {
        self.iter().filter(|symbol| is_code(symbol.kind))
    }

    /// Variables, by address; thread-local ones are not among them.
    pub fn objects(&self) -> impl DoubleEndedIterator<Item = Symbol<'_>> {
        self.iter().filter(|symbol| symbol.kind == SymbolKind::Object)
    }

    /// Thread-local variables, by offset.
    pub fn thread_locals(&self) -> impl DoubleEndedIterator<Item = Symbol<'_>> {
        let records = self.records.get(self.thread_local..).unwrap_or_default();
        records.iter().map(|record| self.symbol(record))
    }

    /// All symbols of a name, global ones first, then by address.
    pub fn named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = Symbol<'s>> {
        let by_name = self.by_name.get_or_init(|| {
            let mut indices: Vec<u32> = (0..u32::try_from(self.records.len()).unwrap_or(u32::MAX)).collect();
            indices
                .sort_by_key(|index| self.record(*index).map(|record| (self.name(record), record.binding)));
            indices
        });
        let bytes = name.as_bytes();
        let of = |index: &u32| self.record(*index).map(|record| self.name(record));
        let first = by_name.partition_point(|index| of(index) < Some(bytes));
        let rest = by_name.get(first..).unwrap_or_default();
        let symbols = rest.iter().filter_map(|index| Some(self.symbol(self.record(*index)?)));
        symbols.take_while(move |symbol| symbol.name == name)
    }

    /// The function that an address is in. One without a size reaches as far as the next.
    pub fn function_at(&self, address: Address) -> Option<Symbol<'_>> {
        self.around(address.0, is_code)
    }

    /// The variable that an address is in.
    pub fn object_at(&self, address: Address) -> Option<Symbol<'_>> {
        self.around(address.0, |kind| kind == SymbolKind::Object)
    }

    fn around(&self, address: u64, is_wanted: impl Fn(SymbolKind) -> bool) -> Option<Symbol<'_>> {
        let placed = self.records.get(..self.thread_local)?;
        let before = placed.get(..placed.partition_point(|record| record.address <= address))?;
        let reaching = before.iter().zip(&self.reach).rev().take_while(|(_, reach)| **reach > address);
        let around = reaching
            .map(|(record, _)| record)
            .filter(|record| is_wanted(record.kind) && address - record.address < record.size);
        // Backwards: of those of equal size the last found is the first in order.
        let innermost = around.fold(None, |best: Option<&Record>, record| match best {
            Some(best) if best.size < record.size => Some(best),
            _ => Some(record),
        });
        let open = || {
            let mut wanted = before.iter().rev().filter(|record| is_wanted(record.kind)).peekable();
            let start = wanted.peek()?.address;
            wanted.take_while(|record| record.address == start).filter(|record| record.size == 0).last()
        };
        innermost.or_else(open).map(|record| self.symbol(record))
    }

    fn record(&self, index: u32) -> Option<&Record> {
        self.records.get(usize::try_from(index).ok()?)
    }

    fn symbol(&self, record: &Record) -> Symbol<'_> {
        let Record { size, kind, binding, .. } = *record;
        // It was checked when the table was read.
        let name = str::from_utf8(self.name(record)).unwrap_or_default();
        Symbol { name, address: Address(record.address), size, kind, binding }
    }

    fn name(&self, record: &Record) -> &[u8] {
        let file = self.files.get(usize::from(record.file));
        let len = usize::try_from(record.len).unwrap_or(0);
        file.and_then(|file| file.get(record.name..record.name.checked_add(len)?)).unwrap_or_default()
    }
}

fn is_code(kind: SymbolKind) -> bool {
    matches!(kind, SymbolKind::Function | SymbolKind::Resolver)
}

fn add(records: &mut Vec<Record>, elf: &Elf, table: &Section, file: u8) {
    let (symbols, strings) = entries(elf, table);
    records.reserve(symbols.len());
    records.extend(symbols.iter().filter_map(|symbol| {
        let kind = symbol.kind()?;
        let name = symbol.name(elf.bytes(), &strings)?;
        let len = u32::try_from(name.len()).ok()?;
        let (address, size, binding) = (symbol.value.get(), symbol.size.get(), symbol.binding());
        Some(Record { address, size, name: name.start, len, file, kind, binding })
    }));
}

impl Binary {
    /// Its symbols, parsed when first asked for. Empty: it has none.
    pub fn symbols(&self) -> &Symbols {
        self.symbols.get_or_init(|| Symbols::of(self))
    }
}

#[cfg(test)]
mod tests {
    use super::SymbolKind::{Function, Label, Object, ThreadLocal};
    use super::*;
    use Binding::{Global, Local, Weak};

    type Given = (u64, u64, &'static str, SymbolKind, Binding);

    /// A table over a file that has nothing but the names.
    fn symbols(given: &[Given]) -> Symbols {
        let mut names = Vec::new();
        let records = given.iter().map(|(address, size, text, kind, binding)| {
            let name = names.len();
            names.extend(text.as_bytes());
            let len = u32::try_from(text.len()).expect("short");
            Record { address: *address, size: *size, name, len, file: 0, kind: *kind, binding: *binding }
        });
        let records = records.collect();
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), &names).expect("written");
        let mapping = Mapping::open(file.path()).expect("mapped");
        Symbols::new(records, vec![Arc::new(mapping)], true)
    }

    fn function_at(symbols: &Symbols, address: u64) -> Option<&str> {
        symbols.function_at(Address(address)).map(|symbol| symbol.name)
    }

    #[test]
    fn the_innermost_symbol_is_meant() {
        let symbols = symbols(&[
            (100, 100, "outer", Function, Global),
            (120, 10, "inner", Function, Local),
            (140, 0, "label", Label, Global),
            (300, 8, "x", Object, Global),
        ]);
        assert_eq!(function_at(&symbols, 99), None);
        assert_eq!(function_at(&symbols, 100), Some("outer"));
        assert_eq!(function_at(&symbols, 125), Some("inner"));
        assert_eq!(function_at(&symbols, 150), Some("outer"));
        assert_eq!(function_at(&symbols, 200), None);
        assert_eq!(function_at(&symbols, 303), None);
        assert_eq!(symbols.object_at(Address(303)).map(|symbol| symbol.name), Some("x"));
    }

    #[test]
    fn of_one_extent_the_global_name_is_meant() {
        let symbols = symbols(&[
            (100, 8, "local", Function, Local),
            (100, 8, "weak", Function, Weak),
            (100, 8, "global", Function, Global),
            (100, 8, "later", Function, Global),
        ]);
        assert_eq!(function_at(&symbols, 107), Some("global"));
        let names: Vec<&str> = symbols.iter().map(|symbol| symbol.name).collect();
        assert_eq!(names, ["global", "later", "weak", "local"]);
    }

    #[test]
    fn a_function_without_a_size_reaches_to_the_next() {
        let symbols = symbols(&[(100, 0, "open", Function, Local), (200, 10, "next", Function, Global)]);
        assert_eq!(function_at(&symbols, 199), Some("open"));
        assert_eq!(function_at(&symbols, 209), Some("next"));
        assert_eq!(function_at(&symbols, 210), None);
    }

    #[test]
    fn what_two_tables_have_is_there_once() {
        let symbols = symbols(&[
            (100, 8, "f", Function, Global),
            (100, 8, "g", Function, Global),
            (100, 8, "f", Function, Global),
            (100, 8, "f", ThreadLocal, Global),
        ]);
        assert_eq!(symbols.iter().len(), 3);
        assert_eq!(symbols.thread_locals().map(|symbol| symbol.name).collect::<Vec<_>>(), ["f"]);
    }

    #[test]
    fn all_symbols_of_a_name_are_found_global_ones_first() {
        let symbols = symbols(&[
            (100, 8, "f", Function, Local),
            (200, 8, "f", Function, Global),
            (300, 8, "ff", Function, Global),
            (400, 8, "e", Function, Global),
        ]);
        let found = |name| symbols.named(name).map(|symbol| symbol.address.0).collect::<Vec<_>>();
        assert_eq!(found("f"), [200, 100]);
        assert_eq!(found("ff"), [300]);
        assert!(found("g").is_empty());
    }
}
