//! What is kept of each server that runs under `mcrx run`: who it is, and how its memory was when its start-up was done.
//!
//! A folder for each, named by the process that looks after it, in one for all: `/run/mcrx` for root, `$XDG_RUNTIME_DIR/mcrx` for others,
//! else `/tmp/mcrx-UID`. `MCRX_STATE` names another one. Only its owner can read it: memory may hold keys and passwords.
//!
//! ```text
//!  server.json   who it is: see Record
//!  birth.json    how it was started (crate::birth)
//!  start.snap    its memory when its start-up was done: the baseline of its next update
//!  start.json    the descriptors that it had then, and what they named
//!  random.json   the random bytes that its start-up has drawn (crate::randomness)
//!  lineage.json  what updates so far have carried over
//!  undo.json     what it takes to undo the last one (crate::undo)
//!  history.json  what was tried, and what came of it: see History
//!  lock          held by who updates it
//!  control.sock  where the process that looks after it is asked (crate::control)
//! ```
//!
//! Each file is written beside its place and then renamed: a reader sees the old one or the new one.
//!
//! What it does not do: start, look at or stop a process.

mod history;
mod record;

pub use history::{Attempt, Counts, History, Kind, Outcome};
pub use record::{Record, seconds};

use crate::descriptors::StartUp;
use crate::process::tree;
use crate::randomness::{self, Draws};
use crate::undo::Undo;
use crate::update::Lineage;
use mcrx_tracer::image::Image;
use mcrx_tracer::snapshot::{self, Options};
use nix::libc::O_CLOEXEC;
use nix::unistd::{Pid, geteuid};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Names a folder for all servers.
pub const STATE: &str = "MCRX_STATE";
const RECORD: &str = "server.json";
const BIRTH: &str = "birth.json";
const START: &str = "start.snap";
const DESCRIPTORS: &str = "start.json";
const LINEAGE: &str = "lineage.json";
const RANDOM: &str = "random.json";
const UNDO: &str = "undo.json";
const HISTORY: &str = "history.json";
const LOCK: &str = "lock";

/// A server's folder.
#[derive(Debug, Clone)]
pub struct Managed {
    folder: PathBuf,
}

/// Why nothing is known of a server.
#[derive(Debug, thiserror::Error)]
pub enum ManagedError {
    /// It was started otherwise.
    #[error("process {0} was not started by `mcrx run`: only servers that were can be updated")]
    NotManaged(Pid),
    /// What others have started only they see.
    #[error("process {pid} belongs to the user {user}: run this as that user")]
    Foreign {
        /// The process.
        pid: Pid,
        /// Whose it is.
        user: u32,
    },
    /// There is nobody of that number.
    #[error("there is no process {0}")]
    NoProcess(Pid),
    /// What is kept is of somebody who is gone.
    #[error(
        "the server of `mcrx run` {service} has ended; what was kept of it is left over: rm -r {}", folder.display()
    )]
    Stale {
        /// The process that looked after it.
        service: i32,
        /// What is left.
        folder: PathBuf,
    },
    /// Two at once would undo each other's work.
    #[error("the server is being updated by another command: try again when that is done")]
    Busy,
    /// Its start-up is not done, or was never seen to be.
    #[error(
        "the server's start-up is not done yet: `mcrx run` takes note of its memory when all of its threads wait"
    )]
    NotStarted,
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder is somebody else's, or others can write to it.
    #[error("{} belongs to somebody else, or others may write to it: remove it, or name another one with MCRX_STATE", .0.display())]
    NotOurs(PathBuf),
    /// A snapshot that cannot be read.
    #[error("{}: {message}", path.display())]
    Snapshot {
        /// Which.
        path: PathBuf,
        /// Why.
        message: String,
    },
}

impl Managed {
    /// The folder of all servers of this user.
    #[must_use]
    pub fn home() -> PathBuf {
        let named = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let user = geteuid();
        match (named(STATE), named("XDG_RUNTIME_DIR")) {
            (Some(state), _) => state,
            (None, _) if user.is_root() => PathBuf::from("/run/mcrx"),
            (None, Some(runtime)) => runtime.join("mcrx"),
            (None, None) => std::env::temp_dir().join(format!("mcrx-{user}")),
        }
    }

