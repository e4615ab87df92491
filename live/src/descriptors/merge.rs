//! What is to be done with the descriptors of a process that goes on as its next release, and doing it.
//!
//! | | |
//! |---|---|
//! | both have it | the old one stays; if the new release has another number for it, it has that |
//! | only the new release | it is brought over, to its number |
//! | only the old process | it stays, but for what its own start-up had made: that is closed when all is done |
//!
//! Numbers of the old start-up may mean something else in the new one's: what had such a number is kept under another until all is done. A number
//! of what is no start-up's, a connection's say, cannot be taken: it stands in memory that is carried over.
//!
//! A file is opened anew, as the old process sees it: the new release's own lies on a mount that is gone after the update. So is an epoll
//! set, and a socket without a name, which would be of another network. A socket that listens or is connected somewhere cannot be brought over.

use super::epoll::{self, Change, Sets, Watch};
use super::matching::{Matches, Pair, is_nameless};
use super::registrar;
use crate::hold::{Hands, HandsError};
use crate::kernel::{Descriptor, Kind};
use crate::ledger::{Entry, Page};
use mcrx_allocator::reader::Address;
use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What cannot be done. Nothing has been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Of either release.
    #[error(
        "descriptor {number} is a ring of io_uring(7): those cannot be updated; have the server do without"
    )]
    Ring {
        /// Its number.
        number: i32,
    },
    /// The new release serves where the old one does not.
    #[error(
        "the new release listens on {address} (descriptor {number}), which the old process does not: start both with the same addresses, \
         and change them afterwards"
    )]
    Listens {
        /// In the new release.
        number: i32,
        /// Where.
        address: String,
    },
    /// A connection that the new release's start-up has made.
    #[error(
        "the new release has {what} (descriptor {number}) that the old process does not have, and it is of another network: it cannot be brought over"
    )]
    Elsewhere {
        /// In the new release.
        number: i32,
        /// What it is.
        what: String,
    },
    /// Each release has something else under a number.
    #[error(
        "the new release has {new} as descriptor {number}, as which the old process has {old}: start the new release again"
    )]
    Taken {
        /// The number.
        number: i32,
        /// Of the old process.
        old: String,
        /// Of the new release.
        new: String,
    },
    /// Of a registration in an epoll set.
    #[error(
        "what epoll set {set} says with events of descriptor {descriptor} ({data:#x}) has no meaning in the new release: say by a rule what becomes of it"
    )]
    Data {
        /// The set.
        set: i32,
        /// What is registered.
        descriptor: i32,
        /// The word.
        data: u64,
    },
    /// What it waits for is not known.
    #[error(
        "descriptor {descriptor} waits in epoll set {set} for nothing (EPOLLONESHOT has fired) until the program says so: try again later"
    )]
    Fired {
        /// The set.
        set: i32,
        /// What is registered.
        descriptor: i32,
    },
    /// A file that the new release has and the old process cannot open.
    #[error("{} (descriptor {number} of the new release) cannot be opened: {why}", .path.display())]
    Unopened {
        /// In the new release.
        number: i32,
        /// Where it should be.
        path: PathBuf,
        /// In the system's words.
        why: String,
    },
}

/// Why a merge stopped. What was done is undone by [`Merge::undo`].
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A thread could not be made to do it.
    #[error(transparent)]
    Hands(#[from] HandsError),
    /// Registrations in epoll sets.
    #[error("registrations in epoll sets cannot be changed: {0}")]
    Registrations(io::Error),
}

/// What becomes of which descriptors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Of both: how many.
    pub kept: usize,
    /// Brought over from the new release, by number.
    pub added: Vec<i32>,
    /// The old process's number, and the one that it has too now.
    pub renumbered: Vec<(i32, i32)>,
    /// To be closed when all is done.
    pub closed: Vec<i32>,
    /// Which the new release's start-up has registered in an epoll set, and the old process has not, or no more: they stay so.
    pub unregistered: Vec<i32>,
}

