//! Getting programs onto this machine: Debian packages where we are root, crates into the user's cache.
//!
//! Nothing here fails a run by itself: what cannot be had is said, with what to type, and the caller goes on without it.

use anyhow::{Context, Result};
use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What became of a wish for Debian packages.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Installed {
    /// Nothing was missing, or all of it was installed just now.
    All,
    /// They are not there. Why, and what would mend it, in a sentence.
    Not(String),
}

/// Installs Debian packages if we may.
pub(crate) fn debian_packages(packages: &[&str]) -> Installed {
    if packages.is_empty() {
        return Installed::All;
    }
    let line = format!("apt-get install --no-install-recommends {}", packages.join(" "));
    if !is_root() {
        return Installed::Not(format!("only root can install packages; type: sudo {line}"));
    }
    // The lists of a fresh machine are empty or old: bring them up only if the first try needs it.
    let installed = apt_get("install", packages) || (apt_get("update", &[]) && apt_get("install", packages));
    if installed { Installed::All } else { Installed::Not(format!("apt-get failed; try: {line}")) }
}

fn apt_get(verb: &str, packages: &[&str]) -> bool {
    let status = Command::new("apt-get")
        .args(["-qq", "-y", "--no-install-recommends", verb])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// A program of the crate registry, in one version, built once for the user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CrateProgram {
    /// The crate, and its program.
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl CrateProgram {
    /// Builds it if it is not in the cache yet, and says where it is.
    pub(crate) fn provide(self) -> Result<PathBuf> {
        let root = cache_directory()?.join("tools").join(format!("{}-{}", self.name, self.version));
        let program = root.join("bin").join(self.name);
        if !program.exists() {
            println!("{} {} is built, once for this user", self.name, self.version);
            let status = Command::new(cargo())
                .args(["install", "--quiet", "--locked", "--root"])
                .arg(&root)
                .arg(format!("{}@{}", self.name, self.version))
                .env_remove("CARGO_TARGET_DIR")
                .status()
                .context("cargo cannot be run")?;
            anyhow::ensure!(
                status.success() && program.exists(),
                "{} {} cannot be had from the crate registry",
                self.name,
                self.version
            );
        }
        Ok(program)
    }
}

/// The cargo that runs us.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// Whether we have root's rights.
pub(crate) fn is_root() -> bool {
    // The harness has asked the kernel already; this program needs no system calls of its own.
    mcrx_harness::is_root()
}

/// Where things that outlive a clone are kept: `$MCRX_CACHE`, or `mcrx` in the user's cache directory.
pub(crate) fn cache_directory() -> Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("MCRX_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("mcrx")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/mcrx")))
        .context("there is no place for a cache: set HOME, XDG_CACHE_HOME or MCRX_CACHE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_missing_needs_nothing() {
        assert_eq!(debian_packages(&[]), Installed::All);
    }
}
