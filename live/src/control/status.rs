//! How a server is: who, what it runs, what was done with it, and what an undo would go back to.

use crate::birth::Text;
use crate::managed::{History, Managed, ManagedError, Record};
use crate::process::{read_text, tree};
use crate::undo::Undo;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Its first process.
    pub pid: i32,
    /// Who looks after it.
    pub service: ServiceStatus,
    /// What it is about.
    pub state: State,
    /// What it is about to run, if it is being updated.
    pub updating_to: Option<String>,
    /// What it runs.
    pub program: Text,
    /// That file's build-id in hex, as it is in memory.
    pub build_id: Option<String>,
    /// What the rules call that release; nothing as long as no rules have.
    pub release: Option<String>,
    /// When it was started: seconds since 1970. 0: that is not known.
    pub since: u64,
    /// Its processes, the first one first.
    pub processes: Vec<ProcessStatus>,
    /// What was tried with it.
    pub updates: History,
    /// What an undo would go back to; nothing before the first update.
    pub undo: Option<UndoStatus>,
}

/// The process that looks after a server: `mcrx run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// Its number.
    pub pid: i32,
    /// Whether it answers.
    pub answers: bool,
}

/// What a server is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its start-up is not done yet: it cannot be updated.
    Starting,
    /// It does its work.
    Serving,
    /// It does its work and is being updated meanwhile.
    Updating,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// Its number.
    pub pid: i32,
    /// As the kernel calls it: at most 15 bytes.
    pub name: String,
    /// Its threads.
    pub threads: u64,
    /// What of its memory is in the machine's, in bytes.
    pub resident_bytes: u64,
}

/// What an undo would go back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoStatus {
    /// The program of the release before.
    pub program: Text,
    /// What the rules call that release.
    pub release: Option<String>,
    /// Questions that have to be answered before.
    pub holes: usize,
    /// How many things do not come back as they were.
    pub lost: usize,
    /// Why it cannot be done, if that is known by now.
    pub reason: Option<String>,
}

impl State {
    /// As it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Serving => "serving",
            State::Updating => "updating",
        }
    }
}

impl Status {
    /// As far as its folder and the kernel tell. `service`: whether the answer is that of who looks after it.
    ///
    /// # Errors
    /// What is kept of it cannot be read.
    pub fn read(managed: &Managed, service: bool) -> Result<Status, ManagedError> {
        let record = managed.record()?;
        let undo = managed.undo()?.map(|undo| UndoStatus::of(&undo, &record));
        let state = if managed.is_started() { State::Serving } else { State::Starting };
        let processes = tree::with_descendants(record.root()).into_iter().filter_map(ProcessStatus::of);
        Ok(Status {
            pid: record.root,
            service: ServiceStatus { pid: record.service, answers: service },
            state,
            updating_to: None,
            processes: processes.collect(),
            updates: managed.history()?,
            undo,
            program: record.executable,
            build_id: record.build_id,
            release: record.release,
            since: record.since,
        })
    }

    /// The same while it is being updated to this program.
    #[must_use]
    pub fn updating(self, program: Option<String>) -> Status {
        match program {
            Some(program) => Status { state: State::Updating, updating_to: Some(program), ..self },
            None => self,
        }
    }
}

impl ProcessStatus {
    /// Nothing if it has ended.
    fn of(pid: Pid) -> Option<ProcessStatus> {
        /// `/proc/PID/statm` counts in these.
        const PAGE: u64 = 4096;
        let status = read_text(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let statm = read_text(format!("/proc/{pid}/statm")).ok()?;
        let resident: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(ProcessStatus {
            pid: pid.as_raw(),
            name: field("Name").unwrap_or_default().trim().to_owned(),
            threads: field("Threads").and_then(|count| count.trim().parse().ok()).unwrap_or(1),
            resident_bytes: resident.saturating_mul(PAGE),
        })
    }
}

impl UndoStatus {
    fn of(undo: &Undo, record: &Record) -> UndoStatus {
        let runs: &Path = record.executable.as_path();
        let way = undo.way_back();
        let lost = way.as_ref().map_or(0, |way| way.lost.len());
        let reason = undo.check(runs).err().or(way.err()).map(|error| error.to_string());
        UndoStatus {
            program: undo.program().to_owned().into(),
            release: undo.release().map(str::to_owned),
            holes: undo.holes(),
            lost,
            reason,
        }
    }
}