/// What is to be done for one process, in order.
#[derive(Debug, Default)]
pub struct Merge {
    steps: Vec<Step>,
    /// In place, made last.
    changes: Vec<Change>,
    report: Report,
    /// What is to be passed in, by its number there.
    files: BTreeMap<i32, OwnedFd>,
    /// Files that were not there.
    created: Vec<PathBuf>,
    done: usize,
    changed: usize,
    /// What had a number that means something else now, and whether it was closed on exec; and where it is kept, once it is.
    kept: BTreeMap<i32, (bool, Option<i32>)>,
    /// Above all numbers of the new release.
    spare: i32,
    /// Where it is written down what was begun.
    page: Option<Page>,
    /// Somebody who is gone has begun it: nobody knows whether the last step was done, so it need not have been.
    lenient: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Keep { number: i32 },
    Bring { number: i32, close_on_exec: bool, what: What },
    Number { from: i32, to: i32, close_on_exec: bool },
    Register(Change),
}

/// How a descriptor is brought over.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// As it is.
    Itself,
    Reopened {
        path: PathBuf,
        flags: i32,
        offset: u64,
    },
    EpollSet,
    Socket {
        domain: i32,
        r#type: i32,
        protocol: i32,
    },
}

impl Merge {
    /// For a pair of processes.
    ///
    /// `is_start_ups`: whether what the old process has under a number was made by its start-up, so that nothing but what the new
    /// release's start-up has made in its place refers to it. `translate`: what a word of an old registration becomes.
    ///
    /// # Errors
    /// All conflicts.
    pub fn plan(
        pair: Pair<'_>,
        matches: &Matches,
        is_start_ups: &dyn Fn(&Descriptor) -> bool,
        translate: &dyn Fn(u64) -> Option<u64>,
    ) -> Result<Merge, Vec<Conflict>> {
        let mut conflicts: Vec<Conflict> = pair.old.iter().chain(pair.new).filter_map(ring).collect();
        let by_number =
            |list: &'_ [Descriptor], number: i32| list.iter().position(|one| one.number == number);
        let old = |number: i32| pair.old.get(by_number(pair.old, number)?);
        let new = |number: i32| pair.new.get(by_number(pair.new, number)?);
        let is_left = |number: &i32| old(*number).is_some_and(is_start_ups);
        let ended: BTreeSet<i32> = matches.only_old.iter().copied().filter(is_left).collect();
        let moved = || matches.pairs.iter().map(|(new, old)| (*new, *old)).filter(|(new, old)| new != old);
        let is_target =
            |number: &i32| matches.pairs.contains_key(number) || matches.only_new.contains(number);
        let left = moved().map(|(_, from)| from).filter(is_left);
        let closed = ended.iter().copied().chain(left).filter(|number| !is_target(number)).collect();
        let report = Report { kept: matches.pairs.len(), closed, ..Report::default() };
        let spare = pair.new.iter().map(|one| one.number).max().unwrap_or(0).saturating_add(1);
        let mut merge = Merge { report, spare, ..Merge::default() };
        let mut keep = |number: i32, conflicts: &mut Vec<Conflict>| {
            let Some(had) = old(number) else { return };
            if is_start_ups(had) {
                merge.kept.insert(number, (had.close_on_exec, None));
            } else if let Some(new) = new(number) {
                conflicts.push(Conflict::Taken { number, old: name(had), new: name(new) });
            }
        };
        let mut steps = Vec::new();
        for (number, from) in moved() {
            keep(number, &mut conflicts);
            let close_on_exec = new(number).is_some_and(|new| new.close_on_exec);
            steps.push(Step::Number { from, to: number, close_on_exec });
            merge.report.renumbered.push((from, number));
        }
        for descriptor in matches.only_new.iter().filter_map(|number| new(*number)) {
            keep(descriptor.number, &mut conflicts);
            match what(descriptor) {
                Ok(what) => {
                    let (number, close_on_exec) = (descriptor.number, descriptor.close_on_exec);
                    steps.push(Step::Bring { number, close_on_exec, what });
                    merge.report.added.push(number);
                }
                Err(conflict) => conflicts.push(conflict),
            }
        }
        let mut added = Vec::new();
        for set in pair.new {
            let Kind::Epoll { entries } = &set.kind else { continue };
            let partner = matches.pairs.get(&set.number).and_then(|number| old(*number));
            let had = partner.and_then(|partner| match &partner.kind {
                Kind::Epoll { entries } => Some((partner.number, entries.as_slice())),
                _ => None,
            });
            let was = had.map_or(set.number, |(number, _)| number);
            let sets = Sets { set: set.number, was, old: had.map(|(_, entries)| entries), new: entries };
            let found = epoll::changes(sets, matches, &ended, translate, &mut conflicts);
            merge.report.unregistered.extend(found.unregistered);
            let (in_place, apart): (Vec<Change>, Vec<Change>) =
                found.changes.into_iter().partition(Change::is_in_place);
            merge.changes.extend(in_place);
            // What is taken out is known by the numbers that it has before, and what is put in by those that it gets.
            let (out, put): (Vec<Change>, Vec<Change>) =
                apart.into_iter().partition(|change| change.after.is_none());
            merge.steps.extend(out.into_iter().map(Step::Register));
            added.extend(put.into_iter().map(Step::Register));
        }
        merge.steps.extend(merge.kept.keys().map(|number| Step::Keep { number: *number }));
        merge.steps.append(&mut steps);
        merge.steps.append(&mut added);
        if conflicts.is_empty() { Ok(merge) } else { Err(conflicts) }
    }

