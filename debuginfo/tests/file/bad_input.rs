//! Files that are cut off, flipped, or no programs: a message, and never harm.

use crate::workshop::Workshop;
use gimli::UnwindSection;
use mcrx_debuginfo::file::{Binary, Kind, OpenError, Search};
use mcrx_debuginfo::table::Address;
use mcrx_harness::{Context, Explain, Result, bail, ensure};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Looks at all that there is to see; what fails says so.
fn exercise(path: &Path) {
    let search = Search { debug_roots: Vec::new(), debuginfod_cache: None, location: None };
    let Ok(binary) = Binary::open_with(path, &search) else { return };
    let symbols = binary.symbols();
    for symbol in symbols.iter().take(50) {
        let _ = (
            symbols.function_at(symbol.address),
            symbols.object_at(Address(symbol.address.0.wrapping_add(1))),
        );
        let _ = (symbols.named(symbol.name).count(), binary.code(symbol.address, 64), symbols.is_full());
    }
    let _ = (binary.stubs().count(), binary.relocations().iter().count(), binary.text().len());
    let unwind = binary.unwind();
    let mut entries = unwind.eh_frame.entries(&unwind.bases);
    while let Ok(Some(_)) = entries.next() {}
    for name in [".debug_line", ".comment", ".debug_str"] {
        let _ = binary.section(name);
    }
    let Ok(dwarf) = binary.dwarf() else { return };
    for id in dwarf.unit_ids() {
        let Ok(unit) = dwarf.unit(id) else { continue };
        let mut entries = unit.unit.entries();
        while let Ok(Some(entry)) = entries.next_dfs() {
            let _ = unit.ranges(entry).map(|ranges| ranges.count());
            for attribute in entry.attrs() {
                if let Some(target) = dwarf.resolve(&unit, attribute.value()) {
                    let _ = (dwarf.header(target.unit), dwarf.role(target.unit), dwarf.file(target.unit));
                }
                let _ = unit.unit_ref().attr_string(attribute.value());
            }
        }
        let _ = unit.code().map(|ranges| ranges.count());
    }
}

/// The same, with a message that says which file it was if it does harm.
fn survives(path: &Path, what: impl Fn() -> String) -> Result<()> {
    catch_unwind(AssertUnwindSafe(|| exercise(path))).map_err(|_| mcrx_harness::anyhow!("{}", what()))
}

/// Pseudo-random numbers (xorshift64*), the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16;
        usize::try_from(number).unwrap_or(0) % bound.max(1)
    }
}

pub(crate) fn a_file_cut_off_anywhere_is_refused_or_read(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let whole = fs::read(workshop.build("gcc", "program", &["-g", "-fdebug-types-section"])?)?;
    let path = workshop.folder().join("cut");
    for length in (0..whole.len()).step_by(whole.len() / 400).chain(whole.len() - 70..whole.len()) {
        fs::write(&path, &whole[..length])?;
        survives(&path, || format!("cut off at {length}"))?;
        let refused = Binary::open(&path).err().map(|error| error.to_string());
        let refused = refused.context(format!("nothing is said of {length} of {} bytes", whole.len()))?;
        ensure!(length < 64 || refused.contains("truncated"), "{length} of {}: {refused}", whole.len());
    }
    Ok(())
}

pub(crate) fn no_flipped_bit_does_harm(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let mut programs: Vec<PathBuf> = Vec::new();
    for (name, flags) in [
        ("five", &["-gdwarf-5"][..]),
        ("four", &["-gdwarf-4", "-fdebug-types-section", "-O2"]),
        ("split", &["-gsplit-dwarf", "-gdwarf-5"]),
        ("split-four", &["-gsplit-dwarf", "-gdwarf-4", "-fdebug-types-section"]),
    ] {
        programs.push(workshop.build("gcc", name, flags)?);
    }
    for how in ["zlib", "zstd"] {
        if workshop.run("objcopy", &[&format!("--compress-debug-sections={how}"), "five", how]).is_ok() {
            programs.push(workshop.folder().join(how));
        }
    }
    let mut random = Random(0x6D63_7278);
    for program in programs {
        let (whole, path) = (fs::read(&program)?, workshop.folder().join("flipped"));
        for round in 0..450 {
            fs::write(&path, flipped(&whole, &mut random))?;
            survives(&path, || format!("round {round} of {}", program.display()))?;
        }
    }
    Ok(())
}

