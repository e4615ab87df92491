//! What is traced: a live process, a snapshot or a core file, and one process of it.

use crate::exit::Failure;
use crate::output::Output;
use anyhow::{Context, Result, anyhow, bail};
use mcrx_debuginfo::cache::Cache;
use mcrx_live::capture::capture;
use mcrx_live::hold::Scope;
use mcrx_tracer::facts::Facts;
use mcrx_tracer::image::{Image, Process};
use mcrx_tracer::trace::{Known, Trace, TraceError};
use mcrx_tracer::{core_file, snapshot};
use nix::unistd::Pid;
use serde::Serialize;
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) mod names;

/// Which process is meant. For all subcommands that trace one.
#[derive(clap::Args)]
pub(crate) struct Which {
    /// A process, or a file: a snapshot or a core file
    #[arg(value_name = "PID|FILE")]
    pub(crate) target: String,
    /// Of the processes in a file, this one; without it, the first
    #[arg(long, value_name = "PID")]
    pub(crate) process: Option<u32>,
}

/// An image, and how long it took to have it.
pub(crate) struct Subject {
    image: Image,
    process: usize,
    /// It is alive, or was.
    is_live: bool,
    read: Duration,
}

/// Times of the phases, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Times {
    /// Until there was an image.
    pub(crate) read: f64,
    /// To read heap tables and debug info.
    pub(crate) debuginfo: f64,
    /// To mark, and to make the graph.
    pub(crate) mark: f64,
}

/// What is said of the process in every result.
#[derive(Serialize)]
pub(crate) struct SubjectFacts {
    pub(crate) pid: u32,
    pub(crate) name: String,
    /// How long it was held; nothing where it was not, or not now.
    pub(crate) pause_ms: Option<f64>,
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A number is a process, unless there is a file of that name.
pub(crate) fn pid(target: &str) -> Result<Option<Pid>> {
    let is_number = !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || Path::new(target).is_file() {
        return Ok(None);
    }
    let number: i32 = target.parse().ok().filter(|pid| *pid > 0).with_context(|| no_process(target))?;
    if !Path::new(&format!("/proc/{number}")).exists() {
        bail!(no_process(target));
    }
    Ok(Some(Pid::from_raw(number)))
}

fn no_process(target: &str) -> String {
    format!("there is no process {target}")
}

impl Subject {
    pub(crate) fn open(which: &Which) -> Result<Subject> {
        let start = Instant::now();
        if let Some(pid) = pid(&which.target)? {
            let image = capture(Scope::Process(pid))?;
            let read = start.elapsed();
            return Subject { image, process: 0, is_live: true, read }.choose(which.process);
        }
        let path = Path::new(&which.target);
        if !path.exists() {
            return Err(Failure::Usage(format!("there is no process or file {}", which.target)).into());
        }
        let image = if is_core(path) { core_file::open(path)? } else { snapshot::open(path)? };
        Subject { image, process: 0, is_live: false, read: start.elapsed() }.choose(which.process)
    }

    fn choose(mut self, process: Option<u32>) -> Result<Subject> {
        let processes = &self.image.processes;
        if let Some(wanted) = process {
            let found = processes.iter().position(|process| process.pid == wanted);
            let there: Vec<String> = processes.iter().map(|process| process.pid.to_string()).collect();
            self.process = found.ok_or_else(|| {
                Failure::Usage(format!("process {wanted} is not in it: there is {}", there.join(", ")))
            })?;
        }
        if self.process >= self.image.processes.len() {
            bail!("there is no process in it");
        }
        Ok(self)
    }

    /// Says how to ask for the others, where there are any.
    pub(crate) fn narrate_others(&self, output: &Output) {
        let others: Vec<String> = self
            .image
            .processes
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != self.process)
            .map(|(_, process)| process.pid.to_string())
            .collect();
        if !others.is_empty() {
            output.narrate(format_args!("(--process for the others in it: {})", others.join(", ")));
        }
    }

    pub(crate) fn process(&self) -> &Process {
        &self.image.processes[self.process]
    }

    pub(crate) fn facts(&self) -> SubjectFacts {
        let process = self.process();
        let pause_ms = self.is_live.then(|| milliseconds(self.image.taken.held));
        SubjectFacts { pid: process.pid, name: process.name.clone(), pause_ms }
    }

    pub(crate) fn described(&self) -> String {
        format!("{} ({})", self.process().pid, self.process().name)
    }

    /// Traces the process, and hands the result to `use_it`.
    pub(crate) fn traced<T>(
        &self,
        output: &Output,
        use_it: impl FnOnce(&Trace<'_>, Times) -> Result<T>,
    ) -> Result<T> {
        let start = Instant::now();
        let process = self.process();
        let known = Known::of(process, &Cache::default()).map_err(|error| self.refused(&error))?;
        for missing in known.debug.modules.iter().zip(&process.modules) {
            if let (Some(why), true) = (&missing.0.missing, missing.1.path == process.executable) {
                output.narrate(format_args!("no types: {why}"));
            }
        }
        let facts = Facts::default();
        let model = known.model(&facts);
        let debuginfo = start.elapsed();
        let start = Instant::now();
        let trace = Trace::of(process, &known, &model);
        let times = Times {
            read: milliseconds(self.read),
            debuginfo: milliseconds(debuginfo),
            mark: milliseconds(start.elapsed()),
        };
        use_it(&trace, times)
    }

    fn refused(&self, error: &TraceError) -> anyhow::Error {
        match error {
            TraceError::NoHeap => anyhow!("process {}: {error}", self.described()),
            TraceError::Heap(_) => Failure::Refused(format!("process {}: {error}", self.described())).into(),
        }
    }
}

/// Whether a file begins as core files do. What cannot be read is left to who opens it as a snapshot to say.
fn is_core(path: &Path) -> bool {
    use std::io::Read;
    let mut magic = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"\x7fELF"
}