    /// A folder for a server that this process looks after.
    ///
    /// # Errors
    /// See [`ManagedError`].
    pub fn create(service: Pid) -> Result<Managed, ManagedError> {
        let home = Managed::home();
        let folder = home.join(service.to_string());
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&home).map_err(file(&home))?;
        is_ours(&home)?;
        // The number may have been that of a service that is gone. Who was killed has not tidied up.
        let _ = fs::remove_dir_all(&folder);
        forget_left_over(&home);
        builder.create(&folder).map_err(file(&folder))?;
        Ok(Managed { folder })
    }

    /// That of the server which a process belongs to, or which it looks after.
    ///
    /// # Errors
    /// See [`ManagedError`].
    pub fn find(pid: Pid) -> Result<(Managed, Record), ManagedError> {
        let kept = Managed::kept()?;
        let named = |record: &Record| [record.service, record.root].contains(&pid.as_raw());
        let belongs = |record: &Record| named(record) || tree::with_descendants(record.root()).contains(&pid);
        if let Some(found) = kept.iter().find(|(_, record)| record.is_alive() && belongs(record)) {
            return Ok(found.clone());
        }
        if let Some((managed, record)) = kept.iter().find(|(_, record)| named(record)) {
            return Err(ManagedError::Stale { service: record.service, folder: managed.folder.clone() });
        }
        let user = fs::metadata(format!("/proc/{pid}")).map(|process| process.uid());
        Err(match user {
            Err(_) => ManagedError::NoProcess(pid),
            Ok(user) if !geteuid().is_root() && user != geteuid().as_raw() => {
                ManagedError::Foreign { pid, user }
            }
            Ok(_) => ManagedError::NotManaged(pid),
        })
    }

    /// All that are kept, of servers that still run.
    ///
    /// # Errors
    /// See [`ManagedError`].
    pub fn all() -> Result<Vec<(Managed, Record)>, ManagedError> {
        let mut all = Managed::kept()?;
        all.retain(|(_, record)| record.is_alive());
        Ok(all)
    }

    /// All that are kept, by the processes that look after them.
    fn kept() -> Result<Vec<(Managed, Record)>, ManagedError> {
        let home = Managed::home();
        let entries = match fs::read_dir(&home) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(file(&home)(error)),
        };
        is_ours(&home)?;
        let folders = entries.flatten().map(|entry| Managed { folder: entry.path() });
        let mut all: Vec<_> = folders
            .filter_map(|managed| {
                let record = managed.record().ok()?;
                Some((managed, record))
            })
            .collect();
        all.sort_by_key(|(_, record)| record.service);
        Ok(all)
    }

    /// Whether the server has not been forgotten yet.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.folder.exists()
    }

    /// Whether its start-up is done, and was taken note of.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.folder.join(START).exists()
    }

    /// Where the birth record is.
    #[must_use]
    pub fn birth(&self) -> PathBuf {
        self.folder.join(BIRTH)
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// For whoever updates it: nobody else does until this is dropped, or its owner has ended.
    ///
    /// # Errors
    /// [`ManagedError::Busy`], or there can be no lock.
    pub fn lock(&self) -> Result<Lock, ManagedError> {
        let path = self.folder.join(LOCK);
        let lock = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.map_err(file(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Lock(lock)),
            Err(TryLockError::WouldBlock) => Err(ManagedError::Busy),
            Err(TryLockError::Error(error)) => Err(file(&path)(error)),
        }
    }

    /// Who it is.
    ///
    /// # Errors
    /// There is no record, or one of another version.
    pub fn record(&self) -> Result<Record, ManagedError> {
        let path = self.folder.join(RECORD);
        let record: Option<Record> = self.get(RECORD)?;
        let record = record.ok_or_else(|| file(&path)(io::ErrorKind::NotFound.into()))?;
        self.of_version(RECORD, &record.schema, record::SCHEMA)?;
        Ok(record)
    }

    /// Writes down who it is.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(&self, record: &Record) -> Result<(), ManagedError> {
        self.put(RECORD, record)
    }

    /// Its memory when its start-up was done.
    ///
    /// # Errors
    /// There is none yet, or it cannot be read.
    pub fn start(&self) -> Result<Image, ManagedError> {
        let path = self.folder.join(START);
        if !path.exists() {
            return Err(ManagedError::NotStarted);
        }
        snapshot::open(&path).map_err(|error| ManagedError::Snapshot { path, message: error.to_string() })
    }

    /// The descriptors that its start-up had made by its end.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn start_descriptors(&self) -> Result<StartUp, ManagedError> {
        self.get(DESCRIPTORS)?.ok_or(ManagedError::NotStarted)
    }

    /// Writes down its memory, and which descriptors it has, as they are when its start-up is done.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn keep_start(&self, image: &Image, descriptors: &StartUp) -> Result<(), ManagedError> {
        self.put(DESCRIPTORS, descriptors)?;
        let path = self.folder.join(START);
        snapshot::save(image, &Options { redact: false, progress: None }, &path)
            .map(drop)
            .map_err(|error| ManagedError::Snapshot { path, message: error.to_string() })
    }

    /// The random bytes that its start-up has drawn.
    ///
    /// # Errors
    /// They cannot be read, or another mcrx wrote them.
    pub fn draws(&self) -> Result<Draws, ManagedError> {
        let Some(draws) = self.get::<Draws>(RANDOM)? else {
            return Ok(Draws::none("they were not recorded"));
        };
        self.of_version(RANDOM, draws.schema(), randomness::SCHEMA)?;
        Ok(draws)
    }

    /// Writes them down.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn keep_draws(&self, draws: &Draws) -> Result<(), ManagedError> {
        self.put(RANDOM, draws)
    }

    /// What updates so far have carried over; nothing before the first.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn lineage(&self) -> Result<Lineage, ManagedError> {
        Ok(self.get(LINEAGE)?.unwrap_or_default())
    }

    /// Writes that down.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_lineage(&self, lineage: &Lineage) -> Result<(), ManagedError> {
        self.put(LINEAGE, lineage)
    }

    /// What it takes to undo the last update; nothing before the first.
    ///
    /// # Errors
    /// It cannot be read, or another mcrx wrote it.
    pub fn undo(&self) -> Result<Option<Undo>, ManagedError> {
        let undo: Option<Undo> = self.get(UNDO)?;
        if let Some(undo) = &undo {
            self.of_version(UNDO, undo.schema(), Undo::SCHEMA)?;
        }
        Ok(undo)
    }

    /// Writes that down.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_undo(&self, undo: &Undo) -> Result<(), ManagedError> {
        self.put(UNDO, undo)
    }

    /// What was tried so far.
    ///
    /// # Errors
    /// It cannot be read, or another mcrx wrote it.
    pub fn history(&self) -> Result<History, ManagedError> {
        let history: History = self.get(HISTORY)?.unwrap_or_default();
        self.of_version(HISTORY, &history.schema, history::SCHEMA)?;
        Ok(history)
    }

    /// Writes down that something was tried.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn add_attempt(&self, attempt: Attempt) -> Result<(), ManagedError> {
        let mut history = self.history()?;
        history.add(attempt);
        self.put(HISTORY, &history)
    }

    /// Reads a file of JSON, if it is there.
    fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ManagedError> {
        let path = self.folder.join(name);
        match fs::read(&path) {
            Ok(text) => {
                let read = serde_json::from_slice(&text);
                read.map(Some).map_err(|error| file(&path)(io::Error::other(error)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file(&path)(error)),
        }
    }

    fn of_version(&self, name: &str, found: &str, wanted: &str) -> Result<(), ManagedError> {
        if found == wanted {
            return Ok(());
        }
        let message = format!("{found} is not {wanted}: another mcrx wrote it");
        Err(file(&self.folder.join(name))(io::Error::other(message)))
    }

    /// Writes a file of JSON whole, or leaves what was there.
    fn put(&self, name: &str, what: &impl Serialize) -> Result<(), ManagedError> {
        let (path, beside) = (self.folder.join(name), self.folder.join(format!("{name}.new")));
        let text = serde_json::to_vec_pretty(what).map_err(|error| file(&path)(io::Error::other(error)))?;
        // What is there is of a writer who was killed.
        let _ = fs::remove_file(&beside);
        let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside);
        written.and_then(|mut written| written.write_all(&text)).map_err(file(&beside))?;
        fs::rename(&beside, &path).map_err(file(&path))
    }

    /// Forgets the server. What cannot be removed stays: it is looked at no more.
    pub fn forget(&self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The right to update a server.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "it is what is held")] File);

