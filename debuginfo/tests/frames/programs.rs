//! A program with frames of every kind, made in every way, stopped in the deepest of them.

use crate::agree::{Count, agrees};
use crate::gdb::Held;
use mcrx_harness::{Context, Need, Result, Suite, ensure, program};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    let gcc: [Need; 2] = [program("gcc"), program("gdb")];
    let clang: [Need; 2] = [program("clang"), program("gdb")];
    suite
        .test(gcc.clone(), gcc_without_optimisation_agrees_with_gdb)
        .test(gcc.clone(), gcc_with_optimisation_agrees_with_gdb)
        .test(gcc.clone(), gcc_with_frame_pointers_agrees_with_gdb)
        .test(gcc.clone(), gcc_with_debug_frame_only_agrees_with_gdb)
        .test(gcc.clone(), gcc_at_link_time_agrees_with_gdb)
        .test(gcc, gcc_with_split_units_agrees_with_gdb)
        .test(clang.clone(), clang_without_optimisation_agrees_with_gdb)
        .test(clang, clang_with_optimisation_agrees_with_gdb)
        .within(Duration::from_secs(120))
}

/// See there.
pub(crate) const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/frames/deep.c");

/// Compiles a source file of this folder, or another.
pub(crate) fn compiled(test: &Context, compiler: &str, source: &str, options: &[&str]) -> Result<PathBuf> {
    let folder = test.scratch().fresh("program");
    std::fs::create_dir_all(&folder)?;
    let program = folder.join("program");
    let mut command = Command::new(test.program(compiler)?);
    command.args(options).arg("-g").arg(source).arg("-o").arg(&program).arg("-pthread").current_dir(&folder);
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(program)
}

fn deepest(test: &Context, program: &Path) -> Result<Count> {
    let held = Held::at(test, program, "stop_here")?;
    let count = agrees(&held)?;
    // Down to the signal's handler and beyond, and the other thread.
    ensure!(count.threads == 2 && count.frames >= 20, "{count:?}");
    Ok(count)
}

/// All of these options in each version of DWARF.
fn in_all_versions(test: &Context, compiler: &str, all: &[&[&str]]) -> Result<Vec<Count>> {
    let mut counts = Vec::new();
    for options in all {
        for version in ["-gdwarf-4", "-gdwarf-5"] {
            let mut options = options.to_vec();
            options.push(version);
            let program = compiled(test, compiler, SOURCE, &options)?;
            let count = deepest(test, &program).map_err(|error| error.context(format!("{options:?}")))?;
            println!("{compiler} {options:?}: {count:?}");
            counts.push(count);
        }
    }
    Ok(counts)
}

fn gcc_without_optimisation_agrees_with_gdb(test: &Context) -> Result<()> {
    for count in in_all_versions(test, "gcc", &[&["-O0"], &["-Og"]])? {
        ensure!(count.in_memory > 40, "{count:?}");
    }
    Ok(())
}

fn gcc_with_optimisation_agrees_with_gdb(test: &Context) -> Result<()> {
    for count in in_all_versions(test, "gcc", &[&["-O1"], &["-O2"], &["-O3"], &["-Os"]])? {
        ensure!(count.inlined >= 2 && count.values > 20 && count.in_memory > 5, "{count:?}");
    }
    Ok(())
}

fn gcc_with_frame_pointers_agrees_with_gdb(test: &Context) -> Result<()> {
    in_all_versions(test, "gcc", &[&["-O2", "-fno-omit-frame-pointer"]]).map(drop)
}

fn gcc_with_debug_frame_only_agrees_with_gdb(test: &Context) -> Result<()> {
    let options = ["-O2", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-exceptions"];
    in_all_versions(test, "gcc", &[&options]).map(drop)
}

fn gcc_at_link_time_agrees_with_gdb(test: &Context) -> Result<()> {
    in_all_versions(test, "gcc", &[&["-O2", "-flto"]]).map(drop)
}

fn gcc_with_split_units_agrees_with_gdb(test: &Context) -> Result<()> {
    in_all_versions(test, "gcc", &[&["-O2", "-gsplit-dwarf"]]).map(drop)
}

fn clang_without_optimisation_agrees_with_gdb(test: &Context) -> Result<()> {
    for count in in_all_versions(test, "clang", &[&["-O0"]])? {
        ensure!(count.in_memory > 40, "{count:?}");
    }
    Ok(())
}

fn clang_with_optimisation_agrees_with_gdb(test: &Context) -> Result<()> {
    for count in in_all_versions(test, "clang", &[&["-O1"], &["-O2"], &["-O3"]])? {
        ensure!(count.inlined >= 2, "{count:?}");
    }
    Ok(())
}
