//! How a server was started: all that it takes to start its next release in the same way.
//!
//! Whoever starts the server writes this down beside it, before the server can change any of it: a process may overwrite its arguments,
//! leave its directory and give up its rights. It is a file of JSON, its owner's only, since an environment may hold passwords.
//!
//! What it does not have: descriptors that the server inherits, its control group, its session. Those stay with the process.

mod text;

pub use text::Text;

use crate::process::read_text;
use mcrx_debuginfo::file::Binary;
use nix::unistd::{self, Pid};
use rustix::process::{Resource, Rlimit, getrlimit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The version of the format. A file of another one is not read.
pub const VERSION: u32 = 1;

/// What is written down of a server's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Birth {
    /// [`VERSION`].
    pub version: u32,
    /// The program's file, absolute.
    pub executable: Text,
    /// The file's build-id in hex; nothing if the linker wrote none.
    pub build_id: Option<String>,
    /// The arguments, the program's own name first.
    pub arguments: Vec<Text>,
    /// `NAME=VALUE`, in order.
    pub environment: Vec<Text>,
    /// The working directory.
    pub directory: Text,
    /// Which permissions new files do not get.
    pub umask: u32,
    /// By the kernel's names in small letters: soft and hard limit, nothing for none (getrlimit(2)).
    pub limits: BTreeMap<String, [Option<u64>; 2]>,
    /// Real, effective and saved user.
    pub users: [u32; 3],
    /// Real, effective and saved group.
    pub groups: [u32; 3],
    /// All other groups.
    pub other_groups: Vec<u32>,
    /// From -20 to 19.
    pub nice: i32,
    /// Signals that were ignored from the start (nohup(1) does so to SIGHUP).
    pub ignored_signals: Vec<i32>,
    /// Who became of it, once it was started.
    pub started: Option<Started>,
}

/// A process, told from all others that ever had its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Its number as whoever started it sees it.
    pub pid: i32,
    /// When it was made: clock ticks since the machine's start (field 22 of proc_pid_stat(5)).
    pub at: u64,
    /// The machine's start (`/proc/sys/kernel/random/boot_id`).
    pub boot: String,
}

/// Why there is no record.
#[derive(Debug, thiserror::Error)]
pub enum BirthError {
    /// The server was not started by who keeps records.
    #[error("there is no record of the server's start at {0}: it has to be started by `mcrx run`")]
    Missing(PathBuf),
    /// The file system has its say.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// It is not what we wrote.
    #[error("{path} is no record of a server's start: {source}; start the server anew by `mcrx run`")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where it ceases to be one.
        source: serde_json::Error,
    },
    /// Another release of mcrx wrote it.
    #[error(
        "{path} is of version {found}, and this mcrx reads version {VERSION}: update the server by the release that started it"
    )]
    Version {
        /// Which file.
        path: PathBuf,
        /// What it says.
        found: u64,
    },
    /// What the kernel should say of the process is not to be had.
    #[error("process {process}: {source}")]
    Process {
        /// Which.
        process: Pid,
        /// What it said instead.
        source: io::Error,
    },
}

