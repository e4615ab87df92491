//! The next release of a server, started out of sight: as the old one was started, with the old one's pids, while that goes on serving.
//!
//! ```text
//!   us ----- socket ----> init (pid 1 of the shadow)
//!     clone3, new            lays a throw-away layer over all files that could be written,
//!     namespaces             starts the new release, gives its processes their numbers (`forks`), reaps orphans
//!   look on (crate::park) until it is at rest; capture it
//! ```
//!
//! It has namespaces of its own for processes, mounts, the network, IPC and the host's name. So it binds to the same addresses and
//! the same unix sockets, writes the same logs and pid files, and nothing of it is seen outside. It cannot reach the outside either: what
//! asks another host or another process for something at start-up gets no answer.
//!
//! **Invariant**: when a [`Shadow`] is dropped, or its owner dies in whatever way, nothing is left of it: no process, no mount, no
//! file. All hangs on the first process of the namespace: the kernel ends the others with it, and it ends with our end of its
//! socket.
//!
//! A program that starts shadows calls [`take_over`] first of all: the init is the same program once more.
//!
//! It takes root's rights. What is not the old one's: the parent of its first process, inherited descriptors but for numbers that are
//! in use ([`Wanted::taken`]), its session, its control group.

mod error;
mod init;
mod launch;
mod numbers;
mod order;
mod parked;
mod wanted;

pub use error::ShadowError;
pub use numbers::WantedProcess;
pub use order::Status;
pub use parked::{Parked, ParkedMember};
pub use wanted::Wanted;

use crate::birth::{Birth, Text};
use crate::park::{ParkError, Patience, Watch};
use crate::process::maps::{self, Mapping};
use crate::process::status::Status as ProcessStatus;
use crate::randomness::Draws;
use init::Given;
use launch::Init;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::{Pid, geteuid};
use numbers::{Assignment, Found, Path};
use order::{Order, Word};
use rustix::fs::{MemfdFlags, memfd_create};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

/// How often a start is tried: once to see, once with what was seen, and some more for addresses that collide by chance.
const ATTEMPTS: usize = 5;
/// How often is looked.
const INTERVAL: Duration = Duration::from_millis(2);

/// Becomes the first process of a shadow, if that is what this process was started for; otherwise does nothing. To be called first in
/// `main`, before there is another thread.
pub fn take_over() {
    let Some(descriptors) = launch::inherited() else { return };
    if let Ok([control, order, output, drawn]) = <[OwnedFd; 4]>::try_from(descriptors) {
        init::run(Given { control, order, output, drawn });
    }
    std::process::exit(1);
}

/// A new release that is at rest after its start-up.
#[derive(Debug)]
pub struct Shadow {
    /// Its first process has no number of interest to anybody.
    init: Init,
    _control: OwnedFd,
    /// What it says.
    output: File,
    /// What it draws at random.
    drawn: File,
    /// Parents before their children, else in the order of their making.
    pub members: Vec<Member>,
    /// How often it was started.
    pub attempts: usize,
    /// How long that took, all in all.
    pub took: Duration,
}

/// A process of a shadow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its number as we see it.
    pub outside: Pid,
    /// Its number as it sees it itself.
    pub inside: i32,
    /// The number of its parent inside, if that is one of the members.
    pub parent: Option<i32>,
    /// The number of the old release's process that it is the partner of. If there is one, it has the same number.
    pub partner: Option<i32>,
    /// What it calls itself.
    pub title: String,
    /// Descriptor numbers that were taken when the program began, and that it has closed nevertheless (closefrom(3)). It may use them for
    /// something of its own.
    pub given_up: Vec<i32>,
}

/// Whether a descriptor of a shadow only keeps a number taken ([`Wanted::taken`]), by what `/proc/PID/fd` says that it is.
#[must_use]
pub fn is_placeholder(target: &OsStr) -> bool {
    target.to_string_lossy().contains(init::server::PLACEHOLDER)
}

/// A start that came to rest.
struct Start {
    init: Init,
    control: OwnedFd,
    output: File,
    drawn: File,
    found: Vec<(Pid, Found)>,
}

