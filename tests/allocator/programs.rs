//! The library under test, built as it is shipped, and the C and C++ programs beside this file, each compiled once.

use mcrx_harness::{Batch, Context, Exit, Finished, Invocation, Launch, Result, anyhow, ensure};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// The directory that cargo builds into.
fn target() -> Result<&'static Path> {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    scratch.parent().ok_or_else(|| anyhow!("{} has no parent", scratch.display()))
}

/// `libmcrx.so`, in the profile that users get. Built by the first test that asks.
pub(crate) fn library() -> Result<&'static Path> {
    static BUILT: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build_library().map_err(|error| format!("{error:#}")));
    built.as_deref().map_err(|error| anyhow!("libmcrx.so cannot be built: {error}"))
}

fn build_library() -> Result<PathBuf> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", "mcrx-preload", "--profile", "preload", "--target-dir"])
        .arg(target()?)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(target()?.join("preload/libmcrx.so"))
}

/// A file of `tests/allocator`.
pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/allocator").join(name)
}

/// The program made of a source of `tests/allocator`, with flags beside the usual ones.
pub(crate) fn compiled_with(name: &str, flags: &[&str]) -> Result<PathBuf> {
    let source = source(name);
    let is_cpp = source.extension().is_some_and(|extension| extension == "cc");
    let compiler = if is_cpp { "c++" } else { "cc" };
    let mut hasher = DefaultHasher::new();
    // The header is a part of some of the programs.
    (fs::read(&source)?, fs::read(self::source("transplant.h"))?, flags).hash(&mut hasher);
    let stem = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{stem}-{:016x}", hasher.finish()));
    if !program.exists() {
        // Tests run at the same time, perhaps in several processes: whoever is last wins, with the same program.
        let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let built = scratch.path().join(&stem);
        let output = Command::new(compiler)
            .args(["-O1", "-g", "-Wall", "-Wextra", "-Wno-alloc-size-larger-than", "-Werror", "-pthread"])
            .args(["-Wl,--build-id"])
            .arg("-o")
            .arg(&built)
            .arg(&source)
            .args(flags)
            .output()?;
        ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        fs::rename(built, &program)?;
    }
    Ok(program)
}

/// The program made of a source of `tests/allocator`.
pub(crate) fn compiled(name: &str) -> Result<PathBuf> {
    compiled_with(name, &[])
}

/// A program of `tests/allocator` about to be run under the library.
pub(crate) fn prepare<'a>(test: &'a Context, name: &str, arguments: &[&str]) -> Result<Launch<'a, Batch>> {
    under_the_library(test, Invocation::new(&compiled(name)?, arguments.iter().copied()))
}

/// Any program about to be run under the library.
pub(crate) fn under_the_library(test: &Context, what: Invocation) -> Result<Launch<'_, Batch>> {
    Ok(test.launch(Batch(what)).preload(library()?))
}

/// Waits for the end of a program that is to find nothing wrong; returns what it said.
pub(crate) fn expect_success(launch: Launch<'_, Batch>, patience: Duration) -> Result<Finished> {
    let finished = launch.finish(patience)?;
    ensure!(finished.exit == Exit::Code(0), "{}: {}", finished.exit, finished.output);
    Ok(finished)
}

/// Runs a program of `tests/allocator` under the library; it is to find nothing wrong.
pub(crate) fn passes(test: &Context, name: &str, arguments: &[&str]) -> Result<Finished> {
    expect_success(prepare(test, name, arguments)?, Duration::from_secs(100))
}
