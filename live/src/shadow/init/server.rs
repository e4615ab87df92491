//! Contains `unsafe`: fork, descriptors by number, signal actions. The new release's first process: made as the old one's was.
//!
//! The init has one thread, so its child is an ordinary process that may do anything. It tells by a socket what goes wrong; the
//! socket closes as it executes the program.

use super::super::order::Order;
use super::forks;
use super::mounts::Failed;
use super::notice::{self, Listener};
use crate::birth::{Birth, LIMITS, Text};
use crate::randomness;
use nix::errno::Errno;
use nix::libc::{self, c_int};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg,
    socketpair,
};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{self, ForkResult, Gid, Pid, Uid, fork};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Rlimit, setpriority_process, setrlimit};
use std::ffi::CString;
use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

/// What the descriptors are called that only keep their numbers from being used.
pub(in super::super) const PLACEHOLDER: &str = "mcrx: taken";
/// No step's name is longer.
const MESSAGE: usize = 256;

/// Starts it; returns its number, and where its forks are asked about, and what it draws.
pub(super) fn start(order: &Order, output: BorrowedFd<'_>) -> Result<(Pid, Listener), Failed> {
    let pair = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC);
    let (ours, its) = pair.map_err(|errno| ("a socket".to_owned(), errno))?;
    // SAFETY: this process has one thread.
    match unsafe { fork() }.map_err(|errno| ("a fork".to_owned(), errno))? {
        ForkResult::Child => {
            drop(ours);
            let Err((step, errno)) = become_server(order, output, its);
            // `its` is gone with its number; the failure was told before.
            let _ = (step, errno);
            std::process::exit(127);
        }
        ForkResult::Parent { child } => {
            drop(its);
            let listener =
                receive(ours.as_fd())?.0.ok_or_else(|| ("starting it".to_owned(), Errno::ECHILD))?;
            match receive(ours.as_fd())?.1 {
                None => Ok((child, Listener(listener))),
                Some(failed) => Err(failed),
            }
        }
    }
}

/// What the child sends: a descriptor, or what went wrong. Neither: it executes the program.
fn receive(socket: BorrowedFd<'_>) -> Result<(Option<OwnedFd>, Option<Failed>), Failed> {
    let told = |errno| ("starting it".to_owned(), errno);
    let mut bytes = [0; MESSAGE + 4];
    let mut space = nix::cmsg_space!([c_int; 1]);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags).map_err(told)?;
    let mut descriptor = None;
    for control in message.cmsgs().map_err(told)? {
        if let ControlMessageOwned::ScmRights(numbers) = control {
            // SAFETY: the kernel has just made them, for us.
            descriptor = numbers.first().map(|number| unsafe { OwnedFd::from_raw_fd(*number) });
        }
    }
    let len = message.bytes;
    let failed = bytes.get(..len).and_then(<[u8]>::split_first_chunk).filter(|_| descriptor.is_none());
    let failed = failed.map(|(errno, step): (&[u8; 4], _)| {
        (String::from_utf8_lossy(step).into_owned(), Errno::from_raw(i32::from_ne_bytes(*errno)))
    });
    match failed {
        // The first message was to be the descriptor.
        Some(failed) => Err(failed),
        None => Ok((descriptor, None)),
    }
}

fn send(socket: BorrowedFd<'_>, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) -> nix::Result<()> {
    let numbers = descriptor.map(|descriptor| [descriptor.as_raw_fd()]);
    let control: Vec<ControlMessage<'_>> =
        numbers.iter().map(|numbers| ControlMessage::ScmRights(numbers)).collect();
    sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(bytes)], &control, MsgFlags::MSG_NOSIGNAL, None)
        .map(drop)
}

/// In the child: everything that it takes, and then the program. Tells what went wrong.
fn become_server(
    order: &Order,
    output: BorrowedFd<'_>,
    socket: OwnedFd,
) -> Result<std::convert::Infallible, Failed> {
    let socket = match out_of_the_way(socket, highest(&order.taken)) {
        Ok(socket) => socket,
        Err(errno) => return Err(("moving a socket".to_owned(), errno)),
    };
    let outcome = prepare(order, output, socket.as_fd()).and_then(|()| execute(&order.birth));
    if let Err((step, errno)) = &outcome {
        let mut bytes = (*errno as i32).to_ne_bytes().to_vec();
        bytes.extend(step.bytes().take(MESSAGE));
        let _ = send(socket.as_fd(), &bytes, None);
    }
    outcome
}

