//! Debug info that was taken out of a program into a file of its own.

use crate::walk::{check, walk};
use crate::workshop::Workshop;
use mcrx_debuginfo::dwarf::DwarfError;
use mcrx_debuginfo::file::{Binary, DebugFile, Search};
use mcrx_harness::{Context, Explain, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// Nothing of the system's.
fn nowhere() -> Search {
    Search { debug_roots: Vec::new(), debuginfod_cache: None, location: None }
}

/// `program` without debug info, `program.debug` with it, `whole` as it was.
fn separate<'t>(test: &'t Context, flags: &[&str]) -> Result<(Workshop<'t>, PathBuf)> {
    let workshop = Workshop::new(test)?;
    let path = workshop.build("gcc", "program", &[&["-g", "-O2"], flags].concat())?;
    fs::copy(&path, workshop.folder().join("whole"))?;
    workshop.run("objcopy", &["--only-keep-debug", "program", "program.debug"])?;
    workshop.run("strip", &["program"])?;
    Ok((workshop, path))
}

fn check_separate(test: &Context, binary: &Binary, debug_file: &Path) -> Result<()> {
    ensure!(*binary.debug_file() == DebugFile::Separate(debug_file.to_owned()), "{:?}", binary.debug_file());
    let whole = binary.path().parent().context("no folder")?.join("whole");
    check(binary, &whole, test.program("nm")?)?;
    // Symbols come from there, too.
    ensure!(binary.symbols().is_full() && binary.symbols().named("table_new").count() == 1);
    let whole = Binary::open(&whole)?;
    ensure!(binary.build_id() == whole.build_id());
    ensure!(binary.symbols().iter().eq(whole.symbols().iter()), "other symbols than before");
    Ok(())
}

pub(crate) fn by_its_link(test: &Context) -> Result<()> {
    let (workshop, path) = separate(test, &[])?;
    workshop.run("objcopy", &["--add-gnu-debuglink=program.debug", "program"])?;
    let beside = workshop.folder().join("program.debug");
    check_separate(test, &Binary::open_with(&path, &nowhere())?, &beside)?;
    let hidden = workshop.folder().join(".debug").join("program.debug");
    fs::create_dir(workshop.folder().join(".debug"))?;
    fs::rename(&beside, &hidden)?;
    check_separate(test, &Binary::open_with(&path, &nowhere())?, &hidden)?;
    let root = workshop.folder().join("root");
    let below = root.join(workshop.folder().canonicalize()?.strip_prefix("/")?);
    fs::create_dir_all(&below)?;
    fs::rename(&hidden, below.join("program.debug"))?;
    check_separate(
        test,
        &Binary::open_with(&path, &nowhere().with_roots([root]))?,
        &below.join("program.debug"),
    )
}

pub(crate) fn by_its_build_id(test: &Context) -> Result<()> {
    let (workshop, path) = separate(test, &[])?;
    let id = Binary::open(&path)?.build_id().context("no build-id")?.to_string();
    let (first, rest) = id.split_at(2);
    let folder = workshop.folder().join("root/.build-id").join(first);
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{rest}.debug"));
    fs::rename(workshop.folder().join("program.debug"), &file)?;
    let roots = [workshop.folder().join("empty"), workshop.folder().join("root")];
    check_separate(test, &Binary::open_with(&path, &nowhere().with_roots(roots))?, &file)
}

pub(crate) fn by_the_cache_of_debuginfod(test: &Context) -> Result<()> {
    let (workshop, path) = separate(test, &[])?;
    let id = Binary::open(&path)?.build_id().context("no build-id")?.to_string();
    let cache = workshop.folder().join("cache");
    fs::create_dir_all(cache.join(&id))?;
    let file = cache.join(&id).join("debuginfo");
    fs::rename(workshop.folder().join("program.debug"), &file)?;
    let search = Search { debuginfod_cache: Some(cache), ..nowhere() };
    check_separate(test, &Binary::open_with(&path, &search)?, &file)
}

