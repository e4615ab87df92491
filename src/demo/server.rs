//! A demo server that runs, from its start to the end of its last process.

use super::client::Client;
use super::interrupt::Interrupt;
use super::session;
use anyhow::{Context, Result, bail};
use mcrx_live::managed;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

/// `mcrx run` may have to read the debug info of all its libraries first.
const START_DEADLINE: Duration = Duration::from_secs(120);
const END_DEADLINE: Duration = Duration::from_secs(10);
const NO_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// A server in a session of its own. Dropping it ends all its processes.
pub(super) struct Server {
    /// It, or the `mcrx run` that looks after it.
    process: Child,
    /// It.
    root: u32,
    log: PathBuf,
    address: SocketAddrV4,
    over: bool,
}

impl Server {
    /// Starts `program` on a free port of the loopback interface, and waits until it listens. What it says on stderr
    /// goes to a file beside it.
    pub(super) fn start(program: &Path, interrupt: &Interrupt) -> Result<Server> {
        Server::started_by(Command::new(program), program, interrupt)
    }

    /// The same under `mcrx run`, with all that this keeps in `folder`.
    pub(super) fn managed(
        program: &Path,
        library: &Path,
        folder: &Path,
        interrupt: &Interrupt,
    ) -> Result<Server> {
        let mut command = mcrx(folder)?;
        command.arg("run").arg("--library").arg(library);
        command.arg("--callers").arg(folder.join("callers")).arg("--").arg(program);
        let mut server = Server::started_by(command, program, interrupt)?;
        let children = format!("/proc/{0}/task/{0}/children", server.process.id());
        let children =
            std::fs::read_to_string(&children).with_context(|| format!("cannot read {children}"))?;
        let root = children.split_ascii_whitespace().find_map(|pid| pid.parse().ok());
        server.root = root.context("mcrx run has started no server")?;
        let start = folder.join(server.process.id().to_string()).join("start.snap");
        interrupt.wait_until(START_DEADLINE, || Ok(start.exists().then_some(())))?.with_context(|| {
            format!("the server's start-up was not taken note of; {}", server.last_words())
        })?;
        Ok(server)
    }

    /// A command that ends with the program and its options.
    fn started_by(mut command: Command, program: &Path, interrupt: &Interrupt) -> Result<Server> {
        let log = program.with_extension("log");
        command
            .args(["--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).with_context(|| format!("cannot write {}", log.display()))?);
        let process =
            session::spawn(&mut command).with_context(|| format!("cannot start {}", program.display()))?;
        let unknown = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        // Guarded from here on: whatever fails below, the process is ended.
        let root = process.id();
        let mut server = Server { process, root, log, address: unknown, over: false };
        let stdout = server.process.stdout.take().context("the server's stdout is piped")?;
        let announced = first_line(stdout, interrupt).with_context(|| server.last_words())?;
        server.address = announced
            .rsplit_once(' ')
            .and_then(|(_, address)| address.parse().ok())
            .with_context(|| format!("the server should say where it listens, but said {announced:?}"))?;
        Ok(server)
    }

    /// Its first process.
    pub(super) fn pid(&self) -> u32 {
        self.root
    }

    /// The session that all of it is in.
    pub(super) fn session(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Its processes: itself and its helper. What looks after it is none of them.
    pub(super) fn processes(&self) -> Result<Vec<Pid>> {
        let mut members = session::members(self.session())?;
        let service = Pid::from_child(&self.process);
        members.retain(|member| self.session() == self.pid() || *member != service);
        Ok(members)
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
        kill_process(Pid::from_child(&self.process), Signal::TERM).context("cannot end the server")?;
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

/// This command once more, with what it keeps of servers in a folder of its own.
pub(super) fn mcrx(folder: &Path) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("this command does not find itself")?);
    command.env(managed::STATE, folder);
    Ok(command)
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
