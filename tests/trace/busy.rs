//! Real servers in the middle of their work: connections kept open, requests half done, sessions logged in.
//!
//! Each server's function starts it under the allocator, puts it to work, has the test look at its processes, and then finishes what was
//! under way: every answer must be right to the last byte, the processes must be the same ones, and no log may complain.

#[path = "busy/httpd.rs"]
mod httpd;
#[path = "busy/memcached.rs"]
mod memcached;
#[path = "busy/nginx.rs"]
mod nginx;
#[path = "busy/redis.rs"]
mod redis;
#[path = "busy/sshd.rs"]
mod sshd;
#[path = "busy/vsftpd.rs"]
mod vsftpd;

pub(crate) use httpd::httpd;
pub(crate) use memcached::memcached;
pub(crate) use nginx::nginx;
pub(crate) use redis::redis;
pub(crate) use sshd::sshd;
pub(crate) use vsftpd::vsftpd;

use mcrx_harness::process::Process;
use mcrx_harness::{Context, Explain, Kind, Pid, Result, Running, ensure, preload, until};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How much work a server is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Connections that wait for their next request.
    pub(crate) connections: usize,
    /// Keys or items that are stored.
    pub(crate) items: usize,
}

impl Load {
    /// As much as the tracer is to be shown with.
    pub(crate) const FULL: Load = Load { connections: 200, items: 100_000 };
    /// Some of everything.
    pub(crate) const SMALL: Load = Load { connections: 20, items: 2_000 };
}

/// A server's processes that run under the allocator, at work.
pub(crate) struct Busy {
    /// Release and all, for messages.
    pub(crate) name: String,
    /// The process an operator would name.
    pub(crate) main: Pid,
    /// In the order of their numbers.
    pub(crate) processes: Vec<Process>,
}

/// As an operator starts it, but for the caches, which are the user's and not the test's.
fn start<K: Kind>(test: &Context, kind: K) -> Result<Running<K>> {
    let library = preload()?.to_str().context("text")?;
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    let cache = std::env::var("XDG_CACHE_HOME").unwrap_or_else(|_| format!("{home}/.cache"));
    let words = [env!("CARGO_BIN_EXE_mcrx"), "run", "--exec", "--library", library, "--"];
    test.launch(kind).under(words).environment("XDG_CACHE_HOME", cache).start()
}

/// Has the test look at a server once all of it waits for its clients; `finish` then ends what was under way.
fn look_at<K: Kind>(
    server: &Running<K>,
    look: impl FnOnce(&Busy) -> Result<()>,
    finish: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let all = server.processes();
    let under_allocator = |process: &&Process| {
        let maps = fs::read_to_string(format!("/proc/{}/maps", process.pid()));
        maps.is_ok_and(|maps| maps.contains("/libmcrx.so"))
    };
    let processes: Vec<Process> = all.iter().filter(under_allocator).cloned().collect();
    for process in &processes {
        until(Duration::from_secs(20), format!("{process} to wait"), || is_waiting(process.pid()))?;
    }
    let logs = logs(server.place().directory());
    let busy = Busy { name: server.kind().name(), main: server.pid(), processes };
    look(&busy).with_context(|| busy.name.clone())?;
    finish().with_context(|| format!("{}: what was under way", busy.name))?;
    let names = |processes: &[Process]| -> Vec<String> { processes.iter().map(Process::to_string).collect() };
    let (before, after) = (names(&all), names(&server.processes()));
    ensure!(before == after, "{}: {before:?} before, {after:?} after", busy.name);
    complaints(server.place().directory(), &logs)
}

/// Whether all threads of a process sleep.
fn is_waiting(pid: Pid) -> Result<Option<()>> {
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let stat = fs::read_to_string(task?.path().join("stat"))?;
        if stat.rsplit_once(") ").is_none_or(|(_, rest)| !rest.starts_with('S')) {
            return Ok(None);
        }
    }
    Ok(Some(()))
}

/// What all its log files say.
fn logs(directory: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(logs(&path));
        } else if path.extension().is_some_and(|extension| extension == "log") {
            let bytes = fs::read(&path).unwrap_or_default();
            found.insert(path, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    found
}

/// An error if a log has a complaint that was not there before.
fn complaints(directory: &Path, before: &BTreeMap<PathBuf, String>) -> Result<()> {
    /// As the six servers write them.
    const COMPLAINTS: [&str; 7] = ["alert", "crit", "emerg", "error", "fatal", "panic", "signal"];
    for (path, after) in logs(directory) {
        let known = before.get(&path).map_or(0, String::len);
        for line in after.get(known..).unwrap_or_default().lines() {
            let lower = line.to_lowercase();
            ensure!(!COMPLAINTS.iter().any(|word| lower.contains(word)), "{}: {line}", path.display());
        }
    }
    Ok(())
}

/// Bytes that are nowhere the same for long, to be sent or stored.
fn bytes(len: usize, seed: u8) -> Vec<u8> {
    let mut state = u32::from(seed) | 1;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}
