//! A server under `mcrx run`, and commands about it.

use mcrx_harness::{Context, Explain as _, Kind, Pid, Result, Running, preload, until};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a start-up may take until it is taken note of.
const PATIENCE: Duration = Duration::from_secs(60);

/// It is looked after by the process that the harness has started, and ends with it.
pub(crate) struct Managed<K: Kind> {
    pub(crate) running: Running<K>,
    state: PathBuf,
}

/// What an update says of itself in JSON, its exit code, and what it says for people where it fails.
pub(crate) struct Outcome {
    pub(crate) facts: Value,
    pub(crate) code: Option<i32>,
}

impl<K: Kind> Managed<K> {
    /// Starts a server, and waits until its start-up is done. `facts`: a file of `examples/facts`.
    pub(crate) fn start(test: &Context, kind: K, facts: &str) -> Result<Managed<K>> {
        let facts = example("facts", facts);
        Managed::run(test, kind, &["--rules", facts.to_str().context("text")?])
    }

    /// The same of one of which nothing need be said.
    pub(crate) fn start_without_facts(test: &Context, kind: K) -> Result<Managed<K>> {
        Managed::run(test, kind, &[])
    }

    fn run(test: &Context, kind: K, options: &[&str]) -> Result<Managed<K>> {
        let state = test.scratch().fresh("state");
        let library = preload()?.to_str().context("text")?;
        let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
        let cache = std::env::var("XDG_CACHE_HOME").unwrap_or_else(|_| format!("{home}/.cache"));
        let run = [env!("CARGO_BIN_EXE_mcrx"), "run", "--library", library];
        let run = run.into_iter().chain(options.iter().copied()).chain(["--"]);
        let running = test
            .launch(kind)
            .under(run)
            .environment("XDG_CACHE_HOME", cache)
            .environment("MCRX_STATE", state.to_str().context("text")?)
            .start()?;
        let managed = Managed { running, state };
        let start = managed.folder().join("start.snap");
        until(PATIENCE, "its start-up to be taken note of", || Ok(start.exists().then_some(())))?;
        Ok(managed)
    }

    /// What is kept of it.
    pub(crate) fn folder(&self) -> PathBuf {
        self.state.join(self.running.pid().to_string())
    }

    /// The server's first process.
    pub(crate) fn root(&self) -> Result<Pid> {
        let record: Value = serde_json::from_slice(&std::fs::read(self.folder().join("server.json"))?)?;
        let root = record["root"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        Ok(Pid::from_raw(root.context("a pid")?))
    }

    /// What updates it to this program by these rules.
    pub(crate) fn updating(&self, program: &Path, rules: &Path) -> Result<Command> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
        command.env("MCRX_STATE", &self.state).args(["update", &self.root()?.to_string()]);
        command.arg(program).arg("--rules").arg(rules).arg("--json");
        Ok(command)
    }

    /// Updates it to this program by these rules.
    pub(crate) fn update(&self, program: &Path, rules: &Path, options: &[&str]) -> Result<Outcome> {
        let output = self.updating(program, rules)?.args(options).output()?;
        let said = || String::from_utf8_lossy(&output.stderr).into_owned();
        let facts = serde_json::from_slice(&output.stdout).with_context(said)?;
        Ok(Outcome { facts, code: output.status.code() })
    }
}

/// A file of rules that comes with mcrx.
pub(crate) fn example(folder: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(folder).join(format!("{name}.mcrx"))
}

/// The numbers of the descriptors of a process, and what they name.
pub(crate) fn descriptors(pid: Pid) -> Result<Vec<(i32, String)>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))? {
        let entry = entry?;
        let number = entry.file_name().to_string_lossy().parse()?;
        match std::fs::read_link(entry.path()) {
            Ok(target) => all.push((number, target.to_string_lossy().into_owned())),
            // It was closed meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    all.sort();
    Ok(all)
}
