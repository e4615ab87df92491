//! Contains `unsafe`: what looks after a server that `mcrx run` has started.
//!
//! It is the server's parent: signals that somebody sends to it are sent on, and it ends as the server does. Processes that lose their
//! parent become its children, so a server that puts itself into the background stays in sight. When the server's start-up is
//! done its memory is written down, as the baseline of a later update.
//!
//! Should it die, the server goes on.
//!
//! What it does not do: start the server anew when it ends.

use super::desk::Desk;
use crate::output::Output;
use anyhow::{Context as _, Result, ensure};
use mcrx_debuginfo::file::Binary;
use mcrx_live::capture::capture;
use mcrx_live::control::{NOTIFY, Notifier};
use mcrx_live::descriptors::{self, StartUp};
use mcrx_live::hold::Scope;
use mcrx_live::managed::{self, Managed, Record};
use mcrx_live::park::{self, ParkError, Parking, Patience, Watch};
use mcrx_live::process::status::threads;
use mcrx_live::randomness::recorder::{self, Recorder};
use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::{self, SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What is sent on. The others end or stop whoever gets them, and are for this process.
const SENT_ON: [Signal; 7] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
];

/// How long a server's start-up may take before nobody waits for its end any more.
const START_UP: Duration = Duration::from_secs(600);
/// For how long of it what it draws at random is recorded, since that slows it down: one that takes longer reads much, and has drawn its
/// seeds before.
const RECORDED: Duration = Duration::from_secs(20);

/// How long a server's first client is kept waiting for the end of the start-up: if others do not rest then, it is more important than they.
const KEPT: Duration = Duration::from_secs(5);

/// How a server has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Code(i32),
    Signal(Signal),
}

/// A server that runs, and what is kept of it.
struct Service {
    /// Who the others descend from: the first one, until it ends and leaves others behind.
    root: Pid,
    managed: Managed,
    executable: PathBuf,
    /// That file's, in hex.
    build_id: Option<String>,
    signals: SignalFd,
    /// How the root has ended.
    end: Option<End>,
    /// Who has it takes reports. That a child of ours is held by another thread of ours is reported to whichever asks first (the kernel
    /// makes no difference where the tracer is the parent), and whoever holds must hear of it.
    reports: Arc<Mutex<()>>,
    /// While it traces, it is the one who hears of children that end.
    recorder: Arc<Recorder>,
}

/// Starts a server, and comes back when it has ended. `note` writes down how it was started.
pub(super) fn serve(
    mut command: Command,
    executable: &Path,
    output: &Output,
    note: impl FnOnce(&Managed, Pid) -> Result<()>,
) -> Result<End> {
    let managed = Managed::create(Pid::this())?;
    let notifier = notifier(output);
    let awaited = SigSet::from_iter(SENT_ON.into_iter().chain([Signal::SIGCHLD]));
    let usual = awaited.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let signals = SignalFd::with_flags(&awaited, SfdFlags::SFD_CLOEXEC)?;
    prctl::set_child_subreaper(true)?;
    // Where a child only stops, which it does at every call while it is recorded, there is nothing to be done here.
    let quiet = SigAction::new(SigHandler::SigDfl, SaFlags::SA_NOCLDSTOP, SigSet::empty());
    // SAFETY: the default action runs no code of ours.
    unsafe { signal::sigaction(Signal::SIGCHLD, &quiet) }?;
    let look_again = || {
        let _ = signal::kill(Pid::this(), Signal::SIGCHLD);
    };
    let (recorder, gate) = Recorder::start(RECORDED, look_again)?;
    let begin = move || usual.thread_set_mask().map_err(std::io::Error::from).and_then(|()| gate.pass());
    // SAFETY: between fork and exec it makes system calls, which are async-signal-safe.
    unsafe { command.pre_exec(begin) };
    let inherited = managed::inherited();
    let spawned = command.spawn().with_context(|| format!("{} cannot be started", executable.display()));
    let child = match spawned {
        Ok(child) => child,
        Err(error) => {
            managed.forget();
            return Err(error);
        }
    };
    let first = Pid::from_raw(i32::try_from(child.id())?);
    let executable = executable.to_owned();
    let reports = Arc::default();
    let build_id = Binary::open(&executable).ok().and_then(|binary| Some(binary.build_id()?.to_string()));
    let recorder = Arc::new(recorder);
    let of_thread = recorder.clone();
    let end = None;
    let mut service = Service { root: first, managed, executable, build_id, signals, end, reports, recorder };
    service.keep(output);
    if let Err(error) = note(&service.managed, first) {
        output.narrate(format_args!("an update will not know how the server was started: {error:#}"));
    }
    let (managed, reports) = (service.managed.clone(), service.reports.clone());
    let desk = Arc::new(Desk::new(managed.clone(), notifier));
    if let Err(error) = Desk::open(&desk) {
        output.narrate(format_args!("nobody can ask how the server is: {error}"));
    }
    let starting = Arc::clone(&desk);
    // It ends with this process if the server ends before its start-up does.
    std::thread::spawn(move || {
        if take_note_of_start(&managed, &inherited, &reports, &of_thread) {
            starting.rests();
        }
    });
    let outcome = service.look_after(output);
    desk.closes();
    service.managed.forget();
    outcome
}

