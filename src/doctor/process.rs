//! What mcrx will not see of a running process, or cannot do with it, and why.
//!
//! It is held once, for as long as it takes to copy the allocator's tables: whether that works is one of the questions. Everything else
//! is looked at while it runs.

use super::Facts;
use super::print::shown;
use crate::output::{Output, PathFact, shortened};
use crate::subject::milliseconds;
use anyhow::{Result, anyhow, bail};
use heap::{HeapFacts, Look};
use mcrx_live::process::condition::Condition;
use mcrx_live::process::status::{Status, live_thread, threads};
use modules::ModuleFacts;
use nix::unistd::Pid;
use serde::Serialize;
use std::io;
use std::path::PathBuf;

mod heap;
mod kernel;
mod modules;

/// Of the process, in `--json`.
#[derive(Debug, Serialize)]
pub(super) struct ProcessFacts {
    pid: i32,
    name: String,
    threads: usize,
    /// How long it was held to look at its heap; nothing, if it was not.
    pause_ms: Option<f64>,
    heap: Option<HeapFacts>,
    /// Programs and libraries that are loaded.
    modules: Vec<ModuleFacts>,
    /// Bytes of its own.
    resident_bytes: u64,
    swapped_bytes: u64,
    /// Its system calls are filtered.
    seccomp: bool,
}

/// A process that has memory to look at.
struct Patient {
    pid: Pid,
    /// A thread of it that has not ended.
    thread: Pid,
    name: String,
}

impl Patient {
    fn new(pid: Pid) -> Result<Patient> {
        let Some(status) = Status::of(pid) else { bail!("there is no process {pid}") };
        let name = shortened(status.name(), usize::MAX);
        match live_thread(pid) {
            Some(thread) => Ok(Patient { pid, thread, name }),
            None if status.has_ended() => {
                bail!("process {pid} ({name}) has ended, and only waits for its parent to take note")
            }
            None => bail!("process {pid} ({name}) is a part of the kernel, with no memory of its own"),
        }
    }

    fn described(&self) -> String {
        format!("{} ({})", self.pid, self.name)
    }

    /// It has ended meanwhile: that is no finding.
    fn gone(&self) -> anyhow::Error {
        anyhow!("process {} has ended", self.described())
    }

    /// The program that it runs: by which path it is called, and where it can be read even if it has been removed.
    fn program(&self) -> io::Result<(PathBuf, PathBuf)> {
        let link = PathBuf::from(format!("/proc/{}/exe", self.thread));
        let named = std::fs::read_link(&link)?;
        Ok((without_mark(named), link))
    }
}

/// Behind the path of a file that has been removed the kernel writes this (proc_pid_exe(5)).
fn without_mark(path: PathBuf) -> PathBuf {
    let plain = path.to_str().and_then(|text| text.strip_suffix(" (deleted)")).map(PathBuf::from);
    plain.unwrap_or(path)
}

pub(super) fn examine(pid: Pid, output: &Output) -> Result<Facts> {
    let patient = Patient::new(pid)?;
    let phase = output.phase(format!("looking at {}", patient.described()));
    let condition = Condition::of(patient.thread);
    let mut process = ProcessFacts {
        pid: pid.as_raw(),
        name: patient.name.clone(),
        threads: threads(pid).len(),
        pause_ms: None,
        heap: None,
        modules: Vec::new(),
        resident_bytes: condition.resident,
        swapped_bytes: condition.swapped,
        seccomp: condition.filtered,
    };
    let mut findings = Vec::new();
    let look = match heap::look(&patient) {
        Ok(look) => look,
        // Without leave nothing else can be known either.
        Err(heap::Refusal::NotPermitted(text)) => {
            findings.push(kernel::not_permitted(&text, &condition));
            return Ok(Facts { findings, process: Some(process), ..Facts::of(None) });
        }
        Err(heap::Refusal::Gone) => return Err(patient.gone()),
    };
    let (named, readable) = patient.program().map_err(|_| patient.gone())?;
    let mut facts = super::examine(&readable, &named)?;
    facts.file = Some(PathFact(named.clone()));
    let Look { pause, heap, findings: of_heap } = look;
    process.pause_ms = pause.map(milliseconds);
    findings.extend(of_heap);
    let (loaded, of_modules) = modules::look(&patient, &named).map_err(|_| patient.gone())?;
    findings.extend(of_modules);
    findings.extend(kernel::findings(&condition));
    process.heap = heap;
    process.modules = loaded;
    // What the loader would find now is not what it found then.
    facts.findings.retain(|finding| finding.code != "missing-library");
    facts.libraries.clear();
    facts.findings.append(&mut findings);
    facts.process = Some(process);
    drop(phase);
    Ok(facts)
}

impl ProcessFacts {
    pub(super) fn title(&self) -> String {
        format!("{} ({})", self.pid, self.name)
    }

    /// Whether there is something to trace.
    pub(super) fn has_heap(&self) -> bool {
        self.heap.is_some()
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    pub(super) fn print(&self, output: &Output) -> Result<()> {
        if let Some(pause) = self.pause_ms {
            let threads = self.threads;
            let s = if threads == 1 { "" } else { "s" };
            output.line(format_args!("  held        {threads} thread{s}, for {pause:.1} ms"))?;
        }
        if let Some(heap) = &self.heap {
            output.line(format_args!("  heap        {heap}"))?;
        }
        if let Some(library) = self.modules.iter().find(|module| module.is_the_allocator()) {
            output.line(format_args!("  allocator   {}", shown(&library.file.0)))?;
        }
        let memory = crate::blocks::readable(self.resident_bytes);
        let filter = if self.seccomp { ", system calls filtered" } else { "" };
        output.line(format_args!("  memory      {memory} of its own{filter}"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_program_is_called_by_the_path_it_had() {
        assert_eq!(without_mark("/usr/sbin/nginx (deleted)".into()), PathBuf::from("/usr/sbin/nginx"));
        assert_eq!(without_mark("/a b".into()), PathBuf::from("/a b"));
    }
}
