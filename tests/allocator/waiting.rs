//! A program of ours that has done its work, said a line, and waits for the end of its standard input: to be looked at meanwhile.

use crate::held::{Remote, heap};
use mcrx_allocator::reader::{Consistency, Heap, Sites};
use mcrx_harness::{Context, Explain as _, Pid, Result, bail};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

/// The program; dropping it ends it.
pub(crate) struct Waiting {
    child: Child,
    output: BufReader<ChildStdout>,
    errors: PathBuf,
    /// The line, without its end.
    pub(crate) line: String,
}

impl Waiting {
    /// Starts it, and waits for its line. Its environment is what the command sets, and no more.
    pub(crate) fn start(test: &Context, command: &mut Command) -> Result<Waiting> {
        let errors = test.scratch().fresh("errors.log");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors)?)
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let output = BufReader::new(child.stdout.take().context("it is piped")?);
        let mut waiting = Waiting { child, output, errors, line: String::new() };
        waiting.next()?;
        Ok(waiting)
    }

    fn next(&mut self) -> Result<&str> {
        self.line.clear();
        if self.output.read_line(&mut self.line)? == 0 {
            bail!("it ended: {}: {}", self.child.wait()?, self.errors()?);
        }
        self.line.truncate(self.line.trim_end().len());
        Ok(&self.line)
    }

    /// Tells it to go on, and waits for what it says next.
    pub(crate) fn go_on(&mut self) -> Result<&str> {
        self.child.stdin.as_mut().context("it is piped")?.write_all(b"\n")?;
        self.next()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// What it wrote to standard error.
    pub(crate) fn errors(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.errors)?)
    }

    /// Its heap, and the sites of it. It waits, so it holds still.
    pub(crate) fn heap(&self) -> Result<(Heap, Sites)> {
        let heap = heap(self.pid(), Consistency::Stopped)?;
        let sites = Sites::read(&Remote(self.pid()), &heap)?;
        Ok((heap, sites))
    }

    /// Lets it end, which it is to do without complaint.
    pub(crate) fn end(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        if !status.success() {
            bail!("{status}: {}", self.errors()?);
        }
        Ok(())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
