//! What is asked of the process that looks after a server, over a socket in the server's folder.
//!
//! A Unix stream socket, 0600, in a folder that only its owner can enter; whoever connects must be that user or root, as the kernel says
//! (SO_PEERCRED, unix(7)). One JSON object a line in, one a line out:
//!
//! ```text
//! > {"request": "status"}
//! < {"pid": 4711, "state": "serving", ...}                          Status
//! > {"request": "metrics"}
//! < {"text": "# HELP mcrx_server_info ..."}                         Prometheus's text format
//! > {"request": "update", "program": "/usr/sbin/nginx"}             it is under way for as long as the connection is open
//! < {}
//! > {"request": "hello"}
//! < {"error": "..."}
//! ```
//!
//! Where systemd has started it as a service, systemd is told the same ([`Notifier`]).
//!
//! What it does not do: update a server. Who does tells it here.

mod ask;
mod listen;
mod metrics;
mod notify;
mod request;
mod status;

pub use ask::{Announcement, AskError, announce, status};
pub use listen::{ListenError, Listener, Respond};
pub use metrics::prometheus;
pub use notify::{NOTIFY, Notifier, OF_SERVICES};
pub use request::{MOST, Request, RequestError, Requests};
pub use status::{ProcessStatus, ServiceStatus, State, Status, UndoStatus};

/// The socket's name in a server's folder.
const SOCKET: &str = "control.sock";

/// A path to it that is short enough for an address, however long the folder's is (108 bytes, unix(7)), for as long as the folder is open.
fn address(folder: &std::fs::File) -> std::path::PathBuf {
    use std::os::fd::AsRawFd as _;
    std::path::PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()))
}

#[cfg(test)]
mod tests;