impl Shadow {
    /// Starts the program of a birth record, which is that of the old release but for the program
    /// ([`Birth::of_release`]), and waits until it is at rest.
    ///
    /// # Errors
    /// [`ShadowError`]. Nothing is left of it.
    pub fn start(birth: &Birth, wanted: &Wanted, patience: Patience) -> Result<Shadow, ShadowError> {
        let started = Instant::now();
        let deadline = started + patience.limit;
        if !geteuid().is_root() {
            return Err(ShadowError::NotPermitted);
        }
        if wanted.processes.iter().any(|process| process.pid == 1) {
            return Err(ShadowError::FirstProcess);
        }
        if wanted.elsewhere {
            return Err(ShadowError::Elsewhere);
        }
        let mut birth = birth.clone();
        if let Some(epoch) = wanted.epoch {
            birth.set_variable("MCRX_EPOCH", epoch.to_string());
        }
        let mut assignments = numbers::guess(&wanted.processes, wanted.daemonised);
        let mut logs: Vec<Text> = wanted.logs.iter().cloned().map(Text::from).collect();
        let mut last = None;
        for attempt in 1..=ATTEMPTS {
            let patience = Patience { limit: deadline.saturating_duration_since(Instant::now()), ..patience };
            let start = match Start::new(&birth, wanted, &assignments, &logs, patience) {
                Ok(start) => start,
                // It may have wanted to read one of them.
                Err(ShadowError::Ended { .. }) if !logs.is_empty() => {
                    logs.clear();
                    continue;
                }
                Err(error) => return Err(error),
            };
            let found: Vec<Found> = start.found.iter().map(|(_, found)| found.clone()).collect();
            if let Some(learned) = numbers::learned(&wanted.processes, &found) {
                last = Some(wrong_number(&wanted.processes, &found));
                assignments = learned;
            } else if let Some(mapping) = start.collision(&wanted.avoided) {
                // Twice at one place is no chance.
                if matches!(&last, Some(ShadowError::Collision { mapping: other }) if other.range == mapping.range)
                {
                    break;
                }
                last = Some(ShadowError::Collision { mapping: Box::new(mapping) });
            } else {
                let members = start.members(wanted);
                let Start { init, control, output, drawn, .. } = start;
                let took = started.elapsed();
                return Ok(Shadow {
                    init,
                    _control: control,
                    output,
                    drawn,
                    members,
                    attempts: attempt,
                    took,
                });
            }
        }
        Err(last.unwrap_or_else(|| ShadowError::Other(io::ErrorKind::TimedOut.into())))
    }

    /// What it has said so far on its standard output and standard error.
    #[must_use]
    pub fn said(&self) -> String {
        said(&self.output)
    }

    /// What it has drawn at random so far.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn draws(&self) -> io::Result<Draws> {
        let len = self.drawn.metadata()?.len();
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| io::ErrorKind::InvalidData)?];
        self.drawn.read_exact_at(&mut bytes, 0)?;
        Ok(init::draws::read(&bytes)?)
    }

    /// The member that is the root of all others.
    #[must_use]
    pub fn root(&self) -> Option<&Member> {
        self.members.first()
    }

    /// The first process of its namespaces, which is none of the program's.
    #[must_use]
    pub fn init(&self) -> Pid {
        self.init.pid()
    }
}

