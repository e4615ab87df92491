//! Where programs are compiled and their inputs made: a directory that goes with the run.

use super::program::{Command, Task};
use crate::bench::supply::{Peer, Supply};
use anyhow::{Context, Result, ensure};
use mcrx_harness::{Invocation, Scratch};
use mcrx_servers::Server;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

/// The sources of our own programs and scripts.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/allocator");

/// Names the directory, with the number of the process that it belongs to.
const PURPOSE: &str = "bench-allocator";

/// Compiles, generates, and finds what is on the machine.
pub(super) struct Workshop<'a> {
    scratch: Scratch,
    supply: &'a mut Supply,
}

impl<'a> Workshop<'a> {
    pub(super) fn open(supply: &'a mut Supply) -> Result<Workshop<'a>> {
        remove_leavings(&std::env::temp_dir());
        Ok(Workshop { scratch: Scratch::new(&format!("{PURPOSE}-{}", process::id()))?, supply })
    }

    /// A directory of the run's own.
    pub(super) fn directory(&self) -> &Path {
        self.scratch.directory()
    }

    /// A program of the machine, installed if it is missing and we may.
    pub(super) fn program(&mut self, name: &'static str, package: &'static str) -> Result<PathBuf> {
        let found = self.supply.get(Peer::Program { name, package });
        found.with_context(|| format!("{name} is missing"))
    }

    /// A file of a Debian package, for programs that must be Debian's own and not what else PATH may lead to.
    pub(super) fn file(&mut self, path: &'static str, package: &'static str) -> Result<PathBuf> {
        let found = self.supply.get(Peer::File { path, package });
        found.with_context(|| format!("{path} is missing"))
    }

    /// One of the project's servers, built if it is missing.
    pub(super) fn server(&mut self, name: &'static str, version: &'static str) -> Result<Server> {
        let path = self.supply.get(Peer::Server { name, version });
        let path = path.with_context(|| format!("{name} {version} is missing"))?;
        Ok(Server { name: name.to_owned(), version: version.to_owned(), build_id: String::new(), path })
    }

    /// One of our own programs in C, compiled, with its arguments.
    pub(super) fn own(&mut self, name: &str, arguments: &[&str]) -> Result<Task> {
        let invocation = Invocation::new(&self.compiled(name)?, arguments.iter().copied());
        Ok(Task::Batch(Command::new(invocation)))
    }

    /// Compiles `NAME.c`, once.
    pub(super) fn compiled(&mut self, name: &str) -> Result<PathBuf> {
        let program = self.directory().join(name);
        if !program.exists() {
            let compiler = self.program("cc", "gcc")?;
            // Calls stay what they are in the source: a compiler may drop a malloc whose block nobody looks at.
            run(process::Command::new(compiler)
                .args(["-O2", "-g", "-std=gnu17", "-fno-builtin", "-pthread", "-o"])
                .arg(&program)
                .arg(source(&format!("{name}.c")))
                .arg("-lm"))?;
        }
        Ok(program)
    }
}

/// Removes the directories of runs that were interrupted: whoever ends by a signal leaves its own behind. What cannot be removed
/// is another user's.
fn remove_leavings(temporary: &Path) {
    let Ok(entries) = fs::read_dir(temporary) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(&format!("mcrx-{PURPOSE}-")));
        let process = rest.and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A file of ours.
pub(super) fn source(name: &str) -> PathBuf {
    Path::new(SOURCES).join(name)
}

/// Runs a program that prepares something; what it says is in the error if it fails.
pub(super) fn run(command: &mut process::Command) -> Result<Vec<u8>> {
    let program = Path::new(command.get_program()).display().to_string();
    let output = command.output().with_context(|| format!("{program} cannot be run"))?;
    ensure!(output.status.success(), "{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_interrupted_runs_left_is_removed() {
        let temporary = tempfile::tempdir().unwrap();
        // Larger than any process number the kernel gives (proc_sys_kernel(5): 2^22).
        let gone = temporary.path().join(format!("mcrx-{PURPOSE}-4194305-abc"));
        let running = temporary.path().join(format!("mcrx-{PURPOSE}-{}-abc", process::id()));
        let other = temporary.path().join("mcrx-bench-turn-abc");
        for directory in [&gone, &running, &other] {
            fs::create_dir(directory).unwrap();
        }
        fs::write(gone.join("program"), "").unwrap();
        remove_leavings(temporary.path());
        assert!(!gone.exists() && running.exists() && other.exists());
    }
}
