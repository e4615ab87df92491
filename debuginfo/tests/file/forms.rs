//! Debug info in the forms that compilers and linkers write.

use crate::walk::{check, walk};
use crate::workshop::Workshop;
use mcrx_debuginfo::dwarf::{DwarfError, Role};
use mcrx_debuginfo::file::{Binary, DebugFile};
use mcrx_harness::{Context, Result, bail, ensure};
use std::fs;

const LEVELS: [&str; 4] = ["-O0", "-O1", "-O2", "-O3"];

fn every_version(test: &Context, compiler: &str) -> Result<()> {
    let workshop = Workshop::new(test)?;
    for version in ["-gdwarf-2", "-gdwarf-3", "-gdwarf-4", "-gdwarf-5", "-g"] {
        for level in LEVELS {
            let path = workshop.build(compiler, "program", &[version, level])?;
            let binary = Binary::open(&path)?;
            ensure!(*binary.debug_file() == DebugFile::Same);
            let seen = check(&binary, &path, test.program("nm")?)?;
            ensure!(seen.across == 0, "references across units in a plain program");
        }
    }
    Ok(())
}

pub(crate) fn gcc_with_every_version_of_dwarf(test: &Context) -> Result<()> {
    every_version(test, "gcc")
}

pub(crate) fn clang_with_every_version_of_dwarf(test: &Context) -> Result<()> {
    every_version(test, "clang")
}

fn type_units(test: &Context, compiler: &str) -> Result<()> {
    let workshop = Workshop::new(test)?;
    for version in ["-gdwarf-4", "-gdwarf-5"] {
        let path = workshop.build(compiler, "program", &[version, "-O0", "-fdebug-types-section"])?;
        let binary = Binary::open(&path)?;
        let seen = check(&binary, &path, test.program("nm")?)?;
        ensure!(seen.across > 0, "{version}: no reference to a type unit");
        let dwarf = binary.dwarf()?;
        let types = dwarf.unit_ids().filter(|id| dwarf.role(*id) == Role::Type).count();
        ensure!(types >= 5, "{version}: {types} type units");
    }
    Ok(())
}

pub(crate) fn gcc_with_types_in_units_of_their_own(test: &Context) -> Result<()> {
    type_units(test, "gcc")
}

pub(crate) fn clang_with_types_in_units_of_their_own(test: &Context) -> Result<()> {
    // Of C it makes none: its types have no names that hold across files.
    type_units(test, "clang++")
}

pub(crate) fn gcc_with_link_time_optimisation(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    for version in ["-gdwarf-4", "-gdwarf-5"] {
        // -O0, lest `main` has all in it.
        let path = workshop.build("gcc", "program", &[version, "-O0", "-flto"])?;
        let seen = check(&Binary::open(&path)?, &path, test.program("nm")?)?;
        ensure!(seen.across > 0, "{version}: late units refer to none of the early ones");
    }
    Ok(())
}

pub(crate) fn there_are_as_many_units_as_readelf_counts(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    for flags in
        [&["-gdwarf-4", "-fdebug-types-section"][..], &["-gdwarf-5", "-fdebug-types-section"], &["-g"]]
    {
        let path = workshop.build("gcc", "program", flags)?;
        let dump = workshop.run("readelf", &["--debug-dump=info,types", &path.display().to_string()])?;
        let units = dump.lines().filter(|line| line.trim_start().starts_with("Compilation Unit @")).count();
        let binary = Binary::open(&path)?;
        ensure!(units > 1 && binary.dwarf()?.unit_count() == units, "{flags:?}: readelf counts {units}");
    }
    Ok(())
}

pub(crate) fn sections_compressed_in_three_ways(test: &Context) -> Result<()> {
    let workshop = Workshop::new(test)?;
    let plain = workshop.build("gcc", "program", &["-g", "-O2"])?;
    let want = walk(&Binary::open(&plain)?.dwarf()?)?;
    for how in ["zlib", "zlib-gnu", "zstd"] {
        // A toolchain without one of them says so by failing.
        let Ok(_) = workshop.run("objcopy", &[&format!("--compress-debug-sections={how}"), "program", how])
        else {
            eprintln!("objcopy cannot compress by {how}");
            continue;
        };
        let path = workshop.folder().join(how);
        ensure!(fs::metadata(&path)?.len() < fs::metadata(&plain)?.len(), "{how}: not compressed");
        let binary = Binary::open(&path)?;
        let seen = check(&binary, &path, test.program("nm")?)?;
        ensure!(seen == want, "{how}: other than uncompressed");
        ensure!(binary.section(".debug_str") == Binary::open(&plain)?.section(".debug_str"));
    }
    let path = workshop.build("gcc", "by-compiler", &["-g", "-O2", "-gz=zlib"])?;
    check(&Binary::open(&path)?, &path, test.program("nm")?)?;
    Ok(())
}

fn with_dwz<'t>(test: &'t Context, arguments: &[&str]) -> Result<Workshop<'t>> {
    let workshop = Workshop::new(test)?;
    for name in ["first", "second"] {
        workshop.build("gcc", name, &["-g", "-O2", &format!("-DPROGRAM={name}")])?;
    }
    workshop.run("dwz", &[arguments, &["-m", "shared.debug", "first", "second"]].concat())?;
    Ok(workshop)
}

fn supplementary(test: &Context, arguments: &[&str]) -> Result<()> {
    let workshop = with_dwz(test, arguments)?;
    ensure!(workshop.folder().join("shared.debug").exists(), "dwz found nothing to share");
    for name in ["first", "second"] {
        let path = workshop.folder().join(name);
        let binary = Binary::open(&path)?;
        let seen = check(&binary, &path, test.program("nm")?)?;
        ensure!(seen.across > 0, "no reference into the shared file");
        let dwarf = binary.dwarf()?;
        let shared = dwarf.unit_ids().filter(|id| dwarf.file(*id).ends_with("shared.debug")).count();
        ensure!(shared > 0, "no unit of the shared file");
    }
    Ok(())
}

pub(crate) fn what_dwz_moves_into_another_file(test: &Context) -> Result<()> {
    supplementary(test, &[])
}

pub(crate) fn what_dwz_moves_as_dwarf_5_has_it(test: &Context) -> Result<()> {
    supplementary(test, &["--dwarf-5"])
}

pub(crate) fn a_missing_supplementary_file_is_named(test: &Context) -> Result<()> {
    let workshop = with_dwz(test, &[])?;
    fs::remove_file(workshop.folder().join("shared.debug"))?;
    match Binary::open(&workshop.folder().join("first"))?.dwarf() {
        Err(error @ DwarfError::SupplementaryMissing { .. }) => {
            ensure!(error.to_string().contains("shared.debug"), "{error}");
            Ok(())
        }
        Err(error) => bail!("another error: {error}"),
        Ok(_) => bail!("no error"),
    }
}
