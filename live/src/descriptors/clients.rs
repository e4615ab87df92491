//! Connections that have come in through a server's listening sockets: whether it serves anybody yet.

use crate::process::read_text;
use nix::unistd::Pid;
use std::collections::HashSet;
use std::fs;

/// A socket as the kernel lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    inode: u64,
    /// What it is bound to: a port, or a path.
    bound: String,
    is_listening: bool,
}

/// How many connections these processes have that came to where they listen. `spared`: descriptors that are not to be counted.
#[must_use]
pub fn clients(processes: &[Pid], spared: impl Fn(Pid, i32) -> bool) -> usize {
    let held: Vec<(Pid, i32, u64)> = processes.iter().flat_map(|process| sockets(*process)).collect();
    let own: HashSet<u64> = held.iter().map(|(_, _, inode)| *inode).collect();
    let mut listed = Vec::new();
    // Of one network: all of a server's processes are in one.
    if let Some(process) = processes.first() {
        let text = |name: &str| read_text(format!("/proc/{process}/net/{name}")).unwrap_or_default();
        listed.extend([text("tcp"), text("tcp6")].iter().flat_map(|text| text.lines().filter_map(of_tcp)));
        listed.extend(text("unix").lines().filter_map(of_unix));
    }
    let spared: HashSet<u64> = held
        .iter()
        .filter(|(process, number, _)| spared(*process, *number))
        .map(|(.., inode)| *inode)
        .collect();
    count(listed.iter().filter(|socket| own.contains(&socket.inode) && !spared.contains(&socket.inode)))
}

/// Those that are bound to where another one listens.
fn count<'l>(own: impl Iterator<Item = &'l Listed> + Clone) -> usize {
    let listening: HashSet<&str> =
        own.clone().filter(|socket| socket.is_listening).map(|socket| socket.bound.as_str()).collect();
    own.filter(|socket| !socket.is_listening && listening.contains(socket.bound.as_str())).count()
}

/// Its sockets, by descriptor and inode.
fn sockets(process: Pid) -> Vec<(Pid, i32, u64)> {
    let entries = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let socket = |entry: fs::DirEntry| {
        let target = fs::read_link(entry.path()).ok()?;
        let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()?;
        Some((process, entry.file_name().to_str()?.parse().ok()?, inode))
    };
    entries.filter_map(socket).collect()
}

/// A line of proc_pid_net_tcp(5): `SL LOCAL REMOTE STATE TX:RX TR:WHEN RETRANSMITS UID TIMEOUT INODE`.
fn of_tcp(line: &str) -> Option<Listed> {
    const LISTENING: &str = "0A";
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, local, _, state, _, _, _, _, _, inode, ..] = fields.as_slice() else { return None };
    let (_, port) = local.rsplit_once(':')?;
    Some(Listed { inode: inode.parse().ok()?, bound: port.to_owned(), is_listening: *state == LISTENING })
}

/// A line of proc_pid_net_unix(5): `NUM: REFERENCES PROTOCOL FLAGS TYPE STATE INODE PATH`. What was accepted has the listener's path.
fn of_unix(line: &str) -> Option<Listed> {
    /// `__SO_ACCEPTCON` of linux/net.h.
    const ACCEPTS: u32 = 1 << 16;
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, _, _, flags, _, _, inode, path, ..] = fields.as_slice() else { return None };
    let is_listening = u32::from_str_radix(flags, 16).ok()? & ACCEPTS != 0;
    Some(Listed { inode: inode.parse().ok()?, bound: (*path).to_owned(), is_listening })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd as _;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn lines_of_the_kernels_lists_are_read() {
        let tcp = "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 ffff 100 0 0 10 0";
        let listed =
            |inode, bound: &str, is_listening| Listed { inode, bound: bound.to_owned(), is_listening };
        assert_eq!(of_tcp(tcp), Some(listed(4711, "1F90", true)));
        assert_eq!(of_tcp("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when"), None);
        let unix = "ffff888: 00000002 00000000 00010000 0001 01 815 /run/x.sock";
        assert_eq!(of_unix(unix), Some(listed(815, "/run/x.sock", true)));
        assert_eq!(of_unix("ffff888: 00000003 00000000 00000000 0001 03 816"), None);
    }

    #[test]
    fn who_came_in_is_counted_and_who_was_called_is_not() {
        let own = [Pid::this()];
        // Other tests of this process may have some, too.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let (tcp, unix) = (TcpListener::bind("127.0.0.1:0").unwrap(), UnixListener::bind(&path).unwrap());
        let mine = HashSet::from([tcp.as_raw_fd(), unix.as_raw_fd()]);
        let of = |numbers: &HashSet<i32>| clients(&own, |_, number| !numbers.contains(&number));
        assert_eq!(of(&mine), 0);
        let called = TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
        let mine: HashSet<i32> = mine.into_iter().chain([called.as_raw_fd()]).collect();
        assert_eq!(of(&mine), 0);
        let (came, _) = tcp.accept().unwrap();
        let mine: HashSet<i32> = mine.into_iter().chain([came.as_raw_fd()]).collect();
        assert_eq!(of(&mine), 1);
        let _called = UnixStream::connect(&path).unwrap();
        let (came, _) = unix.accept().unwrap();
        let mine: HashSet<i32> = mine.into_iter().chain([came.as_raw_fd()]).collect();
        assert_eq!(of(&mine), 2);
    }
}
