//! What is read: two servers, and something large.

use super::super::supply::{Peer, Supply};
use crate::install::{cache_directory, cargo};
use anyhow::{Context, Result, ensure};
use object::{Object, ObjectSection};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program with debug info, and what its cases are called.
pub(super) struct Binary {
    pub(super) path: PathBuf,
    /// In MiB, as they are in the file.
    pub(super) debug_sections: f64,
    pub(super) cold: &'static str,
    pub(super) cached: &'static str,
    pub(super) memory: &'static str,
}

/// Those that can be had.
pub(super) fn all(supply: &mut Supply) -> Vec<Binary> {
    let server = |supply: &mut Supply, name, version| supply.get(Peer::Server { name, version });
    let nginx = server(supply, "nginx", "1.26.3")
        .map(|path| (path, ["nginx, cold", "nginx, cached", "nginx, memory"]));
    let redis = server(supply, "redis", "8.0.2")
        .map(|path| (path, ["redis, cold", "redis, cached", "redis, memory"]));
    let large = supply
        .or_missing(large())
        .map(|path| (path, ["a Rust program, cold", "a Rust program, cached", "a Rust program, memory"]));
    let mut binaries = Vec::new();
    for (path, [cold, cached, memory]) in [nginx, redis, large].into_iter().flatten() {
        let size = supply.or_missing(debug_sections(&path));
        binaries.extend(size.map(|debug_sections| Binary { path, debug_sections, cold, cached, memory }));
    }
    binaries
}

/// The length of all sections with debug info.
fn debug_sections(path: &Path) -> Result<f64> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let file = object::File::parse(&*bytes).with_context(|| path.display().to_string())?;
    let debug =
        file.sections().filter(|section| section.name().is_ok_and(|name| name.starts_with(".debug_")));
    let kib: u64 = debug.map(|section| section.size() >> 10).sum();
    Ok(f64::from(u32::try_from(kib)?) / 1024.0)
}

/// The command `mcrx` itself with all that it stands on, not optimised and with everything that rustc can say of it.
fn large() -> Result<PathBuf> {
    let target = cache_directory()?.join("bench/large");
    let status = Command::new(cargo())
        .args(["build", "--quiet", "--package", "mcrx", "--config", "profile.dev.debug=2", "--target-dir"])
        .arg(&target)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status()
        .context("cargo cannot be run")?;
    ensure!(status.success(), "a debug build of mcrx, the large program, fails");
    Ok(target.join("debug/mcrx"))
}
