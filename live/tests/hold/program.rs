//! A C program of the tests, which is talked to by lines.

use mcrx_harness::{Context, Explain as _, Pid, Result, ensure, process};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub(crate) struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Compiles `live/tests/AREA/NAME.c`.
fn compile(test: &Context, area: &str, name: &str) -> Result<PathBuf> {
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(area).join(name).with_extension("c");
    let program = test.scratch().directory().join(name);
    let mut command = Command::new(test.program("cc")?);
    command.args(["-O2", "-g", "-pthread", "-Wall", "-Werror", "-o"]).arg(&program).arg(source);
    let status = command.args(["-lutil", "-lrt"]).status()?;
    ensure!(status.success(), "cc: {status}");
    Ok(program)
}

impl Program {
    /// Compiles a program, starts it in the scratch directory, and waits until it is ready.
    pub(crate) fn start_of(test: &Context, area: &str, name: &str, arguments: &[&str]) -> Result<Program> {
        let program = compile(test, area, name)?;
        let mut child = Command::new(&program)
            .args(arguments)
            .current_dir(test.scratch().directory())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().context("piped")?;
        let output = BufReader::new(child.stdout.take().context("piped")?);
        let mut program = Program { child, input, output };
        let line = program.line()?;
        ensure!(line == "ready", "it says {line:?}");
        Ok(program)
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// The next line that it says.
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.output.read_line(&mut line)? > 0, "it has ended");
        Ok(line.trim_end().to_owned())
    }

    pub(crate) fn say(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.input, "{line}")?)
    }

    /// What it answers, up to a line with a dot.
    pub(crate) fn ask(&mut self, line: &str) -> Result<Vec<String>> {
        self.say(line)?;
        let mut lines = Vec::new();
        loop {
            match self.line()? {
                end if end == "." => return Ok(lines),
                line => lines.push(line),
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let descendants = process::descendants(self.pid());
        let _ = self.child.kill();
        let _ = self.child.wait();
        for child in descendants {
            // They were its own, and are asked to go with it by PR_SET_PDEATHSIG: this is for one that was not that far yet.
            let _ = nix::sys::signal::kill(child.pid(), nix::sys::signal::Signal::SIGKILL);
        }
    }
}
