//! The test programs of the workspace, in two heaps: those of the root package below `tests/` are end to end; all others are unit,
//! integration and doc tests. Programs of either heap below some `tests/` may look at real servers.

use super::{Args, Outcome, runner};
use crate::install::cargo;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// Dev profile: quick to build, and its assertions are on.
pub(crate) fn unit(args: &Args) -> Result<Outcome> {
    let root = Root::read()?;
    let mut outcome =
        runner::tests(test().args(["--workspace", "--exclude", &root.package]).args(filter(args)))?;
    let own =
        runner::tests(test().args(["--package", &root.package]).args(&root.unit_targets).args(filter(args)))?;
    outcome.tally += own.tally;
    outcome.failure = outcome.failure.or(own.failure);
    Ok(outcome)
}

/// Release profile: what is measured and loaded here is what users run. The whole workspace is built, since tests load
/// libraries of it that cargo does not know they need.
pub(crate) fn end_to_end(args: &Args) -> Result<Outcome> {
    let root = Root::read()?;
    if root.tests.is_empty() {
        return Ok(Outcome::skipped("there are none"));
    }
    let built = runner::check(Command::new(cargo()).args(["build", "--quiet", "--release", "--workspace"]))?;
    if built.has_failed() {
        return Ok(built);
    }
    runner::tests(root.end_to_end().args(filter(args)))
}

/// Whether a test that may look at servers is going to run; all may, unless there is a filter.
pub(crate) fn wants_servers(args: &Args) -> Result<bool> {
    if args.filter.is_none() {
        return Ok(true);
    }
    let root = Root::read()?;
    let mut integration = test();
    integration.args(["--workspace", "--exclude", &root.package, "--test", "*"]);
    for mut programs in [root.end_to_end(), integration] {
        if !runner::list(programs.args(filter(args)).arg("--list"))?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// All programs are run, even after one whose tests fail: a summary that stops there would hide the others.
fn test() -> Command {
    let mut command = Command::new(cargo());
    command.args(["test", "--no-fail-fast"]);
    command
}

fn filter(args: &Args) -> Vec<String> {
    args.filter.iter().flat_map(|filter| ["--".to_owned(), filter.clone()]).collect()
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let metadata = metadata()?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .context("cargo metadata names no target directory")
}

fn metadata() -> Result<Value> {
    let output = Command::new(cargo())
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .output()
        .context("cargo cannot be run")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The root package, as cargo sees it.
struct Root {
    package: String,
    /// The options that name its targets other than end-to-end tests.
    unit_targets: Vec<String>,
    /// The names of its end-to-end test programs.
    tests: Vec<String>,
}

impl Root {
    fn read() -> Result<Root> {
        Root::from_metadata(&metadata()?).context("cargo metadata describes no root package")
    }

    fn from_metadata(metadata: &Value) -> Option<Root> {
        let manifest = format!("{}/Cargo.toml", metadata["workspace_root"].as_str()?);
        let mut packages = metadata["packages"].as_array()?.iter();
        let package = packages.find(|package| package["manifest_path"].as_str() == Some(&manifest))?;
        let (mut unit_targets, mut tests) = (Vec::new(), Vec::new());
        for target in package["targets"].as_array()? {
            let name = target["name"].as_str()?;
            match target["kind"][0].as_str()? {
                "test" => tests.push(name.to_owned()),
                "bin" => unit_targets.extend(["--bin".to_owned(), name.to_owned()]),
                "example" => unit_targets.extend(["--example".to_owned(), name.to_owned()]),
                "bench" | "custom-build" => {}
                _ => unit_targets.push("--lib".to_owned()),
            }
        }
        Some(Root { package: package["name"].as_str()?.to_owned(), unit_targets, tests })
    }

    fn end_to_end(&self) -> Command {
        let mut command = test();
        command.args(["--release", "--package", &self.package]);
        command.args(self.tests.iter().flat_map(|name| ["--test", name]));
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_root_packages_tests_are_told_from_its_other_targets() {
        let metadata = json!({
            "workspace_root": "/w",
            "packages": [
                { "name": "other", "manifest_path": "/w/other/Cargo.toml", "targets": [] },
                { "name": "mcrx", "manifest_path": "/w/Cargo.toml", "targets": [
                    { "name": "mcrx", "kind": ["lib"] },
                    { "name": "mcrx", "kind": ["bin"] },
                    { "name": "serve", "kind": ["test"] },
                    { "name": "speed", "kind": ["bench"] },
                ] },
            ],
        });
        let root = Root::from_metadata(&metadata).unwrap();
        assert_eq!(root.package, "mcrx");
        assert_eq!(root.unit_targets, ["--lib", "--bin", "mcrx"]);
        assert_eq!(root.tests, ["serve"]);
    }
}
