//! Symbol tables: which names a file defines and wants. Symbols by address are the business of `mcrx-debuginfo`.

use super::Parsed;
use object::elf::FileHeader64;
use object::read::ReadCache;
use object::read::elf::{Sym, SymbolTable};
use object::{LittleEndian, Object, ObjectSection};
use std::collections::BTreeSet;
use std::fs::File;

type Table<'a> = SymbolTable<'a, FileHeader64<LittleEndian>, &'a ReadCache<File>>;

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
