//! The programs: compiled for who is to look at them, and, under libmcrx.so, waiting to be looked at.

use crate::command::mcrx;
use mcrx_harness::{Context, Explain, Result, ensure, preload, until};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trace/leaks");

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// The command, from outside.
    FromOutside,
    /// Memcheck, which the program tells to look.
    ByMemcheck,
    /// LeakSanitizer's runtime, which the program is linked with and tells to look.
    ByLeakSanitizer,
}

/// What compiles a file.
pub(super) fn compiler(file: &str) -> &'static str {
    if file.ends_with(".cc") { "g++" } else { "gcc" }
}

pub(super) fn source(file: &str) -> Result<String> {
    std::fs::read_to_string(Path::new(DIRECTORY).join(file)).with_context(|| format!("{file} cannot be read"))
}

/// A program, built.
pub(super) struct Program {
    /// Its source, without the folder.
    pub(super) file: String,
    pub(super) path: PathBuf,
}

impl Program {
    pub(super) fn build(test: &Context, file: &str, look: Look) -> Result<Program> {
        let path = test.scratch().fresh(file.split('.').next().unwrap_or(file));
        // Each call is a frame of its own, and functions stay what they are.
        let always = ["-O1", "-g", "-fno-optimize-sibling-calls", "-fno-omit-frame-pointer", "-pthread"];
        let warnings = ["-Wall", "-Wextra", "-Werror", "-Wl,--build-id"];
        let own: &[&str] = match look {
            Look::FromOutside => &[],
            Look::ByMemcheck => &["-DLOOK_BY_MEMCHECK"],
            Look::ByLeakSanitizer => &["-DLOOK_BY_LSAN", "-fsanitize=leak"],
        };
        let output = Command::new(test.program(compiler(file))?)
            .args(always.iter().chain(&warnings).chain(own))
            .arg(Path::new(DIRECTORY).join(file))
            .arg("-o")
            .arg(&path)
            .output()?;
        ensure!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(Program { file: file.to_owned(), path })
    }

    /// Starts it under libmcrx.so, and waits until it waits.
    pub(super) fn start(self) -> Result<Waiting> {
        let mut command = Command::new(&self.path);
        command.env("LD_PRELOAD", preload()?).stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn().with_context(|| format!("{} does not start", self.file))?;
        let mut waiting = Waiting { program: self, child, pid: String::new() };
        let output = waiting.child.stdout.take().context("piped")?;
        BufReader::new(output).read_line(&mut waiting.pid)?;
        waiting.pid = waiting.pid.trim().to_owned();
        ensure!(!waiting.pid.is_empty(), "{} ended before it waited", waiting.program.file);
        // In read(2), which is system call 0.
        let call = format!("/proc/{}/syscall", waiting.pid);
        until(Duration::from_secs(20), "the program to wait", || {
            Ok(std::fs::read_to_string(&call)?.starts_with("0 ").then_some(()))
        })?;
        Ok(waiting)
    }
}

/// A program that waits, in the process that is looked at: it, or a child of it. It ends with this.
pub(super) struct Waiting {
    program: Program,
    child: Child,
    pid: String,
}

impl Waiting {
    pub(super) fn pid(&self) -> String {
        self.pid.clone()
    }

    pub(super) fn path(&self) -> &Path {
        &self.program.path
    }

    /// What `mcrx leaks` says of it. Its code must fit: 1 if something is lost, 0 if not.
    pub(super) fn leaks(&self, options: &[&str]) -> Result<Value> {
        let output = mcrx(&[&["leaks", &self.pid, "--json"], options].concat())?;
        let said = String::from_utf8_lossy(&output.stderr);
        let found: Value = serde_json::from_slice(&output.stdout).with_context(|| said.into_owned())?;
        let is_lost = found["direct"]["blocks"] != 0 || found["indirect"]["blocks"] != 0;
        ensure!(output.status.code() == Some(i32::from(is_lost)), "{}: {found}", output.status);
        Ok(found)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // It and its child go on when their input ends, and end.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
