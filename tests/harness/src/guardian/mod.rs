//! A process that stands between a test and the server it starts, so that the server never outlives the test.
//!
//! ```text
//! test process --- control pipe ---> guardian (subreaper) ---> server (leads a session of its own) ---> workers ...
//! ```
//!
//! - The guardian is the test's own program, executed anew ([`take_over`]). It is a *child subreaper*
//!   (`PR_SET_CHILD_SUBREAPER`, prctl(2)): a server that daemonises, starts sessions or pid namespaces of its own or loses
//!   its parent is still below the guardian, so "the server's processes" is exactly "the guardian's descendants".
//! - When the test's end of the pipe closes (it dropped the server, exited or was killed by SIGKILL), the guardian
//!   kills all its descendants, again and again until none is left, reaps them, and ends.
//! - Being the parent, it alone signals: a process it has not reaped keeps its number, so a signal never hits a
//!   stranger.
//! - It reports what the whole tree used, by `getrusage(RUSAGE_CHILDREN)` after all were reaped.
//!
//! Not done with `PR_SET_PDEATHSIG` in the server: that fires when the *thread* that made the child ends, is lost when
//! daemons fork or credentials change, and never reaches workers. Not done with a pid namespace: the tests are about
//! processes as an operator sees them. The guardian itself leads a session, so a terminal's ^C reaches the test, and
//! through the pipe the guardian, in that order. Nobody guards the guardian: killed by SIGKILL, it leaves its server.

mod handle;
mod inside;

pub(crate) use handle::Guardian;
pub use inside::take_over;

use crate::launch::Credentials;
use crate::process::Process;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The only argument of a guardian. No test name starts with dashes, so no test run is mistaken for one.
const MARK: &str = "--mcrx-guardian";

/// What to run, as the test tells the guardian.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// The whole environment: nothing is inherited.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) directory: PathBuf,
    /// Gets standard output and standard error.
    pub(crate) log: PathBuf,
    pub(crate) credentials: Option<Credentials>,
    /// Removed with all in it if the test dies without an [`Request::End`].
    pub(crate) scratch: PathBuf,
}

/// One line from the test to the guardian; each gets one [`Reply`].
#[derive(Debug, Serialize, Deserialize)]
enum Request {
    Start(Order),
    /// Has the process that was started ended?
    Status,
    /// To one process of the tree.
    Signal {
        pid: i32,
        signal: i32,
    },
    /// Kill what is left, and go.
    End,
}

/// One line from the guardian to the test.
#[derive(Debug, Serialize, Deserialize)]
enum Reply {
    Started { pid: i32 },
    Status { exit: Option<Exit> },
    Signalled,
    Ended(Ended),
    Failed { message: String },
}

/// How the tree ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) exit: Option<Exit>,
    /// Still ran when the end was asked for, and had to be killed.
    pub(crate) killed: Vec<Process>,
    /// Would not die.
    pub(crate) left: Vec<Process>,
    /// From the start of the started process to its end.
    pub(crate) wall: Option<Duration>,
    pub(crate) usage: Usage,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl fmt::Display for Exit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(out, "exit code {code}"),
            Exit::Signal(signal) => match nix::sys::signal::Signal::try_from(*signal) {
                Ok(signal) => write!(out, "{signal}"),
                Err(_) => write!(out, "signal {signal}"),
            },
        }
    }
}

/// What a process tree used from its start to its end (getrusage(2)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Time on a processor in user mode, all processes together.
    pub user: Duration,
    /// Time on a processor in the kernel, all processes together.
    pub system: Duration,
    /// The largest resident set that any one of the processes had, in bytes. Not a sum: the kernel keeps none.
    pub peak_rss: u64,
}

impl Usage {
    /// User and system time together.
    pub fn cpu(&self) -> Duration {
        self.user + self.system
    }
}
