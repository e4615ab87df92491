//! Real servers in adjacent releases, built once per machine and found again by every clone on it.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One built program, a row of `target/servers/manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// The program's name as its users say it: `nginx`, `memcached`, `redis`, `openssh`, `httpd-event`, `httpd-prefork`, `vsftpd`.
    pub name: String,
    /// Upstream version, for example `1.22.1`.
    pub version: String,
    /// The ELF build-id of `path`, in hex.
    pub build_id: String,
    /// The program, absolute.
    pub path: PathBuf,
}

/// Why a server that tests ask for is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailable {
    /// As in [`Server`].
    pub name: String,
    /// As in [`Server`].
    pub version: String,
    /// One sentence for a person: which source could not be had, or which step failed.
    pub reason: String,
}
