//! A folder with rule files, and the command run in it.

use mcrx_harness::{Context, Explain, Result, ensure};
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Rules that are not in the style, and what they are in it.
pub(crate) const UNTIDY: &str = "type   conn{drop legacy // since 2.0\n\n\n\nquota=100}\n";
pub(crate) const TIDY: &str = "type conn {\n    drop legacy  // since 2.0\n\n    quota = 100\n}\n";
/// What nobody can read as rules.
pub(crate) const WRONG: &str = "type conn {\n    quota = = 1\n";

pub(crate) struct Folder {
    pub(crate) path: PathBuf,
}

impl Folder {
    pub(crate) fn new(test: &Context) -> Result<Folder> {
        let path = test.scratch().directory().join("rules");
        std::fs::create_dir(&path)?;
        Ok(Folder { path })
    }

    pub(crate) fn with(self, name: &str, text: &str) -> Result<Folder> {
        std::fs::write(self.path.join(name), text)?;
        Ok(self)
    }

    pub(crate) fn text(&self, name: &str) -> Result<String> {
        std::fs::read_to_string(self.path.join(name)).with_context(|| name.to_owned())
    }

    /// The names of all that is in it.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let entries = std::fs::read_dir(&self.path)?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let mut names = names.collect::<Result<Vec<String>>>()?;
        names.sort();
        Ok(names)
    }

    /// `mcrx rules fmt`, in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
        command.args(["rules", "fmt"]).args(arguments).current_dir(&self.path).env("NO_COLOR", "1");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Ran> {
        Ran::of(&self.command(arguments).output().context("mcrx runs")?)
    }

    /// With this on its standard input.
    pub(crate) fn filter(&self, arguments: &[&str], text: &str) -> Result<Ran> {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("mcrx runs")?;
        // Dropped when it is written: that ends the input.
        child.stdin.take().context("a pipe")?.write_all(text.as_bytes())?;
        Ran::of(&child.wait_with_output()?)
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Result<Ran> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).context("text");
        Ok(Ran { code: output.status.code(), stdout: text(&output.stdout)?, stderr: text(&output.stderr)? })
    }

    pub(crate) fn ended(&self, code: i32) -> Result<()> {
        ensure!(self.code == Some(code), "not {code}: {self:#?}");
        Ok(())
    }

    /// The facts of its files: name and state.
    pub(crate) fn states(&self) -> Result<Vec<(String, String)>> {
        let facts: Value = serde_json::from_str(&self.stdout).with_context(|| format!("{self:#?}"))?;
        ensure!(facts["schema"] == "mcrx.rules.fmt/1", "{facts:#}");
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned).context("text");
        let files = facts["files"].as_array().context("files")?.iter();
        files.map(|file| Ok((text(&file["file"])?, text(&file["state"])?))).collect()
    }
}