/// By what systemd has said to this process, if it has started it.
fn notifier(output: &Output) -> Notifier {
    let Some(place) = std::env::var_os(NOTIFY).filter(|place| !place.is_empty()) else {
        return Notifier::default();
    };
    Notifier::at(&place).unwrap_or_else(|error| {
        output.narrate(format_args!(
            "systemd cannot be told at {} how the server is: {error}",
            place.display()
        ));
        Notifier::default()
    })
}

/// Waits until the server's start-up is done, and writes down what it has drawn at random, and its memory.
/// False: it has ended before.
fn take_note_of_start(
    managed: &Managed,
    inherited: &[i32],
    reports: &Mutex<()>,
    recorder: &Recorder,
) -> bool {
    let rest = await_rest(recorder);
    // Nobody else can hold it before. Its first clients wait until its memory is written down.
    let draws = recorder.settle();
    let taken = match rest {
        Err(ParkError::Gone(_)) => {
            drop(recorder.finish());
            return false;
        }
        rest => rest.map_err(anyhow::Error::from).and_then(|parking| {
            managed.keep_draws(&draws)?;
            write_down(managed, &parking, inherited, reports, recorder)
        }),
    };
    drop(recorder.finish());
    if let Err(error) = taken
        && managed.exists()
    {
        Output::new(false).narrate(format_args!("the server cannot be updated later: {error:#}"));
    }
    managed.exists()
}

/// Waits until all wait, but for those that are kept from serving a first client; for these not for ever.
fn await_rest(recorder: &Recorder) -> Result<Parking, ParkError> {
    let mut watch = Watch::new(Pid::this(), Patience { limit: START_UP, ..Patience::default() });
    let mut keeps = true;
    loop {
        if let Some(parking) = watch.look_sparing(&|thread| recorder.keeps(thread))? {
            return Ok(parking);
        }
        if keeps && recorder.kept_for() > KEPT {
            recorder.keep_nobody();
            keeps = false;
        }
        std::thread::sleep(park::INTERVAL);
    }
}

/// Writes down a server's memory at the end of its start-up, and the descriptors that it has then.
fn write_down(
    managed: &Managed,
    parking: &Parking,
    inherited: &[i32],
    reports: &Mutex<()>,
    recorder: &Recorder,
) -> Result<()> {
    let first = parking.processes.first().context("nothing of it is left")?;
    let kept = recorder.let_in();
    let is_kept = |process: Pid, number: i32| {
        kept.iter().any(|(thread, connection)| *connection == number && threads(process).contains(thread))
    };
    let processes: Vec<Pid> = parking.processes.iter().map(|process| process.pid).collect();
    // What is made for them would be taken for what each start makes.
    ensure!(
        !recorder.has_let_in() && descriptors::clients(&processes, is_kept) == 0,
        "clients were served before its start-up was at rest: start it as root, and before they come"
    );
    let alone = reports.lock().unwrap_or_else(PoisonError::into_inner);
    let image = capture(Scope::Tree(first.pid))?;
    drop(alone);
    let descriptors =
        StartUp::of(processes, |process, number| !inherited.contains(&number) && !is_kept(process, number));
    Ok(managed.keep_start(&image, &descriptors)?)
}

