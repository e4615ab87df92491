//! Contains `unsafe`: seccomp(2) and its ioctls. System calls that somebody is asked about before they are made.
//!
//! A filter has the kernel hold who makes one of them until it is answered: the call is made, or it has a result without having been made
//! (seccomp_unotify(2)). All that a process makes has its filter, too, and nobody gets rid of one.

use nix::errno::Errno;
use nix::libc::{self, c_int, c_long, c_ulong};
use nix::unistd::Pid;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

/// Somebody is about to make a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Notice {
    id: u64,
    /// Who.
    pub(super) thread: Pid,
    /// Which.
    pub(super) call: c_long,
    pub(super) arguments: [u64; 6],
}

/// Where notices come from, and answers go.
#[derive(Debug)]
pub(super) struct Listener(pub(super) OwnedFd);

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Has the kernel ask about these calls of this process, and of all that it makes. The answers go to what is returned.
pub(super) fn filter(calls: &[c_long]) -> nix::Result<OwnedFd> {
    /// `AUDIT_ARCH_X86_64` of linux/audit.h.
    const X86_64: u32 = 0xC000_003E;
    /// Where `struct seccomp_data` has the call's number, and the architecture.
    const NUMBER: u32 = 0;
    const ARCHITECTURE: u32 = 4;
    let load = |offset| instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, [0, 0]);
    let equal = |value, jumps| instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, jumps);
    let answer = |value| instruction(libc::BPF_RET | libc::BPF_K, value, [0, 0]);
    let count = u8::try_from(calls.len()).map_err(|_| Errno::E2BIG)?;
    // Behind the last comparison comes the answer that allows, then the one that asks.
    let mut program = vec![load(ARCHITECTURE), equal(X86_64, [0, count + 1]), load(NUMBER)];
    for (index, call) in (0u8..).zip(calls) {
        program.push(equal(u32::try_from(*call).map_err(|_| Errno::EINVAL)?, [count - index, 0]));
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program.push(answer(libc::SECCOMP_RET_USER_NOTIF));
    let len = u16::try_from(program.len()).map_err(|_| Errno::EINVAL)?;
    let program = libc::sock_fprog { len, filter: program.as_mut_ptr() };
    // SAFETY: the kernel copies the program, which is alive; what it returns is a new descriptor, ours alone.
    let descriptor = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            c_ulong::from(libc::SECCOMP_SET_MODE_FILTER),
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    let descriptor = c_int::try_from(Errno::result(descriptor)?).map_err(|_| Errno::ERANGE)?;
    // SAFETY: see above.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn instruction(code: u32, k: u32, [jt, jf]: [u8; 2]) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).unwrap_or_default(), jt, jf, k }
}

/// `_IOWR('!', number, size)` of linux/seccomp.h.
const fn request_code(number: c_ulong, size: usize) -> c_ulong {
    (3 << 30) | ((size as c_ulong) << 16) | (0x21 << 8) | number
}

impl Listener {
    /// What is asked; nothing if whoever asked has been interrupted meanwhile.
    pub(super) fn receive(&self) -> io::Result<Option<Notice>> {
        const RECEIVE: c_ulong = request_code(0, size_of::<libc::seccomp_notif>());
        // SAFETY: it is made of integers; the kernel wants it to be zeros.
        let mut asked: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel fills in the structure, whose size is in the request.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), RECEIVE, &raw mut asked) };
        match Errno::result(result) {
            Ok(_) => {}
            Err(Errno::ENOENT | Errno::EINTR) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        }
        let thread = i32::try_from(asked.pid).map_err(|_| io::ErrorKind::InvalidData)?;
        let (call, arguments) = (c_long::from(asked.data.nr), asked.data.args);
        Ok(Some(Notice { id: asked.id, thread: Pid::from_raw(thread), call, arguments }))
    }

    /// Whether whoever asked still waits: if so, what was read of its memory was its own, and nobody else's who has its number now.
    pub(super) fn still_waits(&self, notice: &Notice) -> bool {
        /// `SECCOMP_IOCTL_NOTIF_ID_VALID`: `_IOW('!', 2, __u64)`.
        const VALID: c_ulong = (1 << 30) | (8 << 16) | (0x21 << 8) | 2;
        // SAFETY: the kernel reads a number of eight bytes.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), VALID, &raw const notice.id) };
        result == 0
    }

    /// Lets the call be made. `false`: it was interrupted, and will be asked for again.
    pub(super) fn go_on(&self, notice: &Notice) -> io::Result<bool> {
        let flags = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).unwrap_or(1);
        self.send(&libc::seccomp_notif_resp { id: notice.id, val: 0, error: 0, flags })
    }

    /// The call is not made, but has this result. `false`: it was interrupted, and will be asked for again.
    pub(super) fn answer(&self, notice: &Notice, result: Result<i64, Errno>) -> io::Result<bool> {
        let (val, error) = match result {
            Ok(value) => (value, 0),
            Err(errno) => (0, -(errno as i32)),
        };
        self.send(&libc::seccomp_notif_resp { id: notice.id, val, error, flags: 0 })
    }

    fn send(&self, answer: &libc::seccomp_notif_resp) -> io::Result<bool> {
        const SEND: c_ulong = request_code(1, size_of::<libc::seccomp_notif_resp>());
        // SAFETY: the kernel reads the structure, whose size is in the request.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), SEND, &raw const *answer) };
        match Errno::result(result) {
            Ok(_) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }
}
