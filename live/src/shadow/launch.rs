//! Contains `unsafe`: clone3(2). The first process of new namespaces: our own program, executed again.
//!
//! A fork of a process with threads may do next to nothing, so it does next to nothing: it executes `/proc/self/exe`, whose `main` is
//! to call [`take_over`](super::take_over) first. From there on it is an ordinary program with one thread.

use nix::errno::Errno;
use nix::libc::{self, c_char, c_int, c_long};
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid};
use std::ffi::CString;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::ptr;

/// By this name the program knows what it is.
pub(super) const NAME: &str = "mcrx: shadow";

/// The first process. When this value goes, it goes, and with it all processes, mounts and files of its namespaces.
#[derive(Debug)]
pub(super) struct Init {
    pid: Pid,
    handle: OwnedFd,
}

impl Init {
    /// Starts it, with these descriptors under the numbers that its arguments name.
    pub(super) fn start(descriptors: &[BorrowedFd<'_>]) -> nix::Result<Init> {
        let numbers: Vec<c_int> = descriptors.iter().map(BorrowedFd::as_raw_fd).collect();
        let words = std::iter::once(NAME.to_owned()).chain(numbers.iter().map(ToString::to_string));
        let words: Vec<CString> =
            words.map(|word| CString::new(word).map_err(|_| Errno::EINVAL)).collect::<Result<_, _>>()?;
        let mut arguments: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
        arguments.push(ptr::null());
        let environment: [*const c_char; 1] = [ptr::null()];
        let flags = libc::CLONE_NEWPID
            | libc::CLONE_NEWNS
            | libc::CLONE_NEWNET
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUTS;
        // No handler of ours is to run in the child before it is a program of its own.
        let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        // SAFETY: the child executes nothing but `become_init`, on memory that is its own copy.
        let result = unsafe { clone(flags) };
        if result == Ok(0) {
            // SAFETY: both arrays end with a null pointer, and their strings live until the end of this function.
            unsafe { become_init(&numbers, arguments.as_ptr(), environment.as_ptr()) }
        }
        before.thread_set_mask()?;
        let pid = Pid::from_raw(result?);
        let own = rustix::process::Pid::from_raw(pid.as_raw()).ok_or(Errno::ESRCH)?;
        match pidfd_open(own, PidfdFlags::empty()) {
            Ok(handle) => Ok(Init { pid, handle }),
            Err(errno) => {
                // It is our child, and nobody has waited for it: the number is still its own.
                let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
                let _ = nix::sys::wait::waitpid(pid, None);
                Err(Errno::from_raw(errno.raw_os_error()))
            }
        }
    }

    /// Its number as we see it.
    pub(super) fn pid(&self) -> Pid {
        self.pid
    }
}

impl Drop for Init {
    fn drop(&mut self) {
        let _ = pidfd_send_signal(&self.handle, Signal::KILL);
        // The kernel ends all others before it lets the first process be waited for (pid_namespaces(7)).
        let wait = || waitid(WaitId::PidFd(self.handle.as_fd()), WaitIdOptions::EXITED);
        while wait().is_err_and(|errno| errno == rustix::io::Errno::INTR) {}
    }
}

/// What this process was given, if it was started as an init: nothing else has its name.
pub(super) fn inherited() -> Option<Vec<OwnedFd>> {
    let mut words = std::env::args_os();
    if words.next()? != NAME {
        return None;
    }
    let numbers: Vec<c_int> = words.filter_map(|word| word.to_str()?.parse().ok()).collect();
    let is_open = |number: &&c_int| {
        // SAFETY: a system call, which fails for a number that is not open. What is open is not passed on to the program.
        **number > 2 && unsafe { libc::fcntl(**number, libc::F_SETFD, libc::FD_CLOEXEC) } == 0
    };
    let open: Vec<c_int> = numbers.iter().filter(is_open).copied().collect();
    close_others(&open);
    // SAFETY: they are open, were made for this process by `become_init`, and this is called once, before anything else is.
    Some(open.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }).collect())
}

/// Closes what else was inherited: nobody's pipe is to stay open because of us. The standard ones become /dev/null.
fn close_others(kept: &[c_int]) {
    let mut kept: Vec<u32> = kept.iter().filter_map(|number| u32::try_from(*number).ok()).collect();
    kept.sort_unstable();
    let mut from = 3;
    for number in kept.into_iter().chain([u32::MAX]) {
        if from < number {
            // SAFETY: nothing of this program uses any of them: its main function has only just begun.
            unsafe { libc::syscall(libc::SYS_close_range, from, number - 1, 0) };
        }
        from = number.saturating_add(1);
    }
    // SAFETY: system calls; the path is a string, and 0 to 2 stay open all the time.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
        for standard in 0..3 {
            libc::dup2(null, standard);
        }
        if null > 2 {
            libc::close(null);
        }
    }
}

/// As fork(2), into new namespaces.
///
/// # Safety
/// In the child there is one thread, and locks that others held stay locked: it must only make system calls.
unsafe fn clone(namespaces: c_int) -> nix::Result<c_int> {
    let flags = u64::try_from(namespaces).map_err(|_| Errno::EINVAL)?;
    let signal = u64::try_from(libc::SIGCHLD).map_err(|_| Errno::EINVAL)?;
    /// The first version of `struct clone_args` of linux/sched.h: all kernels that have the call know it.
    #[repr(C)]
    struct Arguments {
        flags: u64,
        pidfd: u64,
        child_tid: u64,
        parent_tid: u64,
        exit_signal: u64,
        stack: u64,
        stack_size: u64,
        tls: u64,
    }
    let arguments = Arguments {
        flags,
        pidfd: 0,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: signal,
        stack: 0,
        stack_size: 0,
        tls: 0,
    };
    // SAFETY: the kernel reads the structure; without CLONE_VM the child has a stack of its own, a copy of ours.
    let result: c_long =
        unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<Arguments>()) };
    c_int::try_from(Errno::result(result)?).map_err(|_| Errno::ERANGE)
}

/// Executes our program anew, with these descriptors open.
///
/// # Safety
/// Both are arrays of strings that end with a null pointer. To be called in the child only.
unsafe fn become_init(
    descriptors: &[c_int],
    arguments: *const *const c_char,
    environment: *const *const c_char,
) -> ! {
    for descriptor in descriptors {
        // SAFETY: a system call on an open descriptor.
        unsafe { libc::fcntl(*descriptor, libc::F_SETFD, 0) };
    }
    // SAFETY: as the caller says; the path is a string.
    unsafe { libc::execve(c"/proc/self/exe".as_ptr(), arguments, environment) };
    // SAFETY: ends the child, without anything of ours being run.
    unsafe { libc::_exit(127) }
}
