//! The C program `program.c` under the allocator, and core files of it.

use mcrx_harness::{Context, Explain, Result, ensure, until};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// It runs until this is dropped.
pub(crate) struct Subject {
    child: Child,
    pub(crate) program: PathBuf,
    /// Sizes of blocks that it has, by address.
    pub(crate) blocks: BTreeMap<u64, u64>,
    /// Addresses of its variables, by name.
    pub(crate) places: BTreeMap<String, u64>,
}

impl Subject {
    pub(crate) fn start(test: &Context) -> Result<Subject> {
        let program = test.scratch().directory().canonicalize()?.join("program");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cores/program.c");
        let compiled = Command::new(test.program("gcc")?)
            .args(["-O2", "-g", "-pthread", "-Wl,--build-id", "-o"])
            .arg(&program)
            .arg(source)
            .status()?;
        ensure!(compiled.success(), "gcc: {compiled}");
        // So that the kernel may make a core file of it.
        let child = Command::new("sh")
            .args(["-c", "ulimit -c unlimited; export LD_PRELOAD=\"$1\"; exec \"$2\"", "sh"])
            .arg(mcrx_harness::preload()?)
            .arg(&program)
            // Else the kernel writes into each thread's rseq area whenever the thread comes to another CPU: by going on after the core
            // was made, also without a single instruction of its own.
            .env("GLIBC_TUNABLES", "glibc.pthread.rseq=0")
            .current_dir(test.scratch().directory())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut subject = Subject { child, program, blocks: BTreeMap::new(), places: BTreeMap::new() };
        subject.listen()?;
        // What a thread does on its way to there changes its stack.
        until(Duration::from_secs(20), "both threads to wait", || subject.waits())?;
        Ok(subject)
    }

    fn listen(&mut self) -> Result<()> {
        let output = self.child.stdout.take().context("piped")?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            let words: Vec<&str> = line.split(' ').collect();
            let address = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16);
            match words.as_slice() {
                ["ready"] => return Ok(()),
                ["block", at, size] => {
                    self.blocks.insert(address(at)?, size.parse()?);
                }
                [name, at] => {
                    self.places.insert((*name).to_owned(), address(at)?);
                }
                _ => {}
            }
        }
        mcrx_harness::bail!("the program ended")
    }

    /// Whether all of its threads are in `pause(2)`, which is system call 34.
    fn waits(&self) -> Result<Option<()>> {
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid()))? {
            if !fs::read_to_string(thread?.path().join("syscall"))?.starts_with("34 ") {
                return Ok(None);
            }
        }
        Ok(Some(()))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn maps(&self) -> Result<String> {
        Ok(fs::read_to_string(format!("/proc/{}/maps", self.pid()))?)
    }

    /// A core file of it. It goes on.
    pub(crate) fn core(&self, test: &Context) -> Result<PathBuf> {
        let path = test.scratch().directory().join("core");
        if !path.exists() {
            let gdb = Command::new(test.program("gdb")?)
                .args(["-nx", "-batch", "-p", &self.pid().to_string(), "-ex"])
                .arg(format!("gcore {}", path.display()))
                .stdin(Stdio::null())
                .output()?;
            ensure!(path.exists(), "gdb: {}", String::from_utf8_lossy(&gdb.stderr));
        }
        Ok(path)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
