//! Symbol tables: functions by address, and which names a file defines and wants.

use super::Parsed;
use object::elf::{FileHeader64, STT_FUNC, STT_GNU_IFUNC};
use object::read::ReadCache;
use object::read::elf::{Sym, SymbolTable};
use object::{LittleEndian, Object, ObjectSection, ObjectSegment};
use std::collections::BTreeSet;
use std::fs::File;

type Table<'a> = SymbolTable<'a, FileHeader64<LittleEndian>, &'a ReadCache<File>>;

/// The functions of one file, by their addresses as linked.
#[derive(Debug, Default)]
pub(crate) struct Functions {
    /// Sorted by start; of several names for one start, the first in the table.
    functions: Vec<Function>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Function {
    start: u64,
    /// 0: the table does not say; as far as the next one then.
    size: u64,
    name: String,
}

impl Functions {
    /// Those of the full symbol table: empty in a stripped file.
    pub(crate) fn full(file: &Parsed<'_>) -> Functions {
        Functions::from(file, file.elf_symbol_table())
    }

    /// Those of the dynamic symbol table, which names only what others may call.
    pub(crate) fn dynamic(file: &Parsed<'_>) -> Functions {
        Functions::from(file, file.elf_dynamic_symbol_table())
    }

    fn from(file: &Parsed<'_>, table: &Table<'_>) -> Functions {
        let endian = file.endian();
        let strings = strings(file, table);
        let mut functions: Vec<Function> = table
            .iter()
            .filter(|symbol| {
                matches!(symbol.st_type(), STT_FUNC | STT_GNU_IFUNC) && !symbol.is_undefined(endian)
            })
            .filter_map(|symbol| {
                let name = String::from_utf8_lossy(name_at(strings, symbol.st_name(endian))?).into_owned();
                Some(Function { start: symbol.st_value(endian), size: symbol.st_size(endian), name })
            })
            .collect();
        functions.sort_by_key(|function| function.start);
        functions.dedup_by_key(|function| function.start);
        Functions { functions }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// The function that the call before `return_address` is in, and how far into it that address is.
    pub(crate) fn containing(&self, return_address: u64) -> Option<(&str, u64)> {
        // A call can be the last instruction of a function: what it returns to is then the next one's first byte.
        let call = return_address.checked_sub(1)?;
        let after = self.functions.partition_point(|function| function.start <= call);
        let function = self.functions.get(after.checked_sub(1)?)?;
        let inside = function.size == 0 || call - function.start < function.size;
        inside.then(|| (function.name.as_str(), return_address - function.start))
    }
}

/// Names of symbols of a file.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// What it brings.
    pub(crate) defined: BTreeSet<String>,
    /// What it wants from others.
    pub(crate) undefined: BTreeSet<String>,
}

impl Names {
    /// Those that others may see, of which `wanted` wants to know.
    pub(crate) fn dynamic(file: &Parsed<'_>, wanted: impl Fn(&str) -> bool) -> Names {
        Names::from(file, file.elf_dynamic_symbol_table(), wanted)
    }

    /// Those of the full symbol table; none of a stripped file.
    pub(crate) fn full(file: &Parsed<'_>, wanted: impl Fn(&str) -> bool) -> Names {
        Names::from(file, file.elf_symbol_table(), wanted)
    }

    fn from(file: &Parsed<'_>, table: &Table<'_>, wanted: impl Fn(&str) -> bool) -> Names {
        let endian = file.endian();
        let strings = strings(file, table);
        let mut names = Names::default();
        for symbol in table.iter() {
            let Some(name) =
                name_at(strings, symbol.st_name(endian)).and_then(|name| str::from_utf8(name).ok())
            else {
                continue;
            };
            if wanted(name) {
                let set = if symbol.is_undefined(endian) { &mut names.undefined } else { &mut names.defined };
                set.insert(name.to_owned());
            }
        }
        names
    }
}

/// All names of a table at once: one by one each is a read of its own.
fn strings<'a>(file: &Parsed<'a>, table: &Table<'_>) -> &'a [u8] {
    let strings = file.section_by_index(table.string_section()).and_then(|section| section.data());
    strings.unwrap_or_default()
}

fn name_at(strings: &[u8], offset: u32) -> Option<&[u8]> {
    let rest = strings.get(usize::try_from(offset).ok()?..)?;
    rest.split(|byte| *byte == 0).next().filter(|name| !name.is_empty())
}

/// The address, as linked, of the byte `offset` bytes past the start of a loaded file: its first segment is mapped from the page that
/// it begins in.
pub(crate) fn linked_address(file: &Parsed<'_>, offset: u64) -> Option<u64> {
    const PAGE: u64 = 4096;
    let lowest = file.segments().map(|segment| segment.address()).min()?;
    (lowest & !(PAGE - 1)).checked_add(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions(list: &[(u64, u64, &str)]) -> Functions {
        let made = |(start, size, name): &(u64, u64, &str)| Function {
            start: *start,
            size: *size,
            name: (*name).to_owned(),
        };
        Functions { functions: list.iter().map(made).collect() }
    }

    #[test]
    fn a_return_address_counts_for_the_function_of_its_call() {
        let functions = functions(&[(100, 50, "first"), (150, 50, "second")]);
        assert_eq!(functions.containing(120), Some(("first", 20)));
        assert_eq!(functions.containing(150), Some(("first", 50)), "a call at the very end");
        assert_eq!(functions.containing(151), Some(("second", 1)));
        assert_eq!(functions.containing(200), Some(("second", 50)));
    }

    #[test]
    fn what_lies_in_no_function_has_no_name() {
        let functions = functions(&[(100, 10, "first"), (200, 0, "open")]);
        for address in [0, 1, 100, 111, 200] {
            assert_eq!(functions.containing(address), None, "{address}");
        }
        assert_eq!(functions.containing(5000), Some(("open", 4800)), "the table does not say where it ends");
    }
}
