//! Which file is meant by the name of a program.

use anyhow::{Context, Result, bail};
use std::env;
use std::path::{Path, PathBuf};

/// A file, or a program in PATH.
pub(crate) fn program(name: &Path) -> Result<PathBuf> {
    let shown = name.display();
    if name.is_dir() {
        bail!("{shown} is a directory");
    }
    if name.components().count() > 1 || name.exists() {
        return Ok(name.to_owned());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let mut candidates = env::split_paths(&path).map(|folder| folder.join(name));
    candidates
        .find(|candidate| candidate.is_file())
        .with_context(|| format!("there is no file {shown}, here or in PATH"))
}
