//! What is traced: a live server, a snapshot or a core file, and one process of it.

use crate::exit::Failure;
use crate::output::{Output, shortened};
use anyhow::{Context, Result, anyhow, bail};
use mcrx_debuginfo::cache::Cache;
use mcrx_live::capture::{CaptureError, capture};
use mcrx_live::hold::{HoldError, Scope};
use mcrx_live::process::status::Status;
use mcrx_live::process::tree;
use mcrx_tracer::debug::Shelf;
use mcrx_tracer::facts::Facts;
use mcrx_tracer::image::{Image, Process};
use mcrx_tracer::trace::{Known, Trace, TraceError};
use mcrx_tracer::{core_file, snapshot};
use nix::unistd::Pid;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(crate) mod indexed;
pub(crate) mod names;
pub(crate) mod rules;

/// Which process is meant. For all subcommands that trace one.
#[derive(clap::Args)]
pub(crate) struct Which {
    /// A process, or a file: a snapshot or a core file
    #[arg(value_name = "PID|FILE")]
    pub(crate) target: String,
    /// Of the processes in a file, or of those that descend from PID, this one; without it, the first
    #[arg(long, value_name = "PID")]
    pub(crate) process: Option<u32>,
    /// Read memory as this rule file says, where types alone do not tell
    #[arg(long, value_name = "RULES")]
    pub(crate) rules: Option<PathBuf>,
}

/// How much of a live server is captured. What is not asked about is not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The process that is asked about.
    One,
    /// It and all that descend from it.
    Tree,
}

/// An image, and how long it took to have it.
pub(crate) struct Subject {
    image: Image,
    process: usize,
    /// It is alive, or was.
    is_live: bool,
    read: Duration,
    /// How memory reads, as rules say.
    facts: Facts,
    /// Debug info, for all processes.
    shelf: Shelf,
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

impl Times {
    /// With those of another process of the image.
    pub(crate) fn and(self, other: Times) -> Times {
        Times { read: self.read, debuginfo: self.debuginfo + other.debuginfo, mark: self.mark + other.mark }
    }
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
    let pid = Pid::from_raw(number);
    let status = Status::of(pid).with_context(|| no_process(target))?;
    if let Some(process) = status.process().filter(|process| *process != pid) {
        bail!("{pid} is a thread of process {process} ({}): ask for that one", status.name());
    }
    Ok(Some(pid))
}

fn no_process(target: &str) -> String {
    format!("there is no process {target}")
}

impl Subject {
    pub(crate) fn open(which: &Which, extent: Extent, output: &Output) -> Result<Subject> {
        // What is wrong with it is said before anything is held.
        let facts = rules::facts(which.rules.as_deref(), output)?;
        Subject::reading_by(facts, which, extent, output)
    }

    /// The same with facts that are known already.
    pub(crate) fn reading_by(
        facts: Facts,
        which: &Which,
        extent: Extent,
        output: &Output,
    ) -> Result<Subject> {
        let start = Instant::now();
        let phase = output.phase(format!("reading {}", which.target));
        let (image, is_live) = match pid(&which.target)? {
            Some(pid) => {
                let scope = scope(pid, which.process, extent)?;
                (capture(scope).map_err(|error| not_captured(error, scope))?, true)
            }
            None => (read(Path::new(&which.target))?, false),
        };
        drop(phase);
        let read = start.elapsed();
        let shelf = Shelf::knowing(Cache::default(), facts.wrappers());
        let mut subject = Subject { image, process: 0, is_live, read, facts, shelf };
        subject.process = subject.choose(which.process)?;
        Ok(subject)
    }

    /// The one that was named; or else the first with a heap, for a server may be started by a shell that stays.
    fn choose(&self, process: Option<u32>) -> Result<usize> {
        let processes = &self.image.processes;
        if processes.is_empty() {
            bail!("there is no process in it");
        }
        let Some(wanted) = process else {
            return Ok(processes.iter().position(|process| !process.regions().is_empty()).unwrap_or(0));
        };
        let found = processes.iter().position(|process| process.pid == wanted);
        let there: Vec<String> = processes.iter().map(|process| process.pid.to_string()).collect();
        found.ok_or_else(|| no_member(wanted, &there.join(", ")))
    }

    /// What names the process that is asked about, for another command.
    pub(crate) fn named(&self, which: &Which) -> String {
        let pid = self.process().pid;
        let named = match self.is_live {
            true => pid.to_string(),
            false if self.process == 0 => which.target.clone(),
            false => format!("{} --process {pid}", which.target),
        };
        match &which.rules {
            Some(rules) => format!("{named} --rules {}", rules.display()),
            None => named,
        }
    }

    /// Says how to ask for the others, where there are any.
    pub(crate) fn narrate_others(&self, output: &Output) {
        let this = self.process().pid;
        let others = self.processes().iter().map(|process| process.pid).filter(|pid| *pid != this);
        let others: Vec<String> = others.map(|pid| pid.to_string()).collect();
        if !others.is_empty() {
            output.narrate(format_args!("(--process for the others in it: {})", others.join(", ")));
        }
    }

