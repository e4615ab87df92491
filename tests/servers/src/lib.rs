//! Real servers in adjacent releases, built once per machine and found again by every clone on it.
//!
//! Sources are Debian's, from whichever mirror the machine's own apt is configured for, and crates of the cargo
//! registry that carry a server's source. Each release is built with `-O2 -g` as Debian builds it, never stripped, into
//! a prefix of the user's cache whose name is a hash of everything that went into it: the recipe, the compiler, the
//! source archives. What a clone may use is listed in its `target/servers/manifest.json`.
//!
//! Tests call [`find`]; `cargo xtask servers` calls [`provide()`]. Nothing here starts a server.
//!
//! | module | knows |
//! |---|---|
//! | `recipe`, `recipes` | what to build and how, as data |
//! | `apt`, `source` | where sources come from, and that they are what their signed index says |
//! | `packages` | what must be installed to build |
//! | `build`, `inspect` | running a recipe; that what came out is worth testing on |
//! | `cache`, `manifest` | what is built on this machine; what this clone may use |

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

mod apt;
mod build;
mod cache;
mod command;
mod error;
mod inspect;
mod key;
mod manifest;
mod packages;
mod provide;
mod recipe;
mod recipes;
mod selection;
mod source;

pub use error::Error;
pub use provide::{Listed, Report, State, list, provide};

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

impl Server {
    /// The prefix the server is installed in: `path` is `<prefix>/sbin/nginx` or the like. What a server needs besides its
    /// program (`libexec/sshd-session`, `bin/ssh-keygen`, `conf/mime.types`) lies below it.
    #[must_use]
    pub fn prefix(&self) -> &Path {
        self.path.parent().and_then(Path::parent).unwrap_or(&self.path)
    }
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

/// Every server of this clone's manifest; none before the first `cargo xtask servers`.
///
/// # Errors
/// The manifest is there and cannot be read as one.
pub fn manifest() -> Result<Vec<Server>, Error> {
    manifest::Manifest::of_this_clone().servers()
}

/// One release of one server, for a test to run on.
///
/// # Errors
/// Why it is not there: never asked for, its source out of reach, its build failed, its program gone.
pub fn find(name: &str, version: &str) -> Result<Server, Unavailable> {
    manifest::Manifest::of_this_clone().find(name, version)
}