    /// What will become of which descriptors.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Opens what is to be brought over, before anything is held. `view`: a process that sees the files as the old one does.
    ///
    /// # Errors
    /// [`Conflict::Unopened`]
    pub fn open(&mut self, view: Pid, new: &[Descriptor]) -> Result<(), Conflict> {
        for step in &self.steps {
            let Step::Bring { number, what, .. } = step else { continue };
            let failed = |path: &Path, error: &io::Error| Conflict::Unopened {
                number: *number,
                path: path.to_owned(),
                why: error.to_string(),
            };
            let itself = || {
                let of_new = new.iter().find(|one| one.number == *number);
                of_new.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?.file.try_clone()
            };
            let file = match what {
                What::Itself => itself().map_err(|error| failed(Path::new("it"), &error))?,
                What::EpollSet => rustix::event::epoll::create(rustix::event::epoll::CreateFlags::CLOEXEC)
                    .map_err(|error| failed(Path::new("epoll"), &error.into()))?,
                What::Reopened { path, flags, offset } => {
                    let opened = reopened(view, path, *flags, *offset, &mut self.created);
                    // What has no name any more is nobody else's.
                    match opened {
                        Err(error) if error.kind() == io::ErrorKind::NotFound => itself(),
                        opened => opened,
                    }
                    .map_err(|error| failed(path, &error))?
                }
                What::Socket { .. } => continue,
            };
            self.files.insert(*number, file);
        }
        Ok(())
    }

    /// Does it all, by system calls of a held thread of the process.
    ///
    /// # Errors
    /// [`MergeError`]
    pub fn apply(&mut self, hands: &Hands<'_>, process: Pid, thread: Pid) -> Result<(), MergeError> {
        while let Some(step) = self.steps.get(self.done).cloned() {
            self.note(&Entry::Descriptors(self.done as u64))?;
            self.apply_step(&step, hands, process, thread)?;
            self.done += 1;
        }
        self.note(&Entry::Descriptors(self.done as u64))?;
        let (made, result) = registrar::change(process, self.changes.get(self.changed..).unwrap_or(&[]));
        self.changed += made;
        result.map_err(MergeError::Registrations)
    }

    /// What is begun is written down there first.
    pub(crate) fn keep_in(&mut self, page: Page) {
        self.page = Some(page);
    }

    /// As it was when somebody who is gone had begun this many steps, if any, and had kept descriptors under other numbers.
    pub(crate) fn take_up(&mut self, begun: Option<u64>, kept: &[(i32, i32)]) {
        let begun = begun.map_or(0, |last| usize::try_from(last).unwrap_or(usize::MAX).saturating_add(1));
        self.done = begun.min(self.steps.len());
        // In place means that there is something to change, before and after.
        self.changed = if begun > self.steps.len() { self.changes.len() } else { 0 };
        for (number, place) in kept {
            if let Some((_, kept)) = self.kept.get_mut(number) {
                *kept = Some(*place);
            }
        }
        self.lenient = true;
    }

