//! A file descriptor as the kernel has it.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

/// One of a process.
#[derive(Debug)]
pub struct Descriptor {
    /// Its number in the process.
    pub number: i32,
    /// It is closed when the process executes another program.
    pub close_on_exec: bool,
    /// What `/proc/PID/fd` says that it is: a path, or the like of `socket:[4711]`.
    pub target: OsString,
    /// What it is.
    pub kind: Kind,
    /// The same open file, in our own process.
    pub file: OwnedFd,
}

/// What a descriptor is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A socket.
    Socket {
        /// `AF_...`
        domain: i32,
        /// `SOCK_...`
        r#type: i32,
        /// `IPPROTO_...`, or 0.
        protocol: i32,
        /// Its own `struct sockaddr`; empty if it has none.
        local: Vec<u8>,
        /// The other side's; empty if it is not connected.
        peer: Vec<u8>,
        /// It accepts connections.
        listening: bool,
    },
    /// What `epoll_wait(2)` waits for.
    Epoll {
        /// What is registered in it.
        entries: Vec<EpollEntry>,
    },
    /// A file that has a path, a directory or device too.
    File {
        /// As it was opened, if it is still there.
        path: OsString,
        /// `O_...`
        flags: i32,
        /// Where in it the next read or write is.
        offset: u64,
    },
    /// One end of a pipe.
    Pipe,
    /// Of `eventfd(2)`.
    EventFd,
    /// Of `signalfd(2)`.
    SignalFd,
    /// Of `timerfd_create(2)`.
    TimerFd,
    /// Any other.
    Other,
}

/// One registration in an epoll set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpollEntry {
    /// The descriptor that was registered, by its number then.
    pub descriptor: i32,
    /// `EPOLL...`
    pub events: u32,
    /// What the program gets to see with an event.
    pub data: u64,
}
