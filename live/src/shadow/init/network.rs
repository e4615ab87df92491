//! Contains `unsafe`: an ioctl. The shadow's network: a loopback device of its own, and addresses that are nobody's.
//!
//! A server binds to addresses of the machine that its shadow does not have: it is allowed to (`ip_nonlocal_bind` of ip(7)).

use super::mounts::Failed;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use std::fs;
use std::os::fd::AsRawFd as _;

/// Allowed in every shadow; what is not there in this kernel need not be.
const ALLOWED: [&str; 2] = ["ipv4/ip_nonlocal_bind", "ipv6/ip_nonlocal_bind"];

/// What decides over how a server may listen, by paths below `/proc/sys/net`: as it is outside.
pub(in super::super) fn settings() -> Vec<(String, String)> {
    const KEPT: [&str; 5] = [
        "core/somaxconn",
        "ipv4/ip_unprivileged_port_start",
        "ipv4/tcp_fastopen",
        "ipv6/bindv6only",
        "ipv6/conf/all/disable_ipv6",
    ];
    let kept = KEPT.iter().filter_map(|path| {
        let value = fs::read_to_string(format!("/proc/sys/net/{path}")).ok()?;
        Some(((*path).to_owned(), value.trim().to_owned()))
    });
    kept.chain(ALLOWED.map(|path| (path.to_owned(), "1".to_owned()))).collect()
}

/// Brings up the loopback device, and applies settings.
pub(super) fn set_up(settings: &[(String, String)]) -> Result<(), Failed> {
    for (path, value) in settings {
        // Not every kernel has them all.
        let _ = fs::write(format!("/proc/sys/net/{path}"), value);
    }
    up().map_err(|errno| ("bringing up the loopback device".to_owned(), errno))
}

fn up() -> nix::Result<()> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let mut name = [0; libc::IFNAMSIZ];
    for (to, from) in name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    let flags = libc::c_short::try_from(libc::IFF_UP).map_err(|_| Errno::EINVAL)?;
    let request =
        libc::ifreq { ifr_name: name, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: flags } };
    // SAFETY: SIOCSIFFLAGS reads an `ifreq`, which this is, alive and initialised as far as the kernel looks (netdevice(7)).
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) })
        .map(drop)
}
