//! A demo server that runs, from its start to the end of its last process.

use super::client::Client;
use super::interrupt::Interrupt;
use super::session;
use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

const START_DEADLINE: Duration = Duration::from_secs(10);
const END_DEADLINE: Duration = Duration::from_secs(10);
const NO_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// A server in a session of its own. Dropping it ends all its processes.
pub(super) struct Server {
    process: Child,
    log: PathBuf,
    address: SocketAddrV4,
    over: bool,
}

impl Server {
    /// Starts `program` on a free port of the loopback interface, and waits until it listens. What it says on stderr
    /// goes to a file beside it.
    pub(super) fn start(program: &Path, interrupt: &Interrupt) -> Result<Server> {
        let log = program.with_extension("log");
        let mut command = Command::new(program);
        command
            .args(["--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).with_context(|| format!("cannot write {}", log.display()))?);
        let process =
            session::spawn(&mut command).with_context(|| format!("cannot start {}", program.display()))?;
        let unknown = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        // Guarded from here on: whatever fails below, the process is ended.
        let mut server = Server { process, log, address: unknown, over: false };
        let stdout = server.process.stdout.take().context("the server's stdout is piped")?;
        let announced = first_line(stdout, interrupt).with_context(|| server.last_words())?;
        server.address = announced
            .rsplit_once(' ')
            .and_then(|(_, address)| address.parse().ok())
            .with_context(|| format!("the server should say where it listens, but said {announced:?}"))?;
        Ok(server)
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Its processes: itself and its helper.
    pub(super) fn processes(&self) -> Result<Vec<Pid>> {
        session::members(self.pid())
    }

    pub(super) fn threads(&self) -> Result<usize> {
        let path = format!("/proc/{}/task", self.pid());
        Ok(std::fs::read_dir(&path).with_context(|| format!("cannot list {path}"))?.count())
    }

    /// Opens a connection to it.
    pub(super) fn connect(&self, interrupt: &Interrupt) -> Result<Client> {
        Client::connect(self.address, interrupt)
    }

    /// Asks it to end, and waits until its last process has. An error if it did not end by itself and well.
    pub(super) fn end(mut self) -> Result<()> {
        let status = self.end_leader();
        let rest = self.end_rest();
        self.over = true;
        match status? {
            Some(status) if status.success() => rest,
            Some(status) => bail!("the server ended with {status}; {}", self.last_words()),
            None => bail!("the server did not end within {} s and was killed", END_DEADLINE.as_secs()),
        }
    }

    /// None: it had to be killed.
    fn end_leader(&mut self) -> Result<Option<ExitStatus>> {
        // Not reaped yet, so the pid is still its own.
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM).context("cannot end the server")?;
        }
        let status = wait_patiently(|| Ok(self.process.try_wait()?))?;
        if status.is_none() {
            self.process.kill().context("cannot kill the server")?;
            self.process.wait().context("cannot wait for the server")?;
        }
        Ok(status)
    }

    /// Its helper ends by itself once the server has. An error if it had to be killed.
    fn end_rest(&self) -> Result<()> {
        let gone = wait_patiently(|| Ok(self.processes()?.is_empty().then_some(())))?;
        if gone.is_some() {
            return Ok(());
        }
        let rest = self.processes()?;
        for pid in &rest {
            kill_process(*pid, Signal::KILL).context("cannot kill what the server left")?;
        }
        bail!("the server left processes behind, which were killed: {rest:?}")
    }

    fn last_words(&self) -> String {
        match std::fs::read_to_string(&self.log) {
            Ok(words) if !words.is_empty() => format!("its last words: {}", words.trim_end()),
            _ => "it said nothing".to_owned(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.over {
            // On the way out of an error, which is the one to report.
            let _ = self.end_leader();
            let _ = self.end_rest();
        }
    }
}

/// Ends are waited for even when a signal asks for haste: leaving at once would leave something behind.
fn wait_patiently<T>(mut ready: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    Interrupt::none().wait_until(END_DEADLINE, &mut ready)
}

/// The server prints one line and then nothing more.
fn first_line(mut stdout: ChildStdout, interrupt: &Interrupt) -> Result<String> {
    let mut line = Vec::new();
    interrupt
        .wait_until(START_DEADLINE, || {
            let mut ready = [PollFd::new(&stdout, PollFlags::IN)];
            if poll(&mut ready, Some(&NO_WAIT))? == 0 {
                return Ok(None);
            }
            let mut piece = [0; 256];
            let read = stdout.read(&mut piece)?;
            if read == 0 {
                bail!("the server ended before it listened");
            }
            line.extend_from_slice(piece.get(..read).unwrap_or_default());
            Ok(line.ends_with(b"\n").then_some(()))
        })?
        .with_context(|| format!("the server did not listen within {} s", START_DEADLINE.as_secs()))?;
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}