/// Removes what services left that were killed, once their servers have ended too.
fn forget_left_over(home: &Path) {
    let folders = fs::read_dir(home).into_iter().flatten().flatten();
    for managed in folders.map(|entry| Managed { folder: entry.path() }) {
        let is_gone =
            |record: Record| !record.is_alive() && !Path::new(&format!("/proc/{}", record.service)).exists();
        if managed.record().is_ok_and(is_gone) {
            managed.forget();
        }
    }
}

/// The numbers of the descriptors that a program gets which this process executes now, but for standard input and output.
#[must_use]
pub fn inherited() -> Vec<i32> {
    // Octal, as open(2) has them: O_CLOEXEC stands for the descriptor's own flag here (proc_pid_fdinfo(5)).
    let flags = |number: i32| {
        let text = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
        i32::from_str_radix(line.trim(), 8).ok()
    };
    let stays = |number: &i32| *number > 2 && flags(*number).is_some_and(|flags| flags & O_CLOEXEC == 0);
    StartUp::default().later([Pid::this()]).into_iter().filter(stays).collect()
}

fn file(path: &Path) -> impl Fn(io::Error) -> ManagedError {
    move |source| ManagedError::File { path: path.to_owned(), source }
}

/// Nobody else may put something there.
fn is_ours(folder: &Path) -> Result<(), ManagedError> {
    let metadata = fs::metadata(folder).map_err(file(folder))?;
    let is_ours = metadata.uid() == geteuid().as_raw() && metadata.mode() & 0o022 == 0;
    if is_ours { Ok(()) } else { Err(ManagedError::NotOurs(folder.to_owned())) }
}