pub(crate) fn by_its_checksum_when_there_is_no_build_id(test: &Context) -> Result<()> {
    let (workshop, path) = separate(test, &["-Wl,--build-id=none"])?;
    workshop.run("objcopy", &["--add-gnu-debuglink=program.debug", "program"])?;
    let debug_file = workshop.folder().join("program.debug");
    let binary = Binary::open_with(&path, &nowhere())?;
    ensure!(binary.build_id().is_none());
    check_separate(test, &binary, &debug_file)?;
    let mut bytes = fs::read(&debug_file)?;
    *bytes.last_mut().context("empty")? ^= 1;
    fs::write(&debug_file, bytes)?;
    let binary = Binary::open_with(&path, &nowhere())?;
    ensure!(matches!(binary.debug_file(), DebugFile::Missing { .. }), "a wrong checksum is believed");
    Ok(())
}

pub(crate) fn one_of_another_build_is_left_alone(test: &Context) -> Result<()> {
    let (workshop, path) = separate(test, &[])?;
    workshop.run("objcopy", &["--add-gnu-debuglink=program.debug", "program"])?;
    workshop.build("gcc", "other", &["-g", "-O1"])?;
    workshop.run("objcopy", &["--only-keep-debug", "other", "program.debug"])?;
    let binary = Binary::open_with(&path, &nowhere())?;
    ensure!(matches!(binary.debug_file(), DebugFile::Missing { .. }), "{:?}", binary.debug_file());
    Ok(())
}

pub(crate) fn a_stripped_program_says_what_would_help(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let path = workshop.build("gcc", "program", &["-O2"])?;
    workshop.run("strip", &["program"])?;
    let binary = Binary::open(&path)?;
    let id = binary.build_id().context("no build-id")?.to_string();
    match binary.dwarf() {
        Err(error @ DwarfError::Missing { .. }) => {
            let text = error.to_string();
            ensure!(text.contains("-g") && text.contains(&format!("{}.debug", &id[2..])), "{text}");
            Ok(())
        }
        Err(error) => bail!("another error: {error}"),
        Ok(_) => bail!("no error"),
    }
}

pub(crate) fn a_program_that_is_opened_elsewhere(test: &Context) -> Result<()> {
    let (workshop, path) = separate(test, &[])?;
    workshop.run("objcopy", &["--add-gnu-debuglink=program.debug", "program"])?;
    let elsewhere = workshop.folder().join("elsewhere");
    fs::create_dir(&elsewhere)?;
    let copy = elsewhere.join("exe");
    fs::rename(&path, &copy)?;
    fs::copy(workshop.folder().join("whole"), elsewhere.join("whole"))?;
    let missing = Binary::open_with(&copy, &nowhere())?;
    ensure!(matches!(missing.debug_file(), DebugFile::Missing { .. }));
    let search = nowhere().located(&path);
    check_separate(test, &Binary::open_with(&copy, &search)?, &workshop.folder().join("program.debug"))
}

const LIBC: &str = "/lib/x86_64-linux-gnu/libc.so.6";

/// For a test's needs: the debug files of Debian's C library, compressed and with a supplementary file's leavings as Debian makes them.
pub(crate) fn libc_has_one() -> Result<(), String> {
    let binary = Binary::open(Path::new(LIBC)).map_err(|error| error.to_string())?;
    match binary.debug_file() {
        DebugFile::Separate(_) => Ok(()),
        _ => Err("the debug file of the C library is not installed (Debian package libc6-dbg)".to_owned()),
    }
}

pub(crate) fn of_debians_c_library(_: &Context) -> Result<()> {
    let binary = Binary::open(Path::new(LIBC))?;
    let seen = walk(&binary.dwarf()?)?;
    ensure!(seen.types.contains(&("_IO_FILE".to_owned(), "DW_TAG_structure_type".to_owned(), 216)));
    let symbols = binary.symbols();
    ensure!(symbols.is_full());
    for name in ["malloc", "fork", "__libc_start_main_impl", "_int_malloc"] {
        let address = symbols.named(name).next().with_context(|| format!("no symbol {name}"))?.address;
        let has = seen.functions.values().any(|addresses| addresses.contains(&address.0));
        ensure!(has, "no function of the debug info begins at {address}, where {name} does");
    }
    Ok(())
}