impl Start {
    fn new(
        birth: &Birth,
        wanted: &Wanted,
        assignments: &[Assignment],
        logs: &[Text],
        patience: Patience,
    ) -> Result<Start, ShadowError> {
        let reserved = wanted
            .processes
            .iter()
            .flat_map(|process| [process.pid].into_iter().chain(process.threads.clone()));
        let order = Order {
            birth: birth.clone(),
            assignments: assignments.to_vec(),
            reserved: reserved.collect(),
            taken: wanted.taken.clone(),
            logs: logs.to_vec(),
            draws: wanted.draws.clone(),
            network: init::network::settings(),
        };
        let output = memory_file("mcrx: output").map_err(ShadowError::Other)?;
        let drawn = memory_file("mcrx: randomness").map_err(ShadowError::Other)?;
        let mut written = memory_file("mcrx: order").map_err(ShadowError::Other)?;
        let bytes = serde_json::to_vec(&order).map_err(|error| ShadowError::Other(error.into()))?;
        written.write_all(&bytes).map_err(ShadowError::Other)?;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let pair = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags);
        let (control, its) = pair.map_err(|errno| ShadowError::Other(errno.into()))?;
        let init =
            Init::start(&[its.as_fd(), written.as_fd(), output.as_fd(), drawn.as_fd()]).map_err(|errno| {
                match errno {
                    Errno::EPERM => ShadowError::NotPermitted,
                    errno => ShadowError::SetUp { step: "namespaces".to_owned(), errno },
                }
            })?;
        drop(its);
        let mut start = Start { init, control, output, drawn, found: Vec::new() };
        start.await_rest(birth, patience)?;
        Ok(start)
    }

    /// Waits until all its processes are at rest.
    fn await_rest(&mut self, birth: &Birth, patience: Patience) -> Result<(), ShadowError> {
        let program = || birth.executable.as_path().to_owned();
        let begun = Instant::now();
        let mut watch = Watch::new(self.init.pid(), patience);
        let mut first = None;
        let mut status = None;
        let mut paths: HashMap<i32, Path> = HashMap::new();
        loop {
            while let Some(word) = hear(&self.control).map_err(ShadowError::Other)? {
                match word {
                    Heard::Word(Word::Started(pid)) => {
                        first = Some(pid);
                        paths.insert(pid, Path::new());
                    }
                    Heard::Word(Word::Forked { path, pid }) => drop(paths.insert(pid, path)),
                    Heard::Word(Word::Ended { pid, status: how }) if first == Some(pid) => status = Some(how),
                    Heard::Word(Word::Ended { .. }) => {}
                    Heard::Word(Word::Failed { step, errno }) => {
                        let errno = Errno::from_raw(errno);
                        return Err(match first {
                            None if is_of_program(&step) => {
                                ShadowError::NotStarted { program: program(), step, errno }
                            }
                            _ => ShadowError::SetUp { step, errno },
                        });
                    }
                    // The first process may have ended by itself, and left others.
                    Heard::Word(Word::Nobody) | Heard::End => {
                        return Err(ShadowError::Ended {
                            program: program(),
                            status,
                            said: said(&self.output),
                        });
                    }
                }
            }
            // Before it has started there is the init only, which rests now and then.
            let outcome = if first.is_some() { watch.look() } else { Ok(None) };
            match outcome {
                Ok(Some(parking)) => {
                    let pids = parking.processes.iter().map(|process| process.pid);
                    let init = self.init.pid();
                    self.found =
                        pids.filter(|pid| *pid != init).filter_map(|pid| found(pid, &paths)).collect();
                    if !self.found.is_empty() {
                        in_order(&mut self.found);
                        return Ok(());
                    }
                }
                Ok(None) => {}
                // The init has ended: its last words tell why.
                Err(ParkError::Gone(_)) => {}
                Err(source) => {
                    let source = Box::new(source);
                    let limit = patience.limit;
                    return Err(ShadowError::Restless {
                        program: program(),
                        limit,
                        source,
                        said: said(&self.output),
                    });
                }
            }
            if begun.elapsed() > patience.limit && first.is_none() {
                return Err(ShadowError::SetUp {
                    step: "waiting for its init".to_owned(),
                    errno: Errno::ETIMEDOUT,
                });
            }
            std::thread::sleep(INTERVAL);
        }
    }

    /// Something that lies where nothing may.
    fn collision(&self, avoided: &[Range<u64>]) -> Option<Mapping> {
        let mappings = self.found.iter().filter_map(|(pid, _)| maps::read(*pid).ok()).flatten();
        mappings.filter(|mapping| !mapping.is("vsyscall")).find(|mapping| {
            let next = avoided.partition_point(|range| range.end <= mapping.range.start);
            avoided.get(next).is_some_and(|range| range.start < mapping.range.end)
        })
    }

    fn members(&self, wanted: &Wanted) -> Vec<Member> {
        let found: Vec<Found> = self.found.iter().map(|(_, found)| found.clone()).collect();
        let partners: HashMap<usize, i32> = numbers::partners(&wanted.processes, &found)
            .into_iter()
            .filter_map(|(old, new)| Some((new, wanted.processes.get(old)?.pid)))
            .collect();
        let member = |(index, (outside, found)): (usize, &(Pid, Found))| Member {
            outside: *outside,
            inside: found.pid,
            parent: found.parent,
            partner: partners.get(&index).copied(),
            title: found.title.clone(),
            given_up: given_up(*outside, &wanted.taken),
        };
        self.found.iter().enumerate().map(member).collect()
    }
}

