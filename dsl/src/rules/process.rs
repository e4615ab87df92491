//! How the update goes about the server's processes.

use super::{Milliseconds, Path, Symbol};
use crate::source::At;

/// A statement about processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Process {
    /// `quiesce at ngx_process_events_and_timers in "worker process" within 2s`: where its threads wait when they have nothing to do.
    Quiesce {
        /// The function.
        at: At<Symbol>,
        /// Of processes with this in their title.
        title: Option<At<String>>,
        /// For so long.
        within: Option<At<Milliseconds>>,
    },
    /// What is done with processes that are somewhere.
    Role(Role),
}

/// Processes that are in a function, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// What it is called.
    pub name: At<String>,
    /// The function.
    pub frame: At<Symbol>,
    /// The system call in which they wait.
    pub blocked_in: Option<At<String>>,
    /// What becomes of them.
    pub items: Vec<At<RoleItem>>,
}

/// What becomes of a process of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleItem {
    /// `image "sshd-session"`: its program in the new release.
    Image(At<String>),
    /// `bind ssh = frame.ssh@entry`: values that are taken from the stack.
    Bind(Vec<(At<String>, At<Variable>)>),
    /// `enter server_loop2(ssh, authctxt) then exit(0)`: where it begins.
    Enter {
        /// The function.
        function: At<Symbol>,
        /// Names that were bound.
        arguments: Vec<At<String>>,
        /// What it ends with when the function returns.
        exit: Option<At<u64>>,
    },
    /// `mute write to inherited, fcntl(F_SETOWN | F_SETFL)`: calls that have no effect until it waits where the old one waited.
    Mute(Vec<At<Mute>>),
    /// `opaque ssh.state : export ssh_packet_get_state, import ssh_packet_set_state`: state that the program's own functions carry over.
    Opaque {
        /// What.
        path: At<Path>,
        /// The old release's function.
        export: At<Symbol>,
        /// The new release's function.
        import: At<Symbol>,
    },
    /// `wait for session within 30s`: until another role has been dealt with.
    Wait {
        /// The role.
        role: At<String>,
        /// For so long.
        within: At<Milliseconds>,
    },
}

/// A variable of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The function; `None`: `frame`, the role's own.
    pub function: Option<At<Symbol>>,
    /// The variable.
    pub name: At<String>,
    /// `@entry`: the value that it had when the function was called.
    pub at_entry: bool,
}

/// A system call that has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mute {
    /// `write to inherited`: to a descriptor that the process had.
    WriteToInherited,
    /// `fcntl(F_SETOWN | F_SETFL)`: with one of these commands; none: always.
    Call {
        /// Its name.
        name: At<String>,
        /// Its commands.
        commands: Vec<At<String>>,
    },
}