fn prepare(order: &Order, output: BorrowedFd<'_>, socket: BorrowedFd<'_>) -> Result<(), Failed> {
    let birth = &order.birth;
    step("a session", unistd::setsid().map(drop))?;
    step("signals", signals(&birth.ignored_signals))?;
    step("descriptors", descriptors(&order.taken, output))?;
    // From here on this process reads nothing: nobody would answer before the program begins.
    let calls = [forks::CALLS.as_slice(), randomness::CALLS.as_slice()].concat();
    let asked = notice::filter(&calls).and_then(|listener| send(socket, &[0], Some(listener.as_fd())));
    step("a filter for forks (seccomp)", asked)?;
    for (name, limit) in LIMITS {
        if let Some([current, maximum]) = birth.limits.get(name).copied() {
            let limit = setrlimit(limit, Rlimit { current, maximum });
            step(&format!("the limit {name}"), limit.map_err(errno))?;
        }
    }
    step("its priority", setpriority_process(None, birth.nice).map_err(errno))?;
    umask(Mode::from_bits_truncate(birth.umask));
    let groups: Vec<Gid> = birth.other_groups.iter().copied().map(Gid::from_raw).collect();
    step("its groups", unistd::setgroups(&groups))?;
    let [real, effective, saved] = birth.groups.map(Gid::from_raw);
    step("its group", unistd::setresgid(real, effective, saved))?;
    let [real, effective, saved] = birth.users.map(Uid::from_raw);
    step("its user", unistd::setresuid(real, effective, saved))?;
    step("its working directory", unistd::chdir(birth.directory.as_path()))
}

fn execute(birth: &Birth) -> Result<std::convert::Infallible, Failed> {
    let string =
        |text: &Text| CString::new(text.as_bytes()).map_err(|_| ("its arguments".to_owned(), Errno::EINVAL));
    let strings = |texts: &[Text]| texts.iter().map(string).collect::<Result<Vec<_>, _>>();
    let path = string(&birth.executable)?;
    let (arguments, environment) = (strings(&birth.arguments)?, strings(&birth.environment)?);
    unistd::execve(&path, &arguments, &environment).map_err(|errno| ("executing it".to_owned(), errno))
}

/// As a new program has them: the kernel's own actions, nothing blocked.
fn signals(ignored: &[i32]) -> nix::Result<()> {
    for signal in Signal::iterator().filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP)) {
        let is_ignored = ignored.contains(&(signal as i32));
        let handler = if is_ignored { SigHandler::SigIgn } else { SigHandler::SigDfl };
        // SAFETY: no code of ours becomes a handler.
        unsafe { sigaction(signal, &SigAction::new(handler, SaFlags::empty(), SigSet::empty())) }?;
    }
    SigSet::empty().thread_set_mask()
}

fn descriptors(taken: &[i32], output: BorrowedFd<'_>) -> nix::Result<()> {
    let null = File::open("/dev/null").map_err(|_| Errno::ENODEV)?;
    put(null.as_fd(), 0)?;
    drop(null);
    put(output, 1)?;
    put(output, 2)?;
    let placeholder = memfd_create(PLACEHOLDER, MemfdFlags::CLOEXEC).map_err(errno)?;
    // Not by its own number: that may be one of those.
    let placeholder = out_of_the_way(placeholder, highest(taken))?;
    taken.iter().filter(|number| **number > 2).try_for_each(|number| put(placeholder.as_fd(), *number))
}

fn highest(taken: &[i32]) -> c_int {
    taken.iter().copied().max().unwrap_or(2).max(2)
}

/// Makes a number a copy of a descriptor, which the program will have.
fn put(descriptor: BorrowedFd<'_>, number: c_int) -> nix::Result<()> {
    if descriptor.as_raw_fd() == number {
        // SAFETY: a system call on an open descriptor.
        return Errno::result(unsafe { libc::fcntl(number, libc::F_SETFD, 0) }).map(drop);
    }
    // SAFETY: what has this number is the init's, of which nothing is used in this process but what was moved out of the way.
    Errno::result(unsafe { libc::dup2(descriptor.as_raw_fd(), number) }).map(drop)
}

/// Moves a descriptor behind a number.
fn out_of_the_way(descriptor: OwnedFd, highest: c_int) -> nix::Result<OwnedFd> {
    let needed = u64::try_from(highest).unwrap_or(0) + 64;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        let maximum = limit.maximum.map(|maximum| maximum.max(needed));
        setrlimit(rustix::process::Resource::Nofile, Rlimit { current: Some(needed), maximum })
            .map_err(errno)?;
    }
    rustix::io::fcntl_dupfd_cloexec(&descriptor, highest + 1).map_err(errno)
}

fn step(what: &str, outcome: nix::Result<()>) -> Result<(), Failed> {
    outcome.map_err(|errno| (what.to_owned(), errno))
}

fn errno(errno: rustix::io::Errno) -> Errno {
    Errno::from_raw(errno.raw_os_error())
}
