//! gdb as the one who knows: a process that it holds, a core file of it, and answers about expressions.

use mcrx_harness::{Context, Explain, Pid, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};

/// What is asked; see `oracle.py`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Question {
    pub(crate) expression: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) function: Option<String>,
    /// All variables of all frames of the thread, and no expression.
    pub(crate) locals: bool,
}

/// What gdb says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Answer {
    /// Without typedefs and qualifiers around it.
    pub(crate) r#type: String,
    pub(crate) size: u64,
    pub(crate) address: Option<String>,
    /// Of integers, characters, truth values, enumerations and pointers.
    pub(crate) number: Option<String>,
    /// As hexadecimal digits.
    pub(crate) float: Option<String>,
    /// Of enumerations and pointers to functions: as gdb writes it.
    pub(crate) text: Option<String>,
    /// Why it has no value: left out by the compiler.
    pub(crate) state: Option<String>,
    /// gdb cannot say.
    pub(crate) error: Option<String>,
    /// The question has no answer that is sure to be about the same thing.
    pub(crate) refused: Option<String>,
    pub(crate) locals: Vec<Answer>,
    /// Of a local variable.
    pub(crate) name: String,
    /// The function of its frame; inlined ones have frames of their own.
    pub(crate) function: Option<String>,
}

/// A process that gdb holds. It goes on when this is dropped.
pub(crate) struct Held {
    gdb: Child,
    input: Option<ChildStdin>,
    errors: BufReader<ChildStderr>,
    answers: PathBuf,
    core: PathBuf,
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trace/truth/oracle.py");

impl Held {
    pub(crate) fn process(test: &Context, pid: Pid) -> Result<Held> {
        let (core, answers) = (test.scratch().fresh("core"), test.scratch().fresh("answers"));
        let mut gdb = Command::new(test.program("gdb")?)
            .args([
                "-batch",
                "-nx",
                "-iex",
                "set debuginfod enabled off",
                "-p",
                &pid.to_string(),
                "-x",
                SCRIPT,
            ])
            .env("MCRX_CORE", &core)
            .env("MCRX_ANSWERS", &answers)
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("gdb cannot be run")?;
        let errors = BufReader::new(gdb.stderr.take().context("it is piped")?);
        let mut held = Held { input: gdb.stdin.take(), gdb, errors, answers, core };
        let mut said = String::new();
        while held.errors.read_line(&mut said)? > 0 {
            if said.ends_with("ready\n") {
                return Ok(held);
            }
        }
        bail!("gdb is not ready: {said}")
    }

    /// What the process was like when it was taken hold of, and is still.
    pub(crate) fn core(&self) -> &Path {
        &self.core
    }

    /// Asks all at once, and lets the process go.
    pub(crate) fn ask(mut self, questions: &[Question]) -> Result<Vec<Answer>> {
        let mut input = self.input.take().context("it is piped")?;
        for question in questions {
            writeln!(input, "{}", serde_json::to_string(question)?)?;
        }
        drop(input);
        let mut said = String::new();
        while self.errors.read_line(&mut said)? > 0 {}
        self.gdb.wait()?;
        let text = fs::read_to_string(&self.answers)?;
        let answers = text.lines().map(serde_json::from_str).collect::<Result<Vec<Answer>, _>>()?;
        ensure!(answers.len() == questions.len(), "{} of {} answers: {said}", answers.len(), questions.len());
        Ok(answers)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Its script ends when its input does; then it lets the process go.
        self.input = None;
        let _ = self.gdb.wait();
        // It may be large, and is of no use to anybody.
        let _ = fs::remove_file(&self.core);
    }
}
