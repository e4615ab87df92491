//! gdb as the one who knows: what it sees of a process that it holds.

use mcrx_debuginfo::frames::{Register, Registers};
use mcrx_harness::{Context, Explain, Pid, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A process that gdb holds, and what it sees. The process goes on, or ends if gdb started it, when this is dropped.
pub(crate) struct Held {
    pub(crate) seen: Seen,
    gdb: Child,
    hold: Option<ChildStdin>,
}

#[derive(Deserialize)]
pub(crate) struct Seen {
    pub(crate) pid: i32,
    pub(crate) threads: Vec<Thread>,
}

#[derive(Deserialize)]
pub(crate) struct Thread {
    pub(crate) tid: i32,
    registers: BTreeMap<String, String>,
    pub(crate) frames: Vec<Frame>,
}

/// Inlined functions have frames of their own.
#[derive(Deserialize)]
pub(crate) struct Frame {
    pub(crate) name: Option<String>,
    /// "normal", "inline", "signal", or "tail call".
    pub(crate) kind: String,
    pc: String,
    cfa: String,
    /// Those that functions save.
    registers: BTreeMap<String, String>,
    /// `None`: no debug info.
    pub(crate) variables: Option<Vec<Variable>>,
}

#[derive(Deserialize, Debug)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) line: u32,
    pub(crate) argument: bool,
    #[serde(flatten)]
    pub(crate) state: State,
}

#[derive(Deserialize, Debug)]
#[serde(tag = "state")]
pub(crate) enum State {
    #[serde(rename = "optimized out")]
    OptimizedOut,
    #[serde(rename = "memory")]
    Memory { address: String, size: u64 },
    #[serde(rename = "value")]
    Value { leaves: Vec<(usize, usize, Option<String>)>, size: u64, r#type: String },
    #[serde(rename = "error")]
    Error,
}

impl Thread {
    pub(crate) fn registers(&self) -> Result<Registers> {
        let mut registers = Registers::new();
        for register in Register::ALL {
            let value = self.registers.get(&register.to_string()).context("a register is missing")?;
            registers = registers.with(register, value.parse()?);
        }
        Ok(registers)
    }
}

impl Frame {
    pub(crate) fn pc(&self) -> Result<u64> {
        Ok(self.pc.parse()?)
    }

    pub(crate) fn cfa(&self) -> Result<u64> {
        Ok(self.cfa.parse()?)
    }

    pub(crate) fn saved(&self) -> impl Iterator<Item = (Register, u64)> {
        Register::ALL
            .into_iter()
            .filter_map(|register| Some((register, self.registers.get(&register.to_string())?.parse().ok()?)))
    }
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/frames/oracle.py");

impl Held {
    /// A running process, stopped where it is.
    pub(crate) fn attached(test: &Context, pid: Pid) -> Result<Held> {
        Held::by(test, |gdb| {
            gdb.arg("-p").arg(pid.to_string());
        })
    }

    /// A program, run to a function.
    pub(crate) fn at(test: &Context, program: &Path, function: &str) -> Result<Held> {
        Held::by(test, |gdb| {
            gdb.arg(program).env("MCRX_ORACLE_BREAK", function);
        })
    }

    fn by(test: &Context, arguments: impl FnOnce(&mut Command)) -> Result<Held> {
        let answer = test.scratch().fresh("gdb");
        let mut command = Command::new(test.program("gdb")?);
        command.args(["-batch", "-nx", "-iex", "set debuginfod enabled off", "-x", SCRIPT]);
        arguments(&mut command);
        command.env("MCRX_ORACLE", &answer).env("LC_ALL", "C");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut gdb = command.spawn()?;
        let (hold, errors) = (gdb.stdin.take(), gdb.stderr.take().context("it is piped")?);
        let mut held = Held { seen: Seen { pid: 0, threads: Vec::new() }, gdb, hold };
        let mut said = String::new();
        for line in BufReader::new(errors).lines() {
            let line = line?;
            if line == "ready" {
                held.seen = serde_json::from_slice(&fs::read(&answer)?)?;
                return Ok(held);
            }
            said = said + &line + "\n";
        }
        bail!("gdb is not ready: {said}")
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.seen.pid)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // The script waits for the end of its input. What gdb holds is let go, what it started is killed.
        self.hold = None;
        let _ = self.gdb.wait();
    }
}