impl Birth {
    /// Of a program that this process starts now, as its child or in its place, with everything else as this process has it.
    ///
    /// # Errors
    /// [`BirthError::File`]: the executable is not there; [`BirthError::Process`]: there is no working directory any more.
    pub fn from_here(
        executable: &Path,
        arguments: impl IntoIterator<Item = OsString>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Birth, BirthError> {
        let own = |source| BirthError::Process { process: Pid::this(), source };
        let file = |source| BirthError::File { path: executable.to_owned(), source };
        let path = executable.canonicalize().map_err(file)?;
        let build_id = build_id(&path);
        let users = unistd::getresuid().map_err(|errno| own(errno.into()))?;
        let groups = unistd::getresgid().map_err(|errno| own(errno.into()))?;
        let other = unistd::getgroups().map_err(|errno| own(errno.into()))?;
        let status = read_text("/proc/thread-self/status").map_err(own)?;
        Ok(Birth {
            version: VERSION,
            executable: path.into(),
            build_id,
            arguments: arguments.into_iter().map(Text::from).collect(),
            environment: environment.into_iter().map(variable).collect(),
            directory: std::env::current_dir().map_err(own)?.into(),
            umask: field(&status, "Umask")
                .and_then(|text| u32::from_str_radix(text, 8).ok())
                .unwrap_or(0o022),
            limits: LIMITS
                .iter()
                .map(|(name, limit)| ((*name).to_owned(), pair(getrlimit(*limit))))
                .collect(),
            users: [users.real, users.effective, users.saved].map(unistd::Uid::as_raw),
            groups: [groups.real, groups.effective, groups.saved].map(unistd::Gid::as_raw),
            other_groups: other.into_iter().map(unistd::Gid::as_raw).collect(),
            nice: rustix::process::getpriority_process(None).unwrap_or(0),
            ignored_signals: ignored(&status),
            started: None,
        })
    }

    /// Notes which process was started.
    ///
    /// # Errors
    /// [`BirthError::Process`]: it has ended.
    pub fn set_started(&mut self, process: Pid) -> Result<(), BirthError> {
        self.started = Some(Started::of(process)?);
        Ok(())
    }

    /// Writes it to a file of this path: all of it, or nothing.
    ///
    /// # Errors
    /// [`BirthError::File`].
    pub fn write(&self, path: &Path) -> Result<(), BirthError> {
        let attempt = || {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            let draft = folder.join(format!(".birth-{}", Pid::this()));
            // What is there is of one with our number who was killed.
            let _ = fs::remove_file(&draft);
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
            let written = serde_json::to_writer_pretty(&mut file, self)
                .map_err(io::Error::from)
                .and_then(|()| file.write_all(b"\n"))
                .and_then(|()| file.sync_all())
                .and_then(|()| fs::rename(&draft, path));
            if written.is_err() {
                let _ = fs::remove_file(&draft);
            }
            written
        };
        attempt().map_err(|source| BirthError::File { path: path.to_owned(), source })
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`BirthError`].
    pub fn read(path: &Path) -> Result<Birth, BirthError> {
        let bytes = fs::read(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => BirthError::Missing(path.to_owned()),
            _ => BirthError::File { path: path.to_owned(), source },
        })?;
        let damaged = |source| BirthError::Damaged { path: path.to_owned(), source };
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(damaged)?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(found) if found != u64::from(VERSION) => {
                Err(BirthError::Version { path: path.to_owned(), found })
            }
            _ => serde_json::from_value(value).map_err(damaged),
        }
    }

    /// The record of the next release, to be started as this one was: only the program is another.
    ///
    /// # Errors
    /// [`BirthError::File`]: it is not there.
    pub fn of_release(&self, executable: &Path) -> Result<Birth, BirthError> {
        let file = |source| BirthError::File { path: executable.to_owned(), source };
        let path = executable.canonicalize().map_err(file)?;
        Ok(Birth { build_id: build_id(&path), executable: path.into(), started: None, ..self.clone() })
    }

    /// The value of a variable of the environment.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        let mut entries = self.environment.iter().map(Text::as_bytes);
        let value = entries.find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
        value.map(OsStr::from_bytes)
    }

    /// Sets a variable of the environment.
    pub fn set_variable(&mut self, name: &str, value: impl Into<OsString>) {
        self.remove_variable(name);
        self.environment.push(variable((name.into(), value.into())));
    }

    /// Removes a variable of the environment.
    pub fn remove_variable(&mut self, name: &str) {
        self.environment.retain(|entry| entry.as_bytes().strip_prefix(name.as_bytes()).is_none_or(not_value));
    }
}

impl Started {
    /// Of a process that has not been reaped.
    ///
    /// # Errors
    /// [`BirthError::Process`]: it has ended.
    pub fn of(process: Pid) -> Result<Started, BirthError> {
        let unreadable = |source| BirthError::Process { process, source };
        let stat = read_text(format!("/proc/{process}/stat")).map_err(unreadable)?;
        // The name before it may hold blanks and brackets; field 22 is the 20th behind it.
        let at = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(19)?.parse().ok());
        let at = at.ok_or_else(|| unreadable(io::ErrorKind::InvalidData.into()))?;
        let boot = read_text("/proc/sys/kernel/random/boot_id").map_err(unreadable)?;
        Ok(Started { pid: process.as_raw(), at, boot: boot.trim().to_owned() })
    }

    /// Whether it is still there.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Started::of(Pid::from_raw(self.pid)).is_ok_and(|now| now == *self)
    }
}

/// Nothing for a file that cannot be read as a program: whoever uses it says so in better words.
pub(crate) fn build_id(path: &Path) -> Option<String> {
    Binary::open(path).ok()?.build_id().map(ToString::to_string)
}

fn variable((name, value): (OsString, OsString)) -> Text {
    let mut entry = name;
    entry.push("=");
    entry.push(value);
    entry.into()
}

