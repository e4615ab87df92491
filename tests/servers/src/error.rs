//! What stops the whole of a request. That one server cannot be had is no error but an
//! [`Unavailable`](crate::Unavailable).

use std::path::{Path, PathBuf};

/// A request that could not be carried out at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such server, or no such release of it.
    #[error("no server is called `{asked}`; there are: {known}")]
    UnknownServer {
        /// What was asked for, as typed.
        asked: String,
        /// Every `name@version` there is a recipe for.
        known: String,
    },
    /// The user's cache directory is not to be found.
    #[error("no place for a cache: set HOME, XDG_CACHE_HOME or MCRX_CACHE")]
    NoCache,
    /// A file of ours could not be read or written.
    #[error("cannot {doing} {}: {cause}", path.display())]
    File {
        /// A verb: `read`, `write`, `create`.
        doing: &'static str,
        /// Which file or directory.
        path: PathBuf,
        /// What the system said; part of the message, hence no source to be told again.
        cause: std::io::Error,
    },
    /// A list under `target/servers` is not one that we wrote.
    #[error("{} is not a list of servers ({cause}): delete it and run `cargo xtask servers`", path.display())]
    Manifest {
        /// The list.
        path: PathBuf,
        /// Where it stops making sense.
        cause: serde_json::Error,
    },
}

impl Error {
    /// For `map_err`: what was being done to which file.
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::File { doing, path, cause }
    }
}

/// Why one server is not built. The two kinds are told apart because only the second is anybody's fault here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Its source is out of reach from this machine.
    #[error("{0}")]
    Unreachable(String),
    /// A package is missing, a step failed, or what was built is not fit to test on.
    #[error("{0}")]
    Broken(String),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Broken(error.to_string())
    }
}
