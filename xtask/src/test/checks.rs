//! The checks that cargo and rustc bring along.

use super::{Args, Outcome, runner};
use crate::install::cargo;
use anyhow::Result;
use std::process::Command;

pub(crate) fn format(_args: &Args) -> Result<Outcome> {
    runner::check(Command::new(cargo()).args(["fmt", "--all", "--check"]))
}

pub(crate) fn clippy(_args: &Args) -> Result<Outcome> {
    runner::check(Command::new(cargo()).args([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

pub(crate) fn documentation(_args: &Args) -> Result<Outcome> {
    runner::check(
        Command::new(cargo())
            .args(["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}
