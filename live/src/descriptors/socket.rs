//! Contains `unsafe`: what a socket says of itself (socket(7)), addresses as the kernel has them.

use crate::kernel::Kind;
use nix::errno::Errno;
use nix::libc::{self, c_int, c_void, sockaddr, socklen_t};
use std::os::fd::{AsRawFd, BorrowedFd};

/// A socket's kind; nothing if it is no socket.
pub(super) fn kind(socket: BorrowedFd<'_>) -> Option<Kind> {
    let domain = option(socket, libc::SO_DOMAIN).ok()?;
    Some(Kind::Socket {
        domain,
        r#type: option(socket, libc::SO_TYPE).ok()?,
        protocol: option(socket, libc::SO_PROTOCOL).unwrap_or(0),
        local: address(socket, libc::getsockname),
        peer: address(socket, libc::getpeername),
        listening: option(socket, libc::SO_ACCEPTCONN).is_ok_and(|is| is != 0),
    })
}

/// A whole number that is an option at the level of sockets.
fn option(socket: BorrowedFd<'_>, name: c_int) -> Result<c_int, Errno> {
    let mut value: c_int = 0;
    let mut len = socklen_t::try_from(size_of::<c_int>()).unwrap_or(4);
    // SAFETY: the descriptor is open; the kernel writes at most `len` bytes to `value`, which has as many, and how many it wrote to `len`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            (&raw mut value).cast::<c_void>(),
            &raw mut len,
        )
    };
    Errno::result(result).map(|_| value)
}

type Ask = unsafe extern "C" fn(c_int, *mut sockaddr, *mut socklen_t) -> c_int;

/// Empty if it has none.
fn address(socket: BorrowedFd<'_>, ask: Ask) -> Vec<u8> {
    // As long as the longest of all families, and aligned for each.
    let mut storage = [0u64; size_of::<libc::sockaddr_storage>() / 8];
    let mut len = socklen_t::try_from(size_of_val(&storage)).unwrap_or(0);
    // SAFETY: both functions take an open descriptor, write at most `len` bytes of an address to where the pointer says, where there are as
    // many, and the address's own length to `len`.
    let result = unsafe { ask(socket.as_raw_fd(), storage.as_mut_ptr().cast::<sockaddr>(), &raw mut len) };
    if result != 0 {
        return Vec::new();
    }
    let bytes = storage.iter().flat_map(|word| word.to_ne_bytes());
    bytes.take(usize::try_from(len).unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_listener_says_where_it_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let Some(Kind::Socket { domain, r#type, local, peer, listening, .. }) = kind(listener.as_fd()) else {
            panic!("it is a socket")
        };
        assert_eq!((domain, r#type, listening), (libc::AF_INET, libc::SOCK_STREAM, true));
        assert_eq!(local[2..4], listener.local_addr().unwrap().port().to_be_bytes());
        assert_eq!((&local[4..8], &peer[..]), (&[127, 0, 0, 1][..], &[][..]));
    }

    #[test]
    fn a_socket_without_a_name_has_none() {
        let (one, _other) = UnixStream::pair().unwrap();
        let Some(Kind::Socket { domain, local, listening, .. }) = kind(one.as_fd()) else {
            panic!("it is a socket")
        };
        assert_eq!((domain, listening), (libc::AF_UNIX, false));
        assert_eq!(local.len(), 2, "its family, and nothing else");
    }

    #[test]
    fn a_file_is_no_socket() {
        assert_eq!(kind(std::fs::File::open("/dev/null").unwrap().as_fd()), None);
    }
}
