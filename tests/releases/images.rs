//! The images that an update is planned from, and what the command says of it.

use mcrx_harness::{Context, Explain, Result, Scratch, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where a rule file of examples/releases is.
pub(crate) fn rules(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/releases/{name}.mcrx"))
}

/// A process of the old release at its start and now, and one of the new release.
pub(crate) struct Images {
    pub(crate) start: PathBuf,
    pub(crate) now: PathBuf,
    pub(crate) new: PathBuf,
    /// What else is written.
    folder: PathBuf,
}

impl Images {
    /// To be taken into the test's own folder.
    pub(crate) fn of(test: &Context) -> Images {
        Images::within(test.scratch())
    }

    pub(crate) fn within(scratch: &Scratch) -> Images {
        let file = |name| scratch.fresh(name).with_extension("snap");
        let folder = scratch.fresh("images");
        Images { start: file("start"), now: file("now"), new: file("new"), folder }
    }

    /// `mcrx plan`
    pub(crate) fn plan(&self, rules: Option<&Path>) -> Result<Done> {
        self.run("plan", rules, &[])
    }

    /// `mcrx transform`: where the new image is, if nothing stops it.
    pub(crate) fn transform(&self, rules: &Path, name: &str) -> Result<(Done, PathBuf)> {
        std::fs::create_dir_all(&self.folder)?;
        let after = self.folder.join(name).with_extension("snap");
        let done = self.run("transform", Some(rules), &["-o", utf8(&after)?])?;
        Ok((done, after))
    }

    fn run(&self, command: &str, rules: Option<&Path>, more: &[&str]) -> Result<Done> {
        let images = [utf8(&self.now)?, utf8(&self.new)?, "--start", utf8(&self.start)?, "--json"];
        let mut arguments = vec![command];
        arguments.extend(images);
        if let Some(rules) = rules {
            arguments.extend(["--rules", utf8(rules)?]);
        }
        arguments.extend(more);
        Done::of(mcrx(&arguments)?)
    }
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) facts: Value,
    pub(crate) stderr: String,
}

impl Done {
    fn of(output: Output) -> Result<Done> {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code().with_context(|| format!("it was killed: {stderr}"))?;
        let facts = serde_json::from_slice(&output.stdout).with_context(|| format!("no facts: {stderr}"))?;
        Ok(Done { code, facts, stderr })
    }

    /// What stops it: code, object and message in a line each, in order.
    pub(crate) fn conflicts(&self) -> Vec<String> {
        let text = |conflict: &Value, key: &str| conflict[key].as_str().unwrap_or_default().to_owned();
        let all = self.facts["conflicts"].as_array().into_iter().flatten();
        let line = |conflict| {
            format!("{} {}: {}", text(conflict, "code"), text(conflict, "object"), text(conflict, "message"))
        };
        let mut lines: Vec<String> = all.map(line).collect();
        lines.sort();
        lines
    }

    /// An error, with what stops it, unless nothing does.
    pub(crate) fn expect_no_conflict(&self) -> Result<()> {
        let conflicts = self.conflicts();
        ensure!(self.code == 0 && conflicts.is_empty(), "{}\n{}", conflicts.join("\n"), self.stderr);
        Ok(())
    }
}

/// A snapshot of a process.
pub(crate) fn snapshot(pid: u32, file: &Path) -> Result<()> {
    let output = mcrx(&["snapshot", &pid.to_string(), "-o", utf8(file)?])?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// `mcrx rules check`: not a warning.
pub(crate) fn rules_are_right(rules: &Path, old: &Path, new: &Path) -> Result<()> {
    let done = Done::of(mcrx(&["rules", "check", utf8(rules)?, utf8(old)?, utf8(new)?, "--json"])?)?;
    let found = done.facts["diagnostics"].as_array().context("diagnostics")?;
    let is_quiet = |one: &Value| one["severity"] == "note";
    ensure!(done.code == 0 && found.iter().all(is_quiet), "{}: {}", rules.display(), done.facts);
    Ok(())
}

pub(crate) fn mcrx(arguments: &[&str]) -> Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_mcrx")).args(arguments).output().context("mcrx runs")
}

pub(crate) fn utf8(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}
