//! The models of the allocator's lock-free parts: its unit tests in modules called `loom_models`, which try every order of what
//! threads do.
//!
//! They are built with other flags than everything else, so they have a target directory of their own: the two builds would
//! throw each other's work away.

use super::{Args, Outcome, runner, suites};
use crate::install::cargo;
use anyhow::Result;
use std::path::Path;
use std::process::Command;

const MODULES: &str = "::loom_models::";

pub(crate) fn models(args: &Args) -> Result<Outcome> {
    let directory = suites::target_directory()?.join("loom");
    let mut names = runner::list(test(&directory).arg("--list"))?;
    names.retain(|name| {
        name.contains(MODULES) && args.filter.as_ref().is_none_or(|filter| name.contains(filter))
    });
    if names.is_empty() && args.filter.is_none() {
        return Ok(Outcome::failed("there are none, or they do not build"));
    }
    if names.is_empty() {
        return Ok(Outcome::skipped("no model is asked for"));
    }
    runner::tests(test(&directory).arg("--exact").args(names))
}

/// Release profile: a model runs tens of thousands of times.
fn test(directory: &Path) -> Command {
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    let mut command = Command::new(cargo());
    command.env("RUSTFLAGS", format!("{flags} --cfg loom").trim_start());
    command.args(["test", "--release", "--package", "mcrx-allocator", "--lib", "--target-dir"]);
    command.arg(directory).arg("--");
    command
}
