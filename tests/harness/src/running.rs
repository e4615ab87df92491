//! A server that runs: what can be asked of it, and its end.

use crate::guardian::{Ended, Exit, Guardian, Usage};
use crate::kind::{Kind, Place};
use crate::port::listening;
use crate::process::{Process, descendants};
use crate::wait::until;
use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a server may take to end by itself after it was asked to.
const STOPPING: Duration = Duration::from_secs(10);

/// How many lines of a log are shown in an error.
const LINES_SHOWN: usize = 20;

/// A server that serves. Dropping it kills it; [`Running::stop`] does so in an orderly way, and checks.
#[derive(Debug)]
pub struct Running<K> {
    kind: K,
    place: Place,
    guardian: Arc<Mutex<Guardian>>,
    main: Pid,
}

impl<K: Kind> Running<K> {
    pub(crate) fn new(kind: K, place: Place, guardian: Arc<Mutex<Guardian>>, main: Pid) -> Running<K> {
        Running { kind, place, guardian, main }
    }

    /// The server as it was configured.
    pub fn kind(&self) -> &K {
        &self.kind
    }

    /// Its directory and ports.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The process an operator would name: the master, or the listener.
    pub fn pid(&self) -> Pid {
        self.main
    }

    /// Where it listens (the first of its ports).
    pub fn address(&self) -> SocketAddr {
        self.place.address(0)
    }

    /// All its processes that have not ended, whatever sessions or namespaces they went to.
    pub fn processes(&self) -> Vec<Process> {
        alive(self.guardian().pid())
    }

    /// What it wrote to standard output and standard error so far.
    pub fn output(&self) -> String {
        let bytes = fs::read(self.place.path("output.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Signals the main process.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.guardian().signal(self.main, signal)
    }

    /// How the process that was started ended, if it has.
    pub fn exit(&self) -> Result<Option<Exit>> {
        self.guardian().status()
    }

    /// Asks it to end, waits for all its processes, kills what would not go, and checks that nothing is left of it: no
    /// process, no listener.
    pub fn stop(self) -> Result<Stopped> {
        self.stop_within(STOPPING)
    }

    /// The same with less patience, for servers with processes that are not expected to go by themselves.
    pub fn stop_within(self, patience: Duration) -> Result<Stopped> {
        let name = self.kind.name();
        let mut guardian = self.guardian();
        let tree = guardian.pid();
        if alive(tree).iter().any(|process| process.pid() == self.main) {
            // It may end by itself just now: then there is nobody to signal, and nothing to complain of.
            let _ = guardian.signal(self.main, self.kind.stop_signal());
        }
        // In vain means that the guardian has to kill, which the result tells.
        let _ = until(patience, "the end", || Ok(alive(tree).is_empty().then_some(())));
        let Ended { exit, killed, left, usage, .. } =
            guardian.end().with_context(|| format!("stopping {name}"))?;
        ensure!(left.is_empty(), "{name} left processes that cannot be killed: {}", list(&left));
        for port in self.place.ports() {
            // A listener that outlived its tree would belong to a process that got out of it.
            ensure!(
                !listening(port.number()),
                "{name} has ended, but port {} is still served",
                port.number()
            );
        }
        Ok(Stopped { name, exit, killed, usage })
    }

    fn guardian(&self) -> MutexGuard<'_, Guardian> {
        // A test that panicked while it held the lock left a guardian that still answers.
        self.guardian.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Drop for Running<K> {
    fn drop(&mut self) {
        // After `stop` this is answered from memory. Otherwise the test failed before, and that is what is reported.
        let _ = self.guardian.lock().unwrap_or_else(PoisonError::into_inner).end();
    }
}

/// How a server ended.
#[derive(Debug, Clone)]
pub struct Stopped {
    name: String,
    /// How the process that was started ended.
    pub exit: Option<Exit>,
    /// Processes that did not go by themselves and were killed.
    pub killed: Vec<Process>,
    /// What all its processes used from the start.
    pub usage: Usage,
}

impl Stopped {
    /// An error unless it went by itself, all of it, and the started process without a complaint.
    pub fn expect_clean(self) -> Result<()> {
        if !self.killed.is_empty() {
            bail!("{} did not end when asked to, and was killed: {}", self.name, list(&self.killed));
        }
        // A server that leaves the signal it is stopped with to the kernel ends by it.
        match self.exit {
            Some(Exit::Code(0) | Exit::Signal(15)) => Ok(()),
            Some(exit) => bail!("{} ended with {exit}", self.name),
            None => bail!("nobody saw how {} ended", self.name),
        }
    }
}

fn alive(guardian: Pid) -> Vec<Process> {
    descendants(guardian).into_iter().filter(|process| !process.is_zombie()).collect()
}

fn list(processes: &[Process]) -> String {
    processes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The last lines of every log below a directory, for an error message.
pub(crate) fn tail(directory: &Path) -> String {
    let Ok(entries) = fs::read_dir(directory) else { return String::new() };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut text = String::new();
    for path in paths {
        if path.is_dir() {
            text += &tail(&path);
        } else if path.extension().is_some_and(|extension| extension == "log") {
            let bytes = fs::read(&path).unwrap_or_default();
            let content = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = content.lines().collect();
            let shown = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
            if !shown.is_empty() {
                text += &format!("--- {}\n{}\n", path.display(), shown.join("\n"));
            }
        }
    }
    text
}
