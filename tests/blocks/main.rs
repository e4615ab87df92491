//! `mcrx blocks` as its users run it, on programs under `libmcrx.so`.

mod counts;
mod holding;
mod names;
mod refusals;
mod resident;

use mcrx_harness::Pid;
use serde_json::Value;
use std::process::{Command, Output};

fn mcrx(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mcrx")).args(arguments).output().expect("mcrx runs")
}

/// What it printed as JSON, if it did what was asked.
fn facts(pid: Pid, arguments: &[&str]) -> Value {
    let output = mcrx(&[&["blocks", "--json", &pid.to_string()], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Its exit code, and what it said about it.
fn failure(arguments: &[&str]) -> (Option<i32>, String) {
    let output = mcrx(arguments);
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    (output.status.code(), String::from_utf8(output.stderr).expect("text"))
}

fn rows(facts: &Value) -> &Vec<Value> {
    facts["rows"].as_array().expect("rows")
}

/// The row of the site in this function.
fn row_of<'a>(facts: &'a Value, function: &str) -> Option<&'a Value> {
    rows(facts).iter().find(|row| row["frames"][0]["function"] == function)
}