    /// All of them, parents before their children.
    pub(crate) fn processes(&self) -> &[Process] {
        &self.image.processes
    }

    pub(crate) fn process(&self) -> &Process {
        &self.image.processes[self.process]
    }

    pub(crate) fn facts(&self) -> SubjectFacts {
        let process = self.process();
        SubjectFacts { pid: process.pid, name: process.name.clone(), pause_ms: self.pause_ms() }
    }

    /// How long all of them were held, if they were.
    pub(crate) fn pause_ms(&self) -> Option<f64> {
        self.is_live.then(|| milliseconds(self.image.taken.held))
    }

    pub(crate) fn described(&self) -> String {
        described(self.process())
    }

    /// Traces the process that is asked about, and hands the result to `use_it`.
    pub(crate) fn traced<T>(
        &self,
        output: &Output,
        use_it: impl FnOnce(&Trace<'_>, Times) -> Result<T>,
    ) -> Result<T> {
        let process = self.process();
        let outcome = self.trace(process, output, |trace, times| {
            for (described, module) in trace.known.debug.modules.iter().zip(&process.modules) {
                if let (Some(why), true) = (&described.missing, module.path == process.executable) {
                    output.narrate(format_args!("no types: {why}"));
                }
            }
            use_it(trace, times)
        });
        outcome.map_err(|error| refused(process, &error))?
    }

    /// Traces any of the processes.
    pub(crate) fn trace<T>(
        &self,
        process: &Process,
        output: &Output,
        use_it: impl FnOnce(&Trace<'_>, Times) -> T,
    ) -> Result<T, TraceError> {
        let start = Instant::now();
        let phase = output.phase(format!("reading debug info of {}", described(process)));
        let known = Known::with(process, &self.shelf)?;
        let model = known.model(&self.facts);
        drop(phase);
        let debuginfo = start.elapsed();
        let start = Instant::now();
        let phase = output.phase(format!("marking {}", described(process)));
        let trace = Trace::of(process, &known, &model);
        drop(phase);
        let times = Times {
            read: milliseconds(self.read),
            debuginfo: milliseconds(debuginfo),
            mark: milliseconds(start.elapsed()),
        };
        Ok(use_it(&trace, times))
    }
}

/// Its id, and what it calls itself.
pub(crate) fn described(process: &Process) -> String {
    format!("{} ({})", process.pid, shortened(&process.name, TITLE))
}

/// Characters of what a process calls itself: servers put their whole command line there.
const TITLE: usize = 48;

/// Why a process cannot be traced, for whoever asked for it.
fn refused(process: &Process, error: &TraceError) -> anyhow::Error {
    match error {
        TraceError::NoHeap => anyhow!("process {}: {error}", described(process)),
        TraceError::Heap(_) => Failure::Refused(format!("process {}: {error}", described(process))).into(),
    }
}

/// What is held.
fn scope(root: Pid, process: Option<u32>, extent: Extent) -> Result<Scope> {
    if extent == Extent::Tree {
        return Ok(Scope::Tree(root));
    }
    let Some(wanted) = process else { return Ok(Scope::Process(root)) };
    let members = tree::with_descendants(root);
    let found = members.iter().find(|member| u32::try_from(member.as_raw()) == Ok(wanted));
    let there: Vec<String> = members.iter().map(Pid::to_string).collect();
    Ok(Scope::Process(*found.ok_or_else(|| no_member(wanted, &there.join(", ")))?))
}

/// One process of many can be what stands in the way.
fn not_captured(error: CaptureError, scope: Scope) -> anyhow::Error {
    use HoldError::{NotPermitted, Other, TooSlow, Traced};
    let in_the_way = match &error {
        CaptureError::Hold(
            NotPermitted { process, .. }
            | Traced { process, .. }
            | TooSlow { process, .. }
            | Other { process, .. },
        ) => Some(*process),
        _ => None,
    };
    match (in_the_way, scope) {
        (Some(process), Scope::Tree(root)) if process != root => {
            anyhow!("{error}\n(--alone looks at process {root} only)")
        }
        _ => error.into(),
    }
}

fn no_member(wanted: u32, there: &str) -> anyhow::Error {
    Failure::Usage(format!("process {wanted} is not in it: there is {there}")).into()
}

fn read(path: &Path) -> Result<Image> {
    if !path.exists() {
        return Err(Failure::Usage(format!("there is no process or file {}", path.display())).into());
    }
    Ok(if is_core(path) { core_file::open(path)? } else { snapshot::open(path)? })
}

/// Whether a file begins as core files do. What cannot be read is left to who opens it as a snapshot to say.
fn is_core(path: &Path) -> bool {
    use std::io::Read;
    let mut magic = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"\x7fELF"
}
