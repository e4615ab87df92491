//! Programs of this workspace that the benchmarks run, built as they are released.

use crate::install::cargo;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A binary or an example, by its package and its own name.
pub(super) fn build(package: &str, kind: &str, name: &str) -> Result<PathBuf> {
    let flag = if kind == "example" { "--example" } else { "--bin" };
    let output = Command::new(cargo())
        .args(["build", "--quiet", "--release", "--package", package, flag, name, "--message-format", "json"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stderr(Stdio::inherit())
        .output()
        .context("cargo cannot be run")?;
    ensure!(output.status.success(), "{name} of {package} does not build");
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program = messages.find_map(|message| {
        let is_it = message["target"]["name"] == name && message["target"]["kind"][0] == kind;
        Some(PathBuf::from(message["executable"].as_str().filter(|_| is_it)?))
    });
    program.with_context(|| format!("cargo does not say where {name} of {package} is"))
}