/// Whether what stands behind a name shows that the name goes on.
fn not_value(rest: &[u8]) -> bool {
    !rest.starts_with(b"=")
}

fn field<'t>(status: &'t str, name: &str) -> Option<&'t str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// SIGPIPE is left out: programs written in Rust ignore it, and what they start does not.
fn ignored(status: &str) -> Vec<i32> {
    let set = field(status, "SigIgn").and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or(0);
    (1..=64).filter(|signal| set & (1 << (signal - 1)) != 0 && *signal != nix::libc::SIGPIPE).collect()
}

fn pair(limit: Rlimit) -> [Option<u64>; 2] {
    [limit.current, limit.maximum]
}

/// All that a process can be limited in.
pub(crate) const LIMITS: [(&str, Resource); 16] = [
    ("as", Resource::As),
    ("core", Resource::Core),
    ("cpu", Resource::Cpu),
    ("data", Resource::Data),
    ("fsize", Resource::Fsize),
    ("locks", Resource::Locks),
    ("memlock", Resource::Memlock),
    ("msgqueue", Resource::Msgqueue),
    ("nice", Resource::Nice),
    ("nofile", Resource::Nofile),
    ("nproc", Resource::Nproc),
    ("rss", Resource::Rss),
    ("rtprio", Resource::Rtprio),
    ("rttime", Resource::Rttime),
    ("sigpending", Resource::Sigpending),
    ("stack", Resource::Stack),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt as _;
    use std::os::unix::fs::PermissionsExt as _;

    fn birth() -> Birth {
        let odd = OsString::from_vec(vec![b'-', 0xFF]);
        let variables = [("PATH", "/bin"), ("PATHS", "x"), ("LD_PRELOAD", "/lib/a.so")];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        Birth::from_here(Path::new("/proc/self/exe"), ["server".into(), odd], variables).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again_and_is_its_owners_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("birth.json");
        let mut birth = birth();
        birth.set_started(Pid::this()).unwrap();
        birth.write(&path).unwrap();
        birth.write(&path).unwrap();
        assert_eq!(Birth::read(&path).unwrap(), birth);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
        assert!(birth.started.unwrap().is_alive());
    }

    #[test]
    fn a_record_is_of_what_this_process_has() {
        let birth = birth();
        assert_eq!(birth.executable.as_path(), std::env::current_exe().unwrap().canonicalize().unwrap());
        assert_eq!(birth.build_id.as_ref().map(String::len), Some(40));
        assert_eq!(birth.arguments[1].as_bytes(), b"-\xFF");
        assert_eq!(birth.directory.as_path(), std::env::current_dir().unwrap());
        assert_eq!(birth.users[1], unistd::geteuid().as_raw());
        let shown = read_text("/proc/self/limits").unwrap();
        let files = shown.lines().find(|line| line.starts_with("Max open files")).unwrap();
        let soft = files.split_whitespace().nth(3).unwrap().parse().ok();
        assert_eq!(birth.limits["nofile"][0], soft);
    }

    #[test]
    fn a_variable_is_told_from_those_that_begin_alike() {
        let mut birth = birth();
        birth.set_variable("PATH", "/usr/bin");
        birth.remove_variable("LD_PRELOAD");
        let entries: Vec<&[u8]> = birth.environment.iter().map(Text::as_bytes).collect();
        assert_eq!(entries, [b"PATHS=x".as_slice(), b"PATH=/usr/bin"]);
        assert_eq!(birth.variable("PATH"), Some("/usr/bin".as_ref()));
        assert_eq!(birth.variable("PAT"), None);
    }

    #[test]
    fn what_is_no_record_is_told_by_what_is_wrong_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("birth.json");
        let error = || Birth::read(&path).unwrap_err().to_string();
        assert!(error().contains("mcrx run"), "{}", error());
        fs::write(&path, "{\"version\": 1, \"umask\": ").unwrap();
        assert!(error().contains("is no record"), "{}", error());
        fs::write(&path, "{\"version\": 7}").unwrap();
        assert!(error().contains("is of version 7"), "{}", error());
        fs::write(&path, "[1]").unwrap();
        assert!(error().contains("is no record"), "{}", error());
    }

    #[test]
    fn one_who_has_a_dead_processs_number_is_not_taken_for_it() {
        let mut started = Started::of(Pid::this()).unwrap();
        started.at -= 1;
        assert!(!started.is_alive());
    }
}
