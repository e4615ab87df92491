//! `unsafe`: one `pre_exec`. The guardian process itself: one thread, two descriptors to wait for.

use super::{Ended, Exit, MARK, Order, Reply, Request, Usage};
use crate::process::{Process, descendants};
use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::{set_child_subreaper, set_name};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeVal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, setsid};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, StdinLock, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long killed processes may take to go before they are reported instead.
const KILLING: Duration = Duration::from_secs(10);

/// Becomes the guardian of a server if this process was started to be one; otherwise returns at once.
///
/// A program that starts servers calls it first in `main`. [`crate::Suite::run`] does so itself.
pub fn take_over() {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == MARK) {
        let code = match run() {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("guardian: {error:#}");
                1
            }
        };
        std::process::exit(code);
    }
}

fn run() -> Result<()> {
    setsid().context("setsid")?;
    set_child_subreaper(true).context("PR_SET_CHILD_SUBREAPER")?;
    set_name(c"mcrx-guardian").context("PR_SET_NAME")?;
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block().context("sigprocmask")?;
    let signals =
        SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).context("signalfd")?;
    Post { signals, test: io::stdin().lock(), main: None, scratch: None }.stand()
}

/// The guardian at its post.
struct Post<'a> {
    signals: SignalFd,
    test: StdinLock<'a>,
    main: Option<Main>,
    scratch: Option<std::path::PathBuf>,
}

/// The process that was started.
struct Main {
    pid: Pid,
    started: Instant,
    exit: Option<(Exit, Duration)>,
}

impl Post<'_> {
    fn exit(&self) -> Option<(Exit, Duration)> {
        self.main.as_ref().and_then(|main| main.exit)
    }
}