/// The init's steps that depend on the program and on how it was started, not on this machine.
fn is_of_program(step: &str) -> bool {
    ["executing it", "its ", "the limit "].iter().any(|begin| step.starts_with(begin))
}

enum Heard {
    Word(Word),
    End,
}

/// What the init has said since, if anything.
fn hear(control: &OwnedFd) -> io::Result<Option<Heard>> {
    let mut bytes = [0; 4096];
    match rustix::net::recv(control, &mut bytes, rustix::net::RecvFlags::empty()) {
        Ok((_, 0)) | Err(rustix::io::Errno::CONNRESET) => Ok(Some(Heard::End)),
        Ok((_, len)) => Ok(Some(Heard::Word(serde_json::from_slice(bytes.get(..len).unwrap_or_default())?))),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// A process that is at rest, unless it has ended since.
fn found(outside: Pid, paths: &HashMap<i32, Path>) -> Option<(Pid, Found)> {
    let status = ProcessStatus::of(outside)?;
    let pid = status.innermost()?;
    let parent = status.parent().and_then(ProcessStatus::of).and_then(|parent| parent.innermost());
    let title = wanted::title(outside).ok()?;
    let path = paths.get(&pid).cloned();
    Some((outside, Found { pid, parent: parent.filter(|parent| *parent != 1), title, path }))
}

/// Children in the order of their making: a number does not tell, how it was made does.
fn in_order(found: &mut [(Pid, Found)]) {
    found.sort_by_key(|(_, found)| {
        let path = found.path.clone().unwrap_or_default();
        (path.len(), path, found.pid)
    });
}

fn given_up(process: Pid, taken: &[i32]) -> Vec<i32> {
    let is_placeholder = |number: &i32| {
        let link = fs::read_link(format!("/proc/{process}/fd/{number}")).unwrap_or_default();
        is_placeholder(link.as_os_str())
    };
    taken.iter().filter(|number| **number > 2 && !is_placeholder(number)).copied().collect()
}

fn wrong_number(wanted: &[WantedProcess], found: &[Found]) -> ShadowError {
    let pairs = numbers::partners(wanted, found);
    let wrong =
        pairs.into_iter().map(|(old, new)| (&wanted[old], &found[new])).find(|(old, new)| old.pid != new.pid);
    let (wanted, title, found) =
        wrong.map_or((0, String::new(), 0), |(old, new)| (old.pid, old.title.clone(), new.pid));
    ShadowError::Number { wanted, title, found }
}

fn memory_file(name: &str) -> io::Result<File> {
    Ok(memfd_create(name, MemfdFlags::CLOEXEC)?.into())
}

fn said(output: &File) -> String {
    /// More than that nobody reads.
    const MOST: u64 = 1 << 16;
    let len = output.metadata().map_or(0, |metadata| metadata.len());
    let start = len.saturating_sub(MOST);
    let mut bytes = vec![0; usize::try_from(len - start).unwrap_or(0)];
    // What it has said less than its length is zeros at the end.
    let _ = output.read_at(&mut bytes, start);
    String::from_utf8_lossy(&bytes).into_owned()
}
