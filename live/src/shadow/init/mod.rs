//! The first process of a shadow's namespaces: it makes everything ready, starts the new release, and looks after it.
//!
//! It is our own program once more, with one thread, started by [`launch`](super::launch). When it ends, the kernel ends all that it has
//! started; and it ends when the socket to whoever started it closes, so with that one, however that one ends.

pub(super) mod draws;
mod forks;
mod mounts;
pub(super) mod network;
mod notice;
pub(super) mod server;
mod written;

use super::order::{Order, Status, Word};
use crate::birth::Text;
use draws::Replay;
use forks::Forks;
use mounts::Failed;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use notice::Listener;
use rustix::fs::seek;
use std::convert::Infallible;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};

/// What the init is given.
pub(super) struct Given {
    pub(super) control: OwnedFd,
    pub(super) order: OwnedFd,
    pub(super) output: OwnedFd,
    /// Where it writes down what is drawn at random.
    pub(super) drawn: OwnedFd,
}

/// Does it all; comes back only when the shadow is to end.
pub(super) fn run(given: Given) {
    let Given { control, order, output, drawn } = given;
    let control = Control(control);
    let Err((step, errno)) = attend(&control, order, output, drawn.into());
    control.say(&Word::Failed { step, errno: errno as i32 });
}

/// The socket to whoever started us.
struct Control(OwnedFd);

impl Control {
    /// What cannot be said is of no use any more.
    fn say(&self, word: &Word) {
        let Ok(bytes) = serde_json::to_vec(word) else { return };
        let flags = rustix::net::SendFlags::NOSIGNAL | rustix::net::SendFlags::DONTWAIT;
        let _ = rustix::net::send(&self.0, &bytes, flags);
    }
}

fn attend(control: &Control, order: OwnedFd, output: OwnedFd, drawn: File) -> Result<Infallible, Failed> {
    let _ = nix::unistd::setsid();
    let mut order: Order = read(order).map_err(|error| failed("reading what is to be done", &error))?;
    // Nobody can stop the first process of a namespace but from outside of it; children that end are told by a descriptor.
    let signals = SigSet::from_iter([Signal::SIGCHLD]);
    let told = |errno| ("signals".to_owned(), errno);
    signals.thread_block().map_err(told)?;
    let ended =
        SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map_err(told)?;
    let layers = mounts::lay_over()?;
    stand_in(&order.logs);
    network::set_up(&order.network)?;
    let forks = Forks::new(&order.assignments, &order.reserved);
    let mut forks = forks.map_err(|error| failed("/proc/sys/kernel/ns_last_pid", &error))?;
    let replay = Replay::new(std::mem::take(&mut order.draws), drawn);
    let mut replay = replay.map_err(|error| failed("/dev/urandom", &error))?;
    // Settings of the whole machine are among them.
    mounts::protect("/proc/sys")?;
    mounts::protect("/proc/sysrq-trigger")?;
    forks.prepare_first().map_err(|error| failed("the first process's number", &error))?;
    let (first, listener) = server::start(&order, output.as_fd())?;
    let output = File::from(output);
    forks.begin(first.as_raw());
    control.say(&Word::Started(first.as_raw()));
    let mut listener = Some(listener);
    loop {
        let mut waiting = vec![
            PollFd::new(control.0.as_fd(), PollFlags::POLLIN),
            PollFd::new(ended.as_fd(), PollFlags::POLLIN),
        ];
        waiting.extend(listener.as_ref().map(|listener| PollFd::new(listener.as_fd(), PollFlags::POLLIN)));
        match poll(&mut waiting, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(("waiting".to_owned(), errno)),
        }
        let events =
            |index: usize| waiting.get(index).and_then(PollFd::revents).unwrap_or(PollFlags::empty());
        let (controlled, children, asked) = (events(0), events(1), events(2));
        // It has nothing to say but that it is gone.
        if !controlled.is_empty() {
            std::process::exit(0);
        }
        if asked.contains(PollFlags::POLLIN) {
            if let Some(listener) = &listener {
                serve(control, listener, &mut forks, &mut replay)?;
            }
        } else if !asked.is_empty() {
            // Nobody is left who could ask.
            listener = None;
        }
        if !children.is_empty() {
            while let Ok(Some(_)) = ended.read_signal() {}
            if reap(control) {
                written::tell(&layers, &output);
                control.say(&Word::Nobody);
            }
        }
    }
}

/// Answers whoever is about to make a call.
fn serve(
    control: &Control,
    listener: &Listener,
    forks: &mut Forks,
    replay: &mut Replay,
) -> Result<(), Failed> {
    let told = |error: io::Error| failed("a system call of the new release", &error);
    let Some(notice) = listener.receive().map_err(told)? else { return Ok(()) };
    if !forks::CALLS.contains(&notice.call) {
        return replay.serve(&notice, forks.place(notice.thread), listener).map_err(told);
    }
    if let Some((path, pid)) = forks.serve(&notice, listener).map_err(told)? {
        control.say(&Word::Forked { path, pid });
    }
    Ok(())
}

/// Logs are not copied only to be appended to: in their place are files as long, of which no byte is stored.
fn stand_in(logs: &[Text]) {
    for path in logs {
        // Where it fails the log is copied, as any other file.
        let Ok(metadata) = fs::symlink_metadata(path.as_path()) else { continue };
        let file = OpenOptions::new().write(true).truncate(true).open(path.as_path());
        let _ = file.and_then(|file| file.set_len(metadata.len()));
    }
}

/// Takes note of all children that have ended; says whether nobody is left.
fn reap(control: &Control) -> bool {
    loop {
        let (pid, status) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => (pid, Status::Exited(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, Status::Killed(signal as i32)),
            Ok(WaitStatus::StillAlive) => return false,
            Err(Errno::ECHILD) => return true,
            Ok(_) | Err(_) => continue,
        };
        control.say(&Word::Ended { pid: pid.as_raw(), status });
    }
}

fn read(order: OwnedFd) -> io::Result<Order> {
    seek(&order, rustix::fs::SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    File::from(order).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

fn failed(what: &str, error: &io::Error) -> Failed {
    (what.to_owned(), error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}
