//! Why processes could not be held.

use nix::errno::Errno;
use nix::unistd::Pid;

/// Nothing is held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    /// The process that was named, not one below it: those are left out when they end.
    #[error("process {0} has ended")]
    Gone(Pid),
    /// Only one can trace a process.
    #[error("process {process} is traced by process {tracer}, as by a debugger: let that end first")]
    Traced {
        /// Which cannot be held.
        process: Pid,
        /// The other: its number and name.
        tracer: String,
    },
    /// By the rules of ptrace(2).
    #[error("not permitted to hold process {process}: run this as its user or as root{}", yama(*.restricted))]
    NotPermitted {
        /// Which cannot be held.
        process: Pid,
        /// Yama may be what forbids it: its user is not enough then.
        restricted: bool,
    },
    /// It was let go again.
    #[error("thread {thread} of process {process} (state {state}) does not stop")]
    TooSlow {
        /// Which was to be held.
        process: Pid,
        /// Which of its threads.
        thread: Pid,
        /// The kernel's letter for what that one is doing, see proc(5).
        state: char,
    },
    /// We cannot go on working while we stand still.
    #[error("a process cannot hold itself")]
    Ourselves,
    /// What else ptrace(2) may say.
    #[error("ptrace of process {process}: {errno}")]
    Other {
        /// Which cannot be held.
        process: Pid,
        /// What it said.
        errno: Errno,
    },
}

fn yama(restricted: bool) -> &'static str {
    if restricted { " (as its user it takes kernel.yama.ptrace_scope = 0, too; see ptrace(2))" } else { "" }
}

/// Whether Yama lets a user's processes trace only their own descendants, or nobody anything.
pub(super) fn is_restricted() -> bool {
    let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    !matches!(scope.trim(), "" | "0")
}
