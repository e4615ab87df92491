//! The C program `program.c` under the allocator.

use mcrx_harness::{Context, Pid, Result, ensure, preload, until};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// It runs until this is dropped.
pub(super) struct Subject(Child);

impl Subject {
    pub(super) fn start(test: &Context) -> Result<Subject> {
        /// The main thread and two more.
        const THREADS: usize = 3;
        let program = test.scratch().fresh("program");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trace/truth/program.c");
        let compiled = Command::new(test.program("gcc")?)
            .args(["-O1", "-g", "-pthread", "-Wl,--build-id", "-o"])
            .arg(&program)
            .arg(source)
            .status()?;
        ensure!(compiled.success(), "gcc: {compiled}");
        let child = Command::new(&program).env("LD_PRELOAD", preload()?).stdin(Stdio::null()).spawn()?;
        let subject = Subject(child);
        let tasks = format!("/proc/{}/task", subject.pid());
        until(Duration::from_secs(20), "all its threads to wait", || {
            let mut waiting = 0;
            for task in fs::read_dir(&tasks)? {
                // pause(2) is system call 34.
                waiting += usize::from(fs::read_to_string(task?.path().join("syscall"))?.starts_with("34 "));
            }
            Ok((waiting == THREADS).then_some(()))
        })?;
        Ok(subject)
    }

    pub(super) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.0.id()).unwrap_or(i32::MAX))
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
