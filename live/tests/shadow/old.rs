//! The old release: the C server of these tests as it runs outside, and what there is of it.

use mcrx_harness::{Context, Explain as _, Pid, Port, Result, ensure, process, until};
use mcrx_live::birth::Birth;
use mcrx_live::park::Patience;
use mcrx_live::shadow::Wanted;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Long enough on a busy machine.
pub(crate) const PATIENCE: Patience =
    Patience { settle: Duration::from_millis(60), limit: Duration::from_secs(60) };

/// It runs. Dropping it ends it.
pub(crate) struct Old {
    pub(crate) birth: Birth,
    pub(crate) directory: PathBuf,
    child: Child,
    /// The root of what is left of it once it has started: another one than was started if it is a daemon.
    pub(crate) root: Pid,
    port: Port,
}

impl Old {
    /// Starts it with so many workers, each with a thread, so many threads of the master, and these words.
    pub(crate) fn start(test: &Context, workers: usize, threads: usize, words: &[&str]) -> Result<Old> {
        let directory = test.scratch().directory().to_owned();
        let program = directory.join("server");
        if !program.exists() {
            compile(test, &program)?;
        }
        for (name, text) in [("log", "before\n"), ("left-over", ""), ("old-name", "kept")] {
            fs::write(directory.join(name), text)?;
        }
        let port = Port::reserve()?;
        let mut arguments = vec![program.display().to_string(), directory.display().to_string()];
        arguments.extend([port.number().to_string(), workers.to_string(), threads.to_string()]);
        arguments.extend(words.iter().map(|word| (*word).to_owned()));
        let variables = [("PATH".into(), "/usr/bin:/bin".into()), ("MCRX_EPOCH".into(), "1".into())];
        let birth = Birth::from_here(&program, arguments.iter().map(Into::into), variables)?;
        let child = Command::new(&program)
            .args(&arguments[1..])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let started = Pid::from_raw(child.id().cast_signed());
        let mut old = Old { birth, directory, child, root: started, port };
        let answer = until(Duration::from_secs(20), "an answer", || Ok(old.ask().ok()))?;
        old.root = Pid::from_raw(answer);
        let complete = || {
            let tree = process::descendants(old.root).len();
            Ok((tree == workers).then_some(()))
        };
        until(Duration::from_secs(20), "its workers", complete)?;
        Ok(old)
    }

    /// What it answers on its port: its number.
    pub(crate) fn ask(&self) -> Result<i32> {
        let mut stream = TcpStream::connect(self.port.address())?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        text.trim().parse().context("a number")
    }

    pub(crate) fn wanted(&self) -> Result<Wanted> {
        let daemonised = self.root.as_raw() != self.child.id().cast_signed();
        Ok(Wanted { daemonised, epoch: Some(2), ..Wanted::of(self.root)? })
    }

    /// All that others could see of a shadow: files with their contents, and mounts.
    pub(crate) fn traces(&self) -> Result<BTreeMap<PathBuf, String>> {
        let mut traces = BTreeMap::new();
        for folder in [&self.directory, Path::new("/dev/shm")] {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
                let own = folder == self.directory;
                let is_text = own && metadata.is_file() && !path.ends_with("server");
                let text = if is_text { fs::read_to_string(&path)? } else { String::new() };
                // Others work in the folders that are everybody's.
                if own || path == self.shared() {
                    let changed = (metadata.mtime(), metadata.mtime_nsec());
                    traces
                        .insert(path, format!("{} {} {changed:?} {text:?}", metadata.ino(), metadata.mode()));
                }
            }
        }
        traces.insert("/proc/self/mountinfo".into(), fs::read_to_string("/proc/self/mountinfo")?);
        Ok(traces)
    }

    /// A file on another file system.
    fn shared(&self) -> PathBuf {
        PathBuf::from(format!("/dev/shm/mcrx-test-of-shadows-{}", self.port.number()))
    }

    /// Processes that execute its program, but for its own.
    pub(crate) fn others(&self) -> Result<Vec<Pid>> {
        let own: Vec<Pid> = process::descendants(self.root).iter().map(process::Process::pid).collect();
        let program = fs::metadata(self.directory.join("server"))?;
        let mut others = Vec::new();
        for entry in fs::read_dir("/proc")?.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let pid = Pid::from_raw(pid);
            // In a shadow its file is another one, of an overlay.
            let link = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
            let is_it = link == self.directory.join("server") && program.is_file();
            if is_it && pid != self.root && !own.contains(&pid) {
                others.push(pid);
            }
        }
        Ok(others)
    }

    /// It is as it was, and nothing of a shadow is left.
    pub(crate) fn expect_untouched(&self, before: &BTreeMap<PathBuf, String>) -> Result<()> {
        let after = self.traces()?;
        ensure!(after == *before, "{before:#?}\nhas become\n{after:#?}");
        ensure!(self.ask()? == self.root.as_raw(), "somebody else answers");
        let others = self.others()?;
        ensure!(others.is_empty(), "left: {others:?}");
        Ok(())
    }
}

impl Drop for Old {
    fn drop(&mut self) {
        for process in process::descendants(self.root) {
            let _ = nix::sys::signal::kill(process.pid(), nix::sys::signal::Signal::SIGKILL);
        }
        let _ = nix::sys::signal::kill(self.root, nix::sys::signal::Signal::SIGKILL);
        let _ = self.child.wait();
        let _ = fs::remove_file(self.shared());
    }
}

fn compile(test: &Context, program: &Path) -> Result<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shadow/server.c");
    let mut command = Command::new(test.program("cc")?);
    command
        .args(["-O2", "-g", "-pthread", "-D_GNU_SOURCE", "-Wall", "-Werror", "-o"])
        .arg(program)
        .arg(source);
    let status = command.status()?;
    ensure!(status.success(), "cc: {status}");
    Ok(())
}
