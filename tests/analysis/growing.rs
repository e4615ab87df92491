//! The program of `growing.c`, step by step; and what other servers are started and looked at with.

use crate::command::facts;
use mcrx_harness::{Context, Explain, Kind, Result, Running, ensure, preload, until};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// It, waiting for its next step. It ends with this.
pub(crate) struct Growing {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Growing {
    /// `options`: of the compiler.
    pub(crate) fn start(test: &Context, options: &[&str]) -> Result<Growing> {
        let path = test.scratch().fresh("growing");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/analysis/growing.c");
        let always = ["-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Wl,--build-id"];
        let status = Command::new(test.program("gcc")?)
            .args(always)
            .args(options)
            .arg(source)
            .arg("-o")
            .arg(&path)
            .status()?;
        ensure!(status.success(), "growing.c: {status}");
        let mut command = Command::new(&path);
        command.env("LD_PRELOAD", preload()?).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("it starts")?;
        let (input, output) = (child.stdin.take(), child.stdout.take().context("piped")?);
        let mut growing = Growing { child, input, output: BufReader::new(output) };
        growing.wait()?;
        Ok(growing)
    }

    /// Has it do a step.
    pub(crate) fn step(&mut self) -> Result<()> {
        self.input.as_mut().context("piped")?.write_all(b"go\n")?;
        self.wait()
    }

    fn wait(&mut self) -> Result<()> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(!line.is_empty(), "it has ended");
        // In read(2), which is system call 0.
        let call = format!("/proc/{}/syscall", self.child.id());
        until(Duration::from_secs(20), "the program to wait", || {
            Ok(std::fs::read_to_string(&call)?.starts_with("0 ").then_some(()))
        })
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// A snapshot of it as it is.
    pub(crate) fn snapshot(&self, test: &Context) -> Result<String> {
        snapshot(test, &self.pid())
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        // It ends when its input does.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// A snapshot of a process, in a file of its own.
pub(crate) fn snapshot(test: &Context, pid: &str) -> Result<String> {
    let file: PathBuf = test.scratch().fresh("snap");
    let file = file.to_str().context("text")?.to_owned();
    facts(&["snapshot", pid, "-o", &file])?;
    Ok(file)
}

/// A server as an operator starts it, but for the caches, which are the user's and not the test's.
pub(crate) fn launched<K: Kind>(test: &Context, kind: K) -> Result<Running<K>> {
    let library = preload()?.to_str().context("text")?;
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    let cache = std::env::var("XDG_CACHE_HOME").unwrap_or_else(|_| format!("{home}/.cache"));
    let words = [env!("CARGO_BIN_EXE_mcrx"), "run", "--exec", "--library", library, "--"];
    test.launch(kind).under(words).environment("XDG_CACHE_HOME", cache).start()
}
