//! The system call that a thread is found in.

use crate::process::read_text;
use nix::libc::{self, c_long};
use nix::unistd::Pid;
use std::fmt;
use std::fs;
use std::io;

/// A call, as the kernel shows it of a thread that waits in it (proc_pid_syscall(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Its number in `arch/x86/entry/syscalls/syscall_64.tbl`.
    pub number: u32,
    /// As many as there may be: those that it does not take mean nothing.
    pub arguments: [u64; 6],
    /// Where the thread's stack is.
    pub stack: u64,
    /// The instruction behind the one that called.
    pub instruction: u64,
}

/// Where a thread is, whether or not that is in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whereabouts {
    Running,
    /// It waits in the kernel without having called: a page is read for it, or it is stopped.
    NoCall,
    In(Call),
}

impl Call {
    pub(super) fn of(process: Pid, thread: Pid) -> io::Result<Whereabouts> {
        let text = read_text(format!("/proc/{process}/task/{thread}/syscall"))?;
        Ok(parse(&text).unwrap_or(Whereabouts::Running))
    }

    /// Its name, if it is one that threads are often found in.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        let known = IDLE.iter().chain(OTHERS).find(|(number, _)| *number == c_long::from(self.number));
        known.map(|(_, name)| *name)
    }

    /// Whether it is one that a server waits in for work, for a peer, for a child or for time to pass.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let futex = c_long::from(self.number) == libc::SYS_futex;
        let listed = IDLE.iter().any(|(number, _)| *number == c_long::from(self.number));
        listed && (!futex || self.waits_on_futex())
    }

    fn waits_on_futex(&self) -> bool {
        /// `FUTEX_WAIT`, `FUTEX_WAIT_BITSET`, without the flags that say how.
        const WAITS: [u64; 2] = [0, 9];
        WAITS.contains(&(self.arguments[1] & 0x7F))
    }

    /// What its first argument is the descriptor of, if it is one.
    pub(super) fn target(&self, process: Pid) -> Option<String> {
        BY_DESCRIPTOR.contains(&c_long::from(self.number)).then_some(())?;
        let link = fs::read_link(format!("/proc/{process}/fd/{}", self.arguments[0])).ok()?;
        Some(link.to_string_lossy().into_owned())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => out.write_str(name),
            None => write!(out, "system call {}", self.number),
        }
    }
}

fn parse(text: &str) -> Option<Whereabouts> {
    let mut words = text.split_whitespace();
    let first: i64 = match words.next()? {
        "running" => return Some(Whereabouts::Running),
        word => word.parse().ok()?,
    };
    let Ok(number) = u32::try_from(first) else { return Some(Whereabouts::NoCall) };
    let mut next = || words.next()?.strip_prefix("0x").and_then(|word| u64::from_str_radix(word, 16).ok());
    let mut arguments = [0; 6];
    for argument in &mut arguments {
        *argument = next()?;
    }
    Some(Whereabouts::In(Call { number, arguments, stack: next()?, instruction: next()? }))
}

/// Those that the kernel lets be interrupted, and that servers wait in.
const IDLE: &[(c_long, &str)] = &[
    (libc::SYS_read, "read"),
    (libc::SYS_readv, "readv"),
    (libc::SYS_poll, "poll"),
    (libc::SYS_ppoll, "ppoll"),
    (libc::SYS_select, "select"),
    (libc::SYS_pselect6, "pselect6"),
    (libc::SYS_epoll_wait, "epoll_wait"),
    (libc::SYS_epoll_pwait, "epoll_pwait"),
    (libc::SYS_epoll_pwait2, "epoll_pwait2"),
    (libc::SYS_accept, "accept"),
    (libc::SYS_accept4, "accept4"),
    (libc::SYS_recvfrom, "recvfrom"),
    (libc::SYS_recvmsg, "recvmsg"),
    (libc::SYS_recvmmsg, "recvmmsg"),
    (libc::SYS_futex, "futex"),
    // futex_waitv, for which not every libc has a name.
    (449, "futex_waitv"),
    (libc::SYS_nanosleep, "nanosleep"),
    (libc::SYS_clock_nanosleep, "clock_nanosleep"),
    (libc::SYS_pause, "pause"),
    (libc::SYS_rt_sigsuspend, "rt_sigsuspend"),
    (libc::SYS_rt_sigtimedwait, "rt_sigtimedwait"),
    (libc::SYS_wait4, "wait4"),
    (libc::SYS_waitid, "waitid"),
    (libc::SYS_semop, "semop"),
    (libc::SYS_semtimedop, "semtimedop"),
    (libc::SYS_msgrcv, "msgrcv"),
    (libc::SYS_mq_timedreceive, "mq_timedreceive"),
    (libc::SYS_flock, "flock"),
    (libc::SYS_fcntl, "fcntl"),
    (libc::SYS_io_getevents, "io_getevents"),
    (libc::SYS_io_uring_enter, "io_uring_enter"),
    // A sleep that a stop has interrupted before.
    (libc::SYS_restart_syscall, "restart_syscall"),
];

/// Those that start-up is often found in.
const OTHERS: &[(c_long, &str)] = &[
    (libc::SYS_write, "write"),
    (libc::SYS_pread64, "pread64"),
    (libc::SYS_pwrite64, "pwrite64"),
    (libc::SYS_open, "open"),
    (libc::SYS_openat, "openat"),
    (libc::SYS_fsync, "fsync"),
    (libc::SYS_fdatasync, "fdatasync"),
    (libc::SYS_mmap, "mmap"),
    (libc::SYS_munmap, "munmap"),
    (libc::SYS_brk, "brk"),
    (libc::SYS_clone, "clone"),
    (libc::SYS_clone3, "clone3"),
    (libc::SYS_fork, "fork"),
    (libc::SYS_vfork, "vfork"),
    (libc::SYS_execve, "execve"),
    (libc::SYS_exit_group, "exit_group"),
    (libc::SYS_connect, "connect"),
    (libc::SYS_sendto, "sendto"),
    (libc::SYS_sendmsg, "sendmsg"),
    (libc::SYS_getrandom, "getrandom"),
];

/// Those whose first argument is a descriptor that says what is waited for.
const BY_DESCRIPTOR: &[c_long] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_connect,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_flock,
    libc::SYS_fcntl,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_told_from_none() {
        let waiting = "232 0x5 0x7f00 0x200 0xffffffff 0x0 0x8 0x7ffd9a20 0x7f3d0b16\n";
        let Some(Whereabouts::In(call)) = parse(waiting) else { panic!("it waits") };
        assert_eq!((call.number, call.arguments[0], call.stack), (232, 5, 0x7ffd_9a20));
        assert!(call.is_idle() && call.to_string() == "epoll_wait");
        assert_eq!(parse("running\n"), Some(Whereabouts::Running));
        assert_eq!(parse("-1 0x7ffd9a20 0x7f3d0b16\n"), Some(Whereabouts::NoCall));
        assert_eq!(parse("232 0x5"), None);
    }

    #[test]
    fn a_futex_call_that_wakes_others_is_no_wait() {
        let futex =
            |operation| Call { number: 202, arguments: [0, operation, 0, 0, 0, 0], stack: 0, instruction: 0 };
        assert!(futex(0x80).is_idle() && futex(0x189).is_idle());
        assert!(!futex(0x81).is_idle());
    }
}
