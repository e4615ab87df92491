//! What the starter of a shadow tells its init, once, and what that one tells, as it happens.
//!
//! The order is a file in memory that the init inherits. Its words come one a message (`SOCK_SEQPACKET`), as JSON.

use super::numbers::{Assignment, Path};
use crate::birth::{Birth, Text};
use crate::randomness::Draw;
use serde::{Deserialize, Serialize};

/// Everything that the init has to know.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// What is to be started.
    pub(super) birth: Birth,
    /// Which number each process is to get that the new release makes.
    pub(super) assignments: Vec<Assignment>,
    /// Numbers that nobody else may get.
    pub(super) reserved: Vec<i32>,
    /// Descriptors that are in use when the program begins.
    pub(super) taken: Vec<i32>,
    /// Files that are only appended to, and are too long to be copied for that.
    pub(super) logs: Vec<Text>,
    /// What the old release's start-up has drawn at random.
    pub(super) draws: Vec<Draw>,
    /// Settings of the network, by their paths below `/proc/sys/net`.
    pub(super) network: Vec<(String, String)>,
}

/// What the init says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    /// Nothing was started.
    Failed {
        /// What could not be done.
        step: String,
        /// What the kernel said: an error's number.
        errno: i32,
    },
    /// The program runs. Its number in the shadow.
    Started(i32),
    /// A process was made by the program.
    Forked {
        /// Who made it, and the how many-th that was.
        path: Path,
        /// Its number in the shadow.
        pid: i32,
    },
    /// A child of the init has ended: the first process, or one that was left by its parent.
    Ended {
        /// Its number in the shadow.
        pid: i32,
        /// How.
        status: Status,
    },
    /// Nobody is left.
    Nobody,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// By itself.
    Exited(i32),
    /// By a signal.
    Killed(i32),
}

impl std::fmt::Display for Status {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Status::Exited(code) => write!(out, "it ended with exit code {code}"),
            Status::Killed(signal) => match nix::sys::signal::Signal::try_from(*signal) {
                Ok(signal) => write!(out, "it was ended by {signal}"),
                Err(_) => write!(out, "it was ended by signal {signal}"),
            },
        }
    }
}