impl Service {
    fn look_after(&mut self, output: &Output) -> Result<End> {
        loop {
            if self.take_reports(output)? {
                return Ok(self.end.unwrap_or(End::Code(0)));
            }
            let heard = match self.signals.read_signal() {
                Err(Errno::EINTR) => continue,
                heard => heard?,
            };
            if let Some(info) = heard {
                self.send_on(&info);
            }
        }
    }

    /// Takes note of children that have ended. True: none is left.
    fn take_reports(&mut self, output: &Output) -> Result<bool> {
        // It is asked first: what ended before it was done is in its list.
        let is_recorded = self.recorder.is_tracing();
        for (pid, end) in self.recorder.ended() {
            let end = match end {
                recorder::Ended::Exited(code) => End::Code(code),
                recorder::Ended::Killed(signal) => {
                    Signal::try_from(signal).map_or(End::Code(128 + signal), End::Signal)
                }
            };
            self.ended(pid, end, output);
        }
        if is_recorded {
            return Ok(false);
        }
        let reports = self.reports.clone();
        let _alone = reports.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let (pid, end) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, End::Code(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, End::Signal(signal)),
                Ok(WaitStatus::StillAlive) => return Ok(false),
                Err(Errno::ECHILD) => return Ok(true),
                Ok(_) | Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            self.ended(pid, end, output);
        }
    }

    fn ended(&mut self, pid: Pid, end: End, output: &Output) {
        if pid != self.root {
            return;
        }
        // Who puts himself into the background ends well. Whoever ends otherwise has the last word.
        if matches!(self.end, None | Some(End::Code(0))) {
            self.end = Some(end);
        }
        if let Some(heir) = heir(Pid::this()) {
            self.root = heir;
            self.keep(output);
        }
    }

    /// What was sent to this process is meant for the server. The keyboard's signals it has got itself.
    fn send_on(&self, info: &siginfo) {
        let number = i32::try_from(info.ssi_signo).unwrap_or(0);
        let from_kernel = info.ssi_code == libc::SI_KERNEL;
        if let (Ok(signal), false) = (Signal::try_from(number), from_kernel || number == libc::SIGCHLD) {
            // It may have ended meanwhile; then that is heard of next.
            let _ = signal::kill(self.root, signal);
        }
    }

    /// What an update has written down meanwhile stays.
    fn keep(&self, output: &Output) {
        let known = self.managed.record();
        let new = |_| Record::new(Pid::this(), self.root, self.executable.clone(), self.build_id.clone());
        let record = known.unwrap_or_else(new);
        let record = record.led_by(self.root);
        if let Err(error) = self.managed.keep(&record) {
            output.narrate(format_args!("the server cannot be updated later: {error:#}"));
        }
    }
}

/// The oldest of a process's children.
fn heir(parent: Pid) -> Option<Pid> {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    children.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).next()
}

impl End {
    /// Ends this process in the same way, as far as a process can.
    pub(super) fn take(self) -> ! {
        match self {
            End::Code(code) => std::process::exit(code),
            End::Signal(deadly) => {
                // Only the server leaves a core behind.
                let _ = prctl::set_dumpable(false);
                // SAFETY: the default action runs no code of ours.
                let _ = unsafe { signal::signal(deadly, SigHandler::SigDfl) };
                let _ = SigSet::all().thread_unblock();
                let _ = signal::raise(deadly);
                std::process::exit(128 + deadly as i32)
            }
        }
    }
}