pub(crate) fn no_flipped_bit_of_the_files_beside_it_does_harm(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let split = workshop.build("gcc", "split", &["-gsplit-dwarf", "-gdwarf-5", "-fdebug-types-section"])?;
    let packed = workshop.build("gcc", "packed", &["-gsplit-dwarf", "-gdwarf-4", "-fdebug-types-section"])?;
    workshop.run("dwp", &["-o", "packed.dwp", "packed-one.dwo", "packed-two.dwo"])?;
    let shared = workshop.build("gcc", "shared", &["-g"])?;
    workshop.build("gcc", "sharing", &["-g", "-O2"])?;
    workshop.run("dwz", &["-m", "shared.debug", "shared", "sharing"])?;
    let mut random = Random(0x6D63_7279);
    for (program, beside) in [(split, "split-one.dwo"), (packed, "packed.dwp"), (shared, "shared.debug")] {
        let beside = workshop.folder().join(beside);
        let whole = fs::read(&beside)?;
        for round in 0..400 {
            fs::write(&beside, flipped(&whole, &mut random))?;
            survives(&program, || format!("round {round} of {}", beside.display()))?;
        }
    }
    Ok(())
}

/// A few bits, bytes or words of a file changed: anywhere, in its header, and in the tables at its end.
fn flipped(whole: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let headers = bytes.len().saturating_sub(40 * 64);
    for _ in 0..=random.below(8) {
        let at = match random.below(4) {
            0 => random.below(64),
            1 => headers + random.below(bytes.len() - headers),
            _ => random.below(bytes.len()),
        };
        match random.below(3) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = [0, 0xFF, 0x7F, 0x80][random.below(4)],
            _ => bytes[at..].iter_mut().take(8).for_each(|byte| *byte = 0xFF),
        }
    }
    bytes
}

pub(crate) fn other_files_are_named_for_what_they_are(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    workshop.build("gcc", "program", &[])?;
    let mut other = fs::read(workshop.folder().join("program"))?;
    other[18] = 183;
    let script = workshop.folder().join("script");
    fs::write(&script, "#!/bin/sh\n")?;
    let arm = workshop.folder().join("arm");
    fs::write(&arm, other)?;
    for (path, wanted) in [
        (script, "a script for /bin/sh"),
        (arm, "64-bit ARM"),
        (workshop.folder().join("program-one.o"), "not linked yet"),
        (workshop.folder().join("shared.h"), "no program"),
        (workshop.folder().to_owned(), "not a regular file"),
        (workshop.folder().join("nothing"), "No such file"),
    ] {
        let Err(error) = Binary::open(&path) else { bail!("{} is opened", path.display()) };
        ensure!(error.to_string().contains(wanted), "{error}, not {wanted}");
        ensure!(!matches!(error, OpenError::Other { kind: Kind::X86_64, .. }));
    }
    Ok(())
}

pub(crate) fn sections_that_claim_too_much_are_not_believed(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let path = workshop.build("gcc", "program", &["-g", "-gz=zlib"])?;
    let mut bytes = fs::read(&path)?;
    // Every header of a compressed section (ELFCOMPRESS_ZLIB, then zlib's own first byte) claims a terabyte.
    let mut changed = 0;
    for at in 0..bytes.len() - 25 {
        if bytes[at..at + 8] == [1, 0, 0, 0, 0, 0, 0, 0]
            && bytes[at + 24] == 0x78
            && bytes[at + 12..at + 16] == [0; 4]
        {
            bytes[at + 8..at + 16].copy_from_slice(&(1_u64 << 40).to_le_bytes());
            changed += 1;
        }
    }
    ensure!(changed >= 3, "only {changed} compressed sections");
    fs::write(&path, bytes)?;
    match Binary::open(&path)?.dwarf() {
        Err(error) => ensure!(error.to_string().contains("1099511627776 bytes, too many"), "{error}"),
        Ok(_) => bail!("no error"),
    }
    Ok(())
}
