//! The command, run.

use mcrx_harness::{Explain, Result, ensure};
use serde_json::Value;
use std::process::{Command, Output};

pub(crate) fn mcrx(arguments: &[&str]) -> Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_mcrx")).args(arguments).output().context("mcrx runs")
}

/// What it prints as JSON, if it does what is asked.
pub(crate) fn facts(arguments: &[&str]) -> Result<Value> {
    let output = mcrx(&[arguments, &["--json"]].concat())?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("JSON")
}

/// The number at a path of keys.
pub(crate) fn number(facts: &Value, path: &[&str]) -> Result<u64> {
    let found = path.iter().try_fold(facts, |value, key| value.get(key));
    found.and_then(Value::as_u64).with_context(|| format!("no number at {path:?} in {facts}"))
}
