//! Debug info that no compiler writes: small files that ask for endless work.

use crate::damage::peak;
use crate::workshop::{Workshop, table};
use mcrx_harness::{Context, Result, bail, ensure};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A unit of DWARF 4 in assembler, with these abbreviations (beside 1, the unit's) and entries.
fn assembled(workshop: &Workshop<'_>, abbreviations: &str, entries: &str, strings: &str) -> Result<PathBuf> {
    let source = format!(
        ".text\n.globl main\nmain:\n xor %eax, %eax\n ret\n\
         .section .debug_abbrev,\"\",@progbits\n .uleb128 1, 0x11\n .byte 1\n .uleb128 0, 0\n{abbreviations}\n .byte 0\n\
         .section .debug_info,\"\",@progbits\n .long end - begin\nbegin:\n .value 4\n .long .debug_abbrev\n .byte 8\n .uleb128 1\n\
         {entries}\n .byte 0\nend:\n\
         .section .debug_str,\"\",@progbits\n{strings}\n .section .note.GNU-stack,\"\",@progbits\n"
    );
    fs::write(workshop.folder().join("hostile.s"), source)?;
    workshop.run("gcc", &["-Wl,--build-id", "hostile.s", "-o", "hostile"])?;
    Ok(workshop.folder().join("hostile"))
}

/// That a file is refused with these words, soon.
fn refused(path: &std::path::Path, words: &str) -> Result<()> {
    let start = Instant::now();
    match table(path) {
        Ok(table) => bail!("it was read: {table:?}"),
        Err(error) => ensure!(error.to_string().contains(words), "{error}"),
    }
    ensure!(start.elapsed() < Duration::from_secs(10), "only after {:?}", start.elapsed());
    ensure!(peak()? < 2 << 30);
    Ok(())
}

pub(crate) fn names_that_share_their_bytes_are_refused(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    // 40,000 base types, each with another tail of one string of a million letters for a name: 20 GB of names in 1.2 MB.
    let abbreviation = " .uleb128 2, 0x24\n .byte 0\n .uleb128 3, 0xe, 0, 0";
    let mut entries = String::new();
    for index in 0..40_000 {
        let _ = writeln!(entries, " .uleb128 2\n .long .debug_str + {}", index * 20);
    }
    let path = assembled(&workshop, abbreviation, &entries, " .fill 1000000, 1, 0x61\n .byte 0")?;
    refused(&path, "names")
}

pub(crate) fn types_nested_without_end_are_refused(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    // Structures in each other, 100,000 deep.
    let abbreviation = " .uleb128 2, 0x13\n .byte 1\n .uleb128 3, 8, 0, 0";
    let entries = " .uleb128 2\n .asciz \"s\"\n".repeat(100_000) + &" .byte 0\n".repeat(100_000);
    refused(&assembled(&workshop, abbreviation, &entries, "")?, "nested")
}

pub(crate) fn a_long_chain_of_types_takes_no_long_time(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    // Two chains of 30,000 pointers, that end at different types: they are told apart one step at a time.
    let abbreviations = " .uleb128 2, 0xf\n .byte 0\n .uleb128 0x49, 0x13, 0, 0\n .uleb128 3, 0x24\n .byte 0\n .uleb128 0xb, 0xb, 0, 0";
    let mut entries = String::new();
    for (chain, size) in [("a", 4), ("b", 8)] {
        for index in 0..30_000 {
            let _ =
                writeln!(entries, "{chain}{index}:\n .uleb128 2\n .long {chain}{} - begin + 4", index + 1);
        }
        let _ = writeln!(entries, "{chain}30000:\n .uleb128 3\n .byte {size}");
    }
    let path = assembled(&workshop, abbreviations, &entries, "")?;
    let start = Instant::now();
    let table = table(&path)?;
    ensure!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    ensure!(table.types().len() == 60_002, "{} types", table.types().len());
    Ok(())
}

pub(crate) fn types_in_circles_are_read(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    // A typedef of itself, a const of a volatile of the const, an array of itself, a structure with itself in it.
    let abbreviations = " .uleb128 2, 0x16\n .byte 0\n .uleb128 0x49, 0x13, 0, 0\n .uleb128 3, 0x26\n .byte 0\n .uleb128 0x49, 0x13, 0, 0\n\
        .uleb128 4, 0x35\n .byte 0\n .uleb128 0x49, 0x13, 0, 0\n .uleb128 5, 0x1\n .byte 1\n .uleb128 0x49, 0x13, 0, 0\n\
        .uleb128 6, 0x21\n .byte 0\n .uleb128 0x37, 0xb, 0, 0\n .uleb128 7, 0x13\n .byte 1\n .uleb128 0, 0\n\
        .uleb128 8, 0xd\n .byte 0\n .uleb128 0x49, 0x13, 0, 0";
    let entries = "self:\n .uleb128 2\n .long self - begin + 4\nconst:\n .uleb128 3\n .long volatile - begin + 4\n\
        volatile:\n .uleb128 4\n .long const - begin + 4\narray:\n .uleb128 5\n .long array - begin + 4\n .uleb128 6\n .byte 200\n .byte 0\n\
        inside:\n .uleb128 7\n .uleb128 8\n .long inside - begin + 4\n .byte 0";
    let table = table(&assembled(&workshop, abbreviations, entries, "")?)?;
    ensure!(table.types().len() == 5);
    for ty in table.types() {
        let _ = (ty.size(), ty.resolved(), ty.fields().len(), ty.place(3), ty.is_declaration());
    }
    Ok(())
}
