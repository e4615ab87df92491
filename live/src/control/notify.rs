//! What systemd is told of a service of `Type=notify`: lines in a datagram to the socket that `NOTIFY_SOCKET` names (sd_notify(3)).
//!
//! What it does not do: the watchdog, descriptors that systemd keeps.

use rustix::time::{ClockId, clock_gettime};
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Where it listens.
pub const NOTIFY: &str = "NOTIFY_SOCKET";
/// The variables of the environment by which systemd speaks to the process that it starts, and to no other.
pub const OF_SERVICES: [&str; 3] = [NOTIFY, "WATCHDOG_PID", "WATCHDOG_USEC"];

/// Tells systemd; nobody, where we are no service of its.
#[derive(Debug, Default)]
pub struct Notifier(Option<(UnixDatagram, SocketAddr)>);

impl Notifier {
    /// Of a process that systemd has told this place: a path, or a name behind an @ that no file has (unix(7)).
    ///
    /// # Errors
    /// It is neither.
    pub fn at(place: &OsStr) -> io::Result<Notifier> {
        let address = match place.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(place)?,
            _ => return Err(io::Error::other("this is neither a path nor the name of an abstract socket")),
        };
        Ok(Notifier(Some((UnixDatagram::unbound()?, address))))
    }

    /// The server has started, or is no longer being updated.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nMAINPID={}\nSTATUS={}", std::process::id(), line(status)));
    }

    /// It is being updated.
    pub fn reloading(&self, status: &str) {
        let now = clock_gettime(ClockId::Monotonic);
        // Of a clock that begins when the machine starts.
        let microseconds = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}\nSTATUS={}", line(status)));
    }

    /// It has ended.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Nothing depends on whether it is heard.
    fn tell(&self, lines: &str) {
        if let Some((socket, address)) = &self.0 {
            let _ = socket.send_to_addr(lines.as_bytes(), address);
        }
    }
}

/// What is to be one line.
fn line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}