    /// The numbers that something has when all is done.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = i32> {
        self.steps.iter().filter_map(|step| match step {
            Step::Bring { number, .. } | Step::Number { to: number, .. } => Some(*number),
            Step::Keep { .. } | Step::Register(_) => None,
        })
    }

    fn note(&self, entry: &Entry) -> Result<(), MergeError> {
        self.page.as_ref().map_or(Ok(()), |page| page.add(entry)).map_err(MergeError::Registrations)
    }

    /// Takes back what was done.
    ///
    /// # Errors
    /// The first that could not be taken back. All else was.
    pub fn undo(&mut self, hands: &Hands<'_>, process: Pid, thread: Pid) -> Result<(), MergeError> {
        let changed = self.changes.get(..self.changed).unwrap_or(&[]).iter().rev();
        let reversed: Vec<Change> = changed.map(|change| change.reverse()).collect();
        let (_, result) = registrar::change(process, &reversed);
        let mut first = result.map_err(MergeError::Registrations);
        self.changed = 0;
        for step in self.steps.get(..self.done).unwrap_or(&[]).iter().rev() {
            let undone = match step {
                Step::Bring { number, .. } | Step::Number { to: number, .. } => {
                    match self.kept.get(number) {
                        Some((close_on_exec, Some(from))) => {
                            duplicate(hands, thread, *from, *number, *close_on_exec)
                        }
                        // As it was: not even kept yet.
                        Some((_, None)) => Ok(()),
                        None => close(hands, thread, *number),
                    }
                }
                Step::Keep { number } => match self.kept.get(number) {
                    Some((_, Some(kept))) => close(hands, thread, *kept),
                    _ => Ok(()),
                },
                Step::Register(change) => register(hands, process, thread, change.reverse(), self.lenient),
            };
            let undone = if self.lenient { not_missing(undone) } else { undone };
            first = first.and(undone.map_err(MergeError::from));
        }
        self.done = 0;
        for path in self.created.drain(..) {
            // Somebody may have written to it meanwhile, or removed it.
            if fs::metadata(&path).is_ok_and(|metadata| metadata.len() == 0) {
                let _ = fs::remove_file(path);
            }
        }
        first
    }

    /// Closes what is not needed any more, when all else is done. This cannot be taken back.
    ///
    /// # Errors
    /// [`HandsError`]
    pub fn close(&self, hands: &Hands<'_>, thread: Pid) -> Result<(), HandsError> {
        let kept = self.kept.values().filter_map(|(_, kept)| *kept);
        kept.chain(self.report.closed.iter().copied()).try_for_each(|number| {
            let closed = close(hands, thread, number);
            if self.lenient { not_missing(closed) } else { closed }
        })
    }

    fn apply_step(
        &mut self,
        step: &Step,
        hands: &Hands<'_>,
        process: Pid,
        thread: Pid,
    ) -> Result<(), MergeError> {
        match step {
            Step::Register(change) => register(hands, process, thread, *change, false)?,
            Step::Keep { number } => {
                let arguments = [*number, libc::F_DUPFD_CLOEXEC, self.spare, 0, 0, 0].map(word);
                let kept = hands.system_call(thread, libc::SYS_fcntl, arguments)?;
                let kept = i32::try_from(kept).unwrap_or(-1);
                self.note(&Entry::Kept(*number, kept))?;
                if let Some((_, place)) = self.kept.get_mut(number) {
                    *place = Some(kept);
                }
            }
            Step::Number { from, to, close_on_exec } => {
                let kept = self.kept.get(from).and_then(|(_, kept)| *kept);
                duplicate(hands, thread, kept.unwrap_or(*from), *to, *close_on_exec)?;
            }
            Step::Bring { number, close_on_exec, what } => {
                let passed = match (what, self.files.get(number)) {
                    (What::Socket { domain, r#type, protocol }, _) => {
                        let arguments = [*domain, *r#type, *protocol, 0, 0, 0].map(word);
                        let made = hands.system_call(thread, libc::SYS_socket, arguments)?;
                        i32::try_from(made).unwrap_or(-1)
                    }
                    (_, Some(file)) => {
                        let passed = hands.pass(thread, &[file.as_fd()])?;
                        passed.first().copied().unwrap_or(-1)
                    }
                    (_, None) => return Err(MergeError::Registrations(io::ErrorKind::NotFound.into())),
                };
                if passed == *number {
                    let flag = if *close_on_exec { libc::FD_CLOEXEC } else { 0 };
                    let arguments = [*number, libc::F_SETFD, flag, 0, 0, 0].map(word);
                    hands.system_call(thread, libc::SYS_fcntl, arguments)?;
                } else {
                    let duplicated = duplicate(hands, thread, passed, *number, *close_on_exec);
                    let closed = close(hands, thread, passed);
                    duplicated.and(closed)?;
                }
            }
        }
        Ok(())
    }
}

fn close(hands: &Hands<'_>, thread: Pid, number: i32) -> Result<(), HandsError> {
    hands.close(thread, number).map(drop)
}

/// A descriptor or flags as a register holds them.
fn word(number: i32) -> u64 {
    u64::from(number.cast_unsigned())
}

fn duplicate(
    hands: &Hands<'_>,
    thread: Pid,
    from: i32,
    to: i32,
    close_on_exec: bool,
) -> Result<(), HandsError> {
    let flags = if close_on_exec { libc::O_CLOEXEC } else { 0 };
    hands.system_call(thread, libc::SYS_dup3, [from, to, flags, 0, 0, 0].map(word)).map(drop)
}

/// That there is nothing to be closed or taken out, or already something to be put in, is no failure.
fn not_missing(done: Result<(), HandsError>) -> Result<(), HandsError> {
    match done {
        Err(HandsError::Call { errno: Errno::EBADF | Errno::ENOENT | Errno::EEXIST, .. }) => Ok(()),
        other => other,
    }
}

/// One registration, by the process itself. `lenient`: it may be so already.
fn register(
    hands: &Hands<'_>,
    process: Pid,
    thread: Pid,
    change: Change,
    lenient: bool,
) -> Result<(), HandsError> {
    let (scratch, _) = hands.scratch(thread)?;
    let control = |operation: i32, watch: Watch| {
        // `struct epoll_event` is packed on x86-64.
        let event = [&watch.events.to_le_bytes()[..], &watch.data.to_le_bytes()[..]].concat();
        let memory = hands.memory(process)?;
        let written = memory.write(Address(scratch), &event);
        written.map_err(|source| HandsError::Memory { process, source })?;
        let arguments = [word(change.set), word(operation), word(change.descriptor), scratch, 0, 0];
        hands.system_call(thread, libc::SYS_epoll_ctl, arguments).map(drop)
    };
    if let Some(before) = change.before {
        let taken = control(libc::EPOLL_CTL_DEL, before);
        if lenient { not_missing(taken)? } else { taken? }
    }
    change.after.map_or(Ok(()), |after| control(libc::EPOLL_CTL_ADD, after))
}

fn ring(descriptor: &Descriptor) -> Option<Conflict> {
    let is_ring = descriptor.target == "anon_inode:[io_uring]";
    is_ring.then_some(Conflict::Ring { number: descriptor.number })
}

/// How it is brought over, if it can be.
fn what(descriptor: &Descriptor) -> Result<What, Conflict> {
    let number = descriptor.number;
    Ok(match &descriptor.kind {
        Kind::Epoll { .. } => What::EpollSet,
        Kind::File { path, flags, offset } => {
            What::Reopened { path: PathBuf::from(path), flags: *flags, offset: *offset }
        }
        Kind::Socket { domain, r#type, protocol, local, peer, listening } => {
            let address = address(local);
            if *listening
                || (*r#type == libc::SOCK_DGRAM && !is_nameless(local) && *domain != libc::AF_NETLINK)
            {
                return Err(Conflict::Listens { number, address });
            }
            match (*domain, is_nameless(local) && is_nameless(peer)) {
                // A pair of sockets, or one that is connected by a path: of no network.
                (libc::AF_UNIX, _) => What::Itself,
                (_, true) => {
                    let blocking = rustix::fs::fcntl_getfl(&descriptor.file)
                        .is_ok_and(|flags| !flags.contains(rustix::fs::OFlags::NONBLOCK));
                    let r#type = r#type | if blocking { 0 } else { libc::SOCK_NONBLOCK };
                    What::Socket { domain: *domain, r#type, protocol: *protocol }
                }
                _ => return Err(Conflict::Elsewhere { number, what: name(descriptor) }),
            }
        }
        Kind::Pipe | Kind::EventFd | Kind::SignalFd | Kind::TimerFd => What::Itself,
        // What it watches are files of the new release's own mounts.
        Kind::Other if descriptor.target == "anon_inode:inotify" => {
            return Err(Conflict::Elsewhere { number, what: name(descriptor) });
        }
        Kind::Other => What::Itself,
    })
}

/// For people.
fn name(descriptor: &Descriptor) -> String {
    match &descriptor.kind {
        Kind::Socket { local, listening: true, .. } => format!("a socket that listens on {}", address(local)),
        Kind::Socket { peer, .. } if !is_nameless(peer) => format!("a connection to {}", address(peer)),
        Kind::Socket { local, .. } if !is_nameless(local) => format!("a socket at {}", address(local)),
        Kind::Socket { .. } => "a socket".to_owned(),
        Kind::Epoll { .. } => "an epoll set".to_owned(),
        Kind::Pipe => "a pipe".to_owned(),
        Kind::File { .. } | Kind::EventFd | Kind::SignalFd | Kind::TimerFd | Kind::Other => {
            descriptor.target.to_string_lossy().into_owned()
        }
    }
}

/// A `struct sockaddr` as people write it.
fn address(bytes: &[u8]) -> String {
    let family = bytes.first_chunk().map(|family| i32::from(u16::from_ne_bytes(*family)));
    let port = bytes.get(2..4).and_then(|port| port.try_into().ok()).map_or(0, u16::from_be_bytes);
    let part = |range: std::ops::Range<usize>| bytes.get(range);
    match family {
        Some(libc::AF_INET) => {
            let host = part(4..8).and_then(|host| <[u8; 4]>::try_from(host).ok()).unwrap_or_default();
            std::net::SocketAddr::from((host, port)).to_string()
        }
        Some(libc::AF_INET6) => {
            let host = part(8..24).and_then(|host| <[u8; 16]>::try_from(host).ok()).unwrap_or_default();
            std::net::SocketAddr::from((host, port)).to_string()
        }
        Some(libc::AF_UNIX) => {
            let name = bytes.get(2..).unwrap_or(&[]);
            let (mark, name) = match name.split_first() {
                Some((0, name)) => ("@", name),
                _ => ("", name.split(|byte| *byte == 0).next().unwrap_or(&[])),
            };
            format!("{mark}{}", String::from_utf8_lossy(name))
        }
        Some(family) => format!("an address of family {family}"),
        None => "no address".to_owned(),
    }
}

/// Opens a file as a process would, at an offset. What is not there and is to be written is made.
fn reopened(
    view: Pid,
    path: &Path,
    flags: i32,
    offset: u64,
    created: &mut Vec<PathBuf>,
) -> io::Result<OwnedFd> {
    let relative = path.strip_prefix("/").map_err(|_| io::ErrorKind::InvalidInput)?;
    let seen = Path::new("/proc").join(view.to_string()).join("root").join(relative);
    let access = flags & libc::O_ACCMODE;
    let mut options = OpenOptions::new();
    options.read(access != libc::O_WRONLY).write(access != libc::O_RDONLY);
    let others =
        libc::O_APPEND | libc::O_NONBLOCK | libc::O_SYNC | libc::O_DSYNC | libc::O_DIRECT | libc::O_DIRECTORY;
    options.custom_flags((flags & others) | libc::O_NOCTTY | libc::O_CLOEXEC);
    let mut file: File = match options.open(&seen) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && access != libc::O_RDONLY => {
            let file = options.create_new(true).open(&seen)?;
            created.push(seen);
            file
        }
        opened => opened?,
    };
    if offset > 0 && flags & libc::O_APPEND == 0 {
        // Not everything has a place to be at.
        let _ = file.seek(SeekFrom::Start(offset));
    }
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::super::matching::matches;
    use super::super::matching::tests::{descriptor, file, listener};
    use super::*;
    use crate::kernel::EpollEntry;

    /// `start`: numbers of the old start-up.
    fn plan(old: &[Descriptor], new: &[Descriptor], start: &[i32]) -> Result<Merge, Vec<Conflict>> {
        let pair = Pair { old, new, awaited: &[] };
        let matches = matches(&[pair]).remove(0);
        Merge::plan(pair, &matches, &|one| start.contains(&one.number), &Some)
    }

    #[test]
    fn what_both_have_stays_and_gets_the_new_ones_number_too() {
        let merge =
            plan(&[listener(4, 80), listener(5, 443)], &[listener(9, 443), listener(4, 80)], &[]).unwrap();
        assert_eq!(merge.report().renumbered, [(5, 9)]);
        assert_eq!((merge.report().kept, merge.steps.len()), (2, 1));
        assert!(merge.report().closed.is_empty(), "who knows what refers to the old number");
    }

    #[test]
    fn numbers_of_the_old_start_up_may_mean_something_else() {
        let old = [listener(4, 80), listener(5, 443), descriptor(6, Kind::EventFd), file(7, "/gone")];
        let new =
            [listener(5, 80), listener(4, 443), file(6, "/new"), descriptor(9, Kind::EventFd), file(7, "/x")];
        let merge = plan(&old, &new, &[4, 5, 6, 7]).unwrap();
        assert_eq!(merge.report().renumbered, [(5, 4), (4, 5), (6, 9)]);
        assert_eq!((&merge.report().added[..], &merge.report().closed[..]), (&[6, 7][..], &[][..]));
        assert_eq!(merge.kept.keys().copied().collect::<Vec<_>>(), [4, 5, 6, 7]);
        assert!(merge.spare > 9 && merge.steps[..4].iter().all(|step| matches!(step, Step::Keep { .. })));
        // Were 6 a connection's, it could not be taken.
        let conflicts = plan(&old, &new, &[4, 5, 7]).unwrap_err();
        assert!(matches!(conflicts[..], [Conflict::Taken { number: 6, .. }]));
    }

    #[test]
    fn a_number_that_the_old_process_uses_otherwise_is_refused() {
        let conflicts = plan(&[listener(4, 80), listener(5, 443)], &[listener(5, 80), listener(4, 443)], &[])
            .unwrap_err();
        assert!(matches!(
            conflicts[..],
            [Conflict::Taken { number: 4, .. }, Conflict::Taken { number: 5, .. }]
        ));
        let conflicts = plan(&[listener(4, 80)], &[listener(6, 80), file(4, "/log")], &[]).unwrap_err();
        let text = conflicts[0].to_string();
        assert!(text.contains("/log as descriptor 4") && text.contains("listens on 127.0.0.1:80"), "{text}");
    }

    #[test]
    fn a_listener_of_the_new_release_alone_is_refused_with_its_address() {
        let conflicts = plan(&[], &[listener(4, 8080)], &[]).unwrap_err();
        assert_eq!(conflicts, [Conflict::Listens { number: 4, address: "127.0.0.1:8080".into() }]);
    }

    #[test]
    fn rings_are_refused_whoever_has_them() {
        let ring = || Descriptor { target: "anon_inode:[io_uring]".into(), ..descriptor(7, Kind::Other) };
        assert!(plan(&[ring()], &[], &[]).unwrap_err().contains(&Conflict::Ring { number: 7 }));
        assert!(plan(&[], &[ring()], &[]).unwrap_err().contains(&Conflict::Ring { number: 7 }));
    }

    #[test]
    fn what_ended_is_closed_last_and_leaves_its_epoll_set() {
        let entries = vec![
            EpollEntry { descriptor: 6, events: 1, data: 6 },
            EpollEntry { descriptor: 12, events: 1, data: 12 },
        ];
        let set = |entries| descriptor(3, Kind::Epoll { entries });
        let old = [set(entries), descriptor(6, Kind::EventFd), descriptor(12, Kind::EventFd)];
        let merge = plan(&old, &[set(Vec::new())], &[6, 3]).unwrap();
        assert_eq!(merge.report().closed, [6], "the set has a partner");
        assert!(matches!(merge.steps[..], [Step::Register(Change { descriptor: 6, after: None, .. })]));
    }

    #[test]
    fn addresses_are_written_as_people_write_them() {
        assert_eq!(address(&[1, 0, b'/', b'x', 0, 0]), "/x");
        assert_eq!(address(&[1, 0, 0, b'x']), "@x");
        let mut six = vec![10, 0, 0, 80];
        six.extend([0; 19]);
        six.extend([1, 0, 0, 0, 0]);
        assert_eq!(address(&six), "[::1]:80");
    }
}
