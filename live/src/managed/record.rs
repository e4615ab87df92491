//! Who a server is: the one file that everything else about it is found by.

use crate::birth::{Started, Text};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The version of a record.
pub(super) const SCHEMA: &str = "mcrx.server/1";

/// Who a server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `mcrx.server/1`
    pub(super) schema: String,
    /// The process that looks after it: `mcrx run`.
    pub service: i32,
    /// The server's first process, from which all others descend.
    pub root: i32,
    /// That process, told from all others that ever have its number.
    #[serde(default)]
    pub started: Option<Started>,
    /// What it runs now.
    pub executable: Text,
    /// That file's build-id in hex, as it is in memory. Nothing: it was linked without one.
    #[serde(default)]
    pub build_id: Option<String>,
    /// What the rules call the release that it runs. Nothing: no rules have named it yet.
    #[serde(default)]
    pub release: Option<String>,
    /// When it was started: seconds since 1970.
    #[serde(default)]
    pub since: u64,
}

impl Record {
    /// Of a server that was just started.
    #[must_use]
    pub fn new(service: Pid, root: Pid, executable: PathBuf, build_id: Option<String>) -> Record {
        Record {
            schema: SCHEMA.to_owned(),
            service: service.as_raw(),
            root: root.as_raw(),
            started: Started::of(root).ok(),
            executable: executable.into(),
            build_id,
            release: None,
            since: seconds(),
        }
    }

    /// Of the same server with this process as its first: the one before has ended, as those do that put themselves into the background.
    #[must_use]
    pub fn led_by(self, root: Pid) -> Record {
        Record { root: root.as_raw(), started: Started::of(root).ok(), ..self }
    }

    /// Of the same server with this release in the place of the one that it ran.
    #[must_use]
    pub fn updated(self, executable: &Path, build_id: Option<String>, release: Option<String>) -> Record {
        Record { executable: executable.to_owned().into(), build_id, release, ..self }
    }

    /// The server's first process.
    #[must_use]
    pub fn root(&self) -> Pid {
        Pid::from_raw(self.root)
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        match &self.started {
            Some(started) => started.is_alive(),
            None => Path::new(&format!("/proc/{}", self.root)).exists(),
        }
    }
}

/// Now, in seconds since 1970. A clock that stands before that is taken for none.
#[must_use]
pub fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_has_a_dead_servers_number_is_not_taken_for_it() {
        let record = Record::new(Pid::this(), Pid::this(), "/bin/server".into(), None);
        assert!(record.is_alive());
        let mut stale = record;
        if let Some(started) = &mut stale.started {
            started.at -= 1;
        }
        assert!(!stale.is_alive());
    }

    #[test]
    fn a_record_without_what_was_added_later_is_read() {
        let text =
            r#"{"schema": "mcrx.server/1", "service": 1, "root": 2, "executable": "/bin/a", "before": []}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        assert_eq!((record.root, record.build_id, record.since), (2, None, 0));
    }
}
