//! Free loopback ports.
//!
//! A port that was free a moment ago may be taken when the server binds it, by another test or as the near end of
//! somebody's connection. So a [`Port`] is *held*: bound by a socket of ours that never listens. With `SO_REUSEADDR` on
//! both sides Linux lets the server bind and listen beside it, and hands the port to nobody else who asks for any
//! (socket(7), ip(7)). All servers of the project set that option; one that did not would fail to bind, and say so.

use anyhow::{Context, Result};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, getsockname, listen, setsockopt, socket,
    sockopt,
};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

/// A port of the loopback address that is ours for as long as this value lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _holder: OwnedFd,
}

impl Port {
    /// Takes one that nobody uses.
    pub fn reserve() -> Result<Port> {
        let holder = bound(0).context("no free port on the loopback address")?;
        let address: SockaddrIn = getsockname(holder.as_raw_fd())?;
        Ok(Port { number: address.port(), _holder: holder })
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// The loopback address with this port.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.number))
    }

    /// Whether a server could listen here now: it tries to.
    pub fn is_free(&self) -> bool {
        bound(self.number).and_then(|socket| listen(&socket, Backlog::new(1)?)).is_ok()
    }
}

fn bound(port: u16) -> nix::Result<OwnedFd> {
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port))?;
    Ok(socket)
}

/// Whether any process listens on this TCP port, by the kernel's own table.
pub fn listening(port: u16) -> bool {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .any(|table| table.lines().skip(1).any(|row| listens_on(row, port)))
}

/// A row reads `0: 0100007F:1F90 00000000:0000 0A ...`: number, local and remote address, state; 0A is LISTEN.
fn listens_on(row: &str, port: u16) -> bool {
    let mut fields = row.split_whitespace().skip(1);
    let local = fields.next().and_then(|address| address.rsplit_once(':'));
    let state = fields.nth(1);
    state == Some("0A") && local.is_some_and(|(_, number)| u16::from_str_radix(number, 16) == Ok(port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_server_can_listen_on_a_port_that_is_held() {
        let port = Port::reserve().unwrap();
        assert!(port.is_free() && !listening(port.number()));
        // std sets SO_REUSEADDR on listeners, as servers do.
        let server = TcpListener::bind(port.address()).unwrap();
        assert!(listening(port.number()) && !port.is_free());
        drop(server);
        assert!(port.is_free());
    }

    #[test]
    fn ports_held_at_once_differ() {
        let held: Vec<Port> = (0..50).map(|_| Port::reserve().unwrap()).collect();
        let mut numbers: Vec<u16> = held.iter().map(Port::number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), held.len());
    }
}