impl Post<'_> {
    /// Serves requests until the last one, or until the test is gone.
    fn stand(mut self) -> Result<()> {
        while self.wait(PollTimeout::NONE)? {
            let mut line = String::new();
            // The test sends a line and waits for the answer, so no second line can hide in the buffer.
            if self.test.read_line(&mut line).unwrap_or(0) == 0 {
                break;
            }
            let request = serde_json::from_str(&line).context("the request cannot be read")?;
            if let Request::End = request {
                let ended = self.end();
                return answer(&Reply::Ended(ended));
            }
            answer(
                &self.serve(request).unwrap_or_else(|error| Reply::Failed { message: format!("{error:#}") }),
            )?;
        }
        self.end();
        if let Some(scratch) = self.scratch {
            fs::remove_dir_all(&scratch)
                .with_context(|| format!("{} cannot be removed", scratch.display()))?;
        }
        Ok(())
    }

    fn serve(&mut self, request: Request) -> Result<Reply> {
        match request {
            Request::Start(order) => self.start(order),
            Request::Status => Ok(Reply::Status { exit: self.exit().map(|(exit, _)| exit) }),
            Request::Signal { pid, signal } => {
                let (pid, signal) = (Pid::from_raw(pid), Signal::try_from(signal)?);
                if !descendants(Pid::this()).iter().any(|process| process.pid() == pid) {
                    bail!("process {pid} is not the server's, or has ended");
                }
                kill(pid, signal).with_context(|| format!("process {pid} takes no {signal}"))?;
                Ok(Reply::Signalled)
            }
            Request::End => unreachable!("ends the loop that calls this"),
        }
    }

    fn start(&mut self, order: Order) -> Result<Reply> {
        self.scratch = Some(order.scratch);
        let log = File::options()
            .create(true)
            .append(true)
            .open(&order.log)
            .with_context(|| format!("{} cannot be written", order.log.display()))?;
        let mut command = Command::new(&order.program);
        command.args(&order.arguments).env_clear().envs(order.environment).current_dir(&order.directory);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        if let Some(credentials) = order.credentials {
            command.gid(credentials.gid).uid(credentials.uid);
        }
        let own_session_and_no_signal_blocked = || {
            setsid()?;
            // The guardian blocks the signals it reads from a descriptor, and a blocked signal stays so over exec.
            SigSet::empty().thread_set_mask()?;
            Ok(())
        };
        // SAFETY: between fork and exec only async-signal-safe calls are allowed. setsid(2) and pthread_sigmask(3) are,
        // and neither the empty set nor the conversion of an error number allocates.
        unsafe {
            command.pre_exec(own_session_and_no_signal_blocked);
        }
        let started = Instant::now();
        // Never waited for through `Child`: `reap` does, for this one and for those that fall to us.
        let child =
            command.spawn().with_context(|| format!("{} cannot be started", order.program.display()))?;
        let pid = Pid::from_raw(child.id().cast_signed());
        self.main = Some(Main { pid, started, exit: None });
        Ok(Reply::Started { pid: pid.as_raw() })
    }

    /// Waits for the test to speak, and reaps meanwhile. False if this process was asked to end or time is up.
    fn wait(&mut self, timeout: PollTimeout) -> Result<bool> {
        loop {
            let stdin = io::stdin();
            let mut watched = [
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(stdin.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut watched, timeout) {
                Ok(0) => return Ok(false),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error).context("poll"),
            }
            let spoken = watched[1].any().unwrap_or(false);
            if self.reap()? {
                return Ok(false);
            }
            if spoken {
                return Ok(true);
            }
        }
    }

    /// Takes the signals and the dead. True if a signal asked this process to end.
    fn reap(&mut self) -> Result<bool> {
        let mut asked_to_end = false;
        while let Some(signal) = self.signals.read_signal().context("signalfd")? {
            asked_to_end |= signal.ssi_signo.cast_signed() != Signal::SIGCHLD as i32;
        }
        loop {
            let (pid, exit) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, Exit::Code(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, Exit::Signal(signal as i32)),
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(asked_to_end),
                Ok(_) => continue,
                Err(error) => return Err(error).context("waitpid"),
            };
            if let Some(main) = self.main.as_mut().filter(|main| main.pid == pid) {
                main.exit = Some((exit, main.started.elapsed()));
            }
        }
    }

    /// Kills all descendants until there is none.
    fn end(&mut self) -> Ended {
        let deadline = Instant::now() + KILLING;
        let mut killed: BTreeMap<i32, Process> = BTreeMap::new();
        let left = loop {
            // A failure here is not the end of the world: the next turn tries again.
            let _ = self.reap();
            // A process whose first thread has ended counts as a zombie while its other threads still do, and cannot be
            // reaped until they have: how it ended and what it used is not known before.
            let (ended, alive): (Vec<Process>, Vec<Process>) =
                descendants(Pid::this()).into_iter().partition(Process::is_zombie);
            if (alive.is_empty() && ended.is_empty()) || Instant::now() >= deadline {
                break alive;
            }
            for process in alive {
                // It may have gone meanwhile; whether it has, the next listing tells.
                let _ = kill(process.pid(), Signal::SIGKILL);
                killed.entry(process.pid().as_raw()).or_insert(process);
            }
            let mut watched = [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut watched, PollTimeout::from(20_u8));
        };
        let _ = self.reap();
        Ended {
            exit: self.exit().map(|(exit, _)| exit),
            wall: self.exit().map(|(_, wall)| wall),
            killed: killed.into_values().collect(),
            left,
            usage: usage(),
        }
    }
}

fn answer(reply: &Reply) -> Result<()> {
    let mut line = serde_json::to_string(reply)?;
    line.push('\n');
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).context("the test does not listen")
}

fn usage() -> Usage {
    let Ok(used) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return Usage::default() };
    Usage {
        user: duration(used.user_time()),
        system: duration(used.system_time()),
        peak_rss: u64::try_from(used.max_rss()).unwrap_or(0) * 1024,
    }
}

fn duration(time: TimeVal) -> Duration {
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(time.tv_usec()).unwrap_or(0))
}
