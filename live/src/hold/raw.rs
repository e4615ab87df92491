//! Contains `unsafe`: requests of ptrace(2), and calls about other threads, that nix has no safe name for, or knows too little of.

use super::thread::Registers;
use crate::kernel::{RobustList, Rseq};
use nix::errno::Errno;
use nix::libc::{self, c_void};
use nix::unistd::Pid;
use std::ptr;

/// Lets a thread go with a signal on its way, or none (0). nix knows no real-time signals: one of those would be lost.
///
/// # Errors
/// ESRCH: it was killed meanwhile.
pub(super) fn detach(thread: Pid, signal: i32) -> Result<(), Errno> {
    let data = ptr::without_provenance_mut::<c_void>(usize::try_from(signal).unwrap_or(0));
    let nothing = ptr::null_mut::<c_void>();
    // SAFETY: PTRACE_DETACH takes the thread, an ignored address and a signal number in the place of the data; it touches no memory of
    // ours.
    let result = unsafe { libc::ptrace(libc::PTRACE_DETACH, thread.as_raw(), nothing, data) };
    Errno::result(result).map(drop)
}

/// The signals that a stopped thread blocks, a bit each from SIGHUP on. Where it waits with others blocked (`ppoll`, `sigsuspend`), those
/// that it will block afterwards.
pub(super) fn signal_mask(thread: Pid) -> Result<u64, Errno> {
    let mut mask = 0u64;
    // SAFETY: PTRACE_GETSIGMASK writes as many bytes as the address says, eight, where the data says: to `mask`, which has as many.
    let result = unsafe {
        libc::ptrace(libc::PTRACE_GETSIGMASK, thread.as_raw(), mask_len(), (&raw mut mask).cast::<c_void>())
    };
    Errno::result(result).map(|_| mask)
}

/// Has a stopped thread block these signals, and no others.
pub(super) fn set_signal_mask(thread: Pid, mask: u64) -> Result<(), Errno> {
    let mut mask = mask;
    // SAFETY: PTRACE_SETSIGMASK reads as many bytes as the address says, eight, from where the data says: `mask`, which has as many.
    let result = unsafe {
        libc::ptrace(libc::PTRACE_SETSIGMASK, thread.as_raw(), mask_len(), (&raw mut mask).cast::<c_void>())
    };
    Errno::result(result).map(drop)
}

fn mask_len() -> *mut c_void {
    ptr::without_provenance_mut(size_of::<u64>())
}

/// More than any processor has today: AMX alone takes 8 KiB, all the rest 3.
const EXTENDED_MAX: usize = 16384;
/// The register set of all that XSAVE knows (linux/elf.h).
const NT_X86_XSTATE: usize = 0x202;

/// The floating-point and vector registers of a stopped thread, as XSAVE lays them out.
pub(super) fn extended_registers(thread: Pid) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0u8; EXTENDED_MAX];
    let mut place = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let which = ptr::without_provenance_mut::<c_void>(NT_X86_XSTATE);
    // SAFETY: PTRACE_GETREGSET writes to the `iovec` that the data points to, and at most `iov_len` bytes from `iov_base` on: `bytes` is
    // that long, and is not touched otherwise meanwhile.
    let result = unsafe {
        libc::ptrace(libc::PTRACE_GETREGSET, thread.as_raw(), which, (&raw mut place).cast::<c_void>())
    };
    Errno::result(result)?;
    bytes.truncate(place.iov_len);
    Ok(bytes)
}

/// Where a stopped thread has its `struct rseq` (rseq(2)), if it has one.
///
/// # Errors
/// The kernel does not say.
pub(super) fn rseq(thread: Pid) -> Result<Option<Rseq>, Errno> {
    /// `PTRACE_GET_RSEQ_CONFIGURATION` of linux/ptrace.h.
    const REQUEST: libc::c_uint = 0x420F;
    // `struct ptrace_rseq_configuration`: address; size, signature, flags, padding.
    #[repr(C)]
    #[derive(Default)]
    struct Answer {
        address: u64,
        len: u32,
        signature: u32,
        flags: u32,
        padding: u32,
    }
    let mut answer = Answer::default();
    let len = ptr::without_provenance_mut::<c_void>(size_of_val(&answer));
    // SAFETY: the request writes at most as many bytes as the address says to where the data says: `answer`, which has as many, and is
    // made of integers only.
    let result = unsafe { libc::ptrace(REQUEST, thread.as_raw(), len, (&raw mut answer).cast::<c_void>()) };
    let registered = Rseq { address: answer.address, len: answer.len, signature: answer.signature };
    Errno::result(result).map(|_| Some(registered).filter(|registered| registered.address != 0))
}

/// Gives a stopped thread other floating-point and vector registers, as [`extended_registers`] has them.
pub(super) fn set_extended_registers(thread: Pid, bytes: &[u8]) -> Result<(), Errno> {
    let mut bytes = bytes.to_vec();
    let mut place = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let which = ptr::without_provenance_mut::<c_void>(NT_X86_XSTATE);
    // SAFETY: PTRACE_SETREGSET reads the `iovec` that the data points to, and at most `iov_len` bytes from `iov_base` on: `bytes` is that
    // long.
    let result = unsafe {
        libc::ptrace(libc::PTRACE_SETREGSET, thread.as_raw(), which, (&raw mut place).cast::<c_void>())
    };
    Errno::result(result).map(drop)
}

/// What a thread has given to `set_robust_list(2)`.
pub(super) fn robust_list(thread: Pid) -> Result<Option<RobustList>, Errno> {
    let (mut head, mut len) = (0u64, 0u64);
    // SAFETY: get_robust_list(2) writes a pointer and a size, eight bytes each, to where its arguments say: variables of that size.
    let result =
        unsafe { libc::syscall(libc::SYS_get_robust_list, thread.as_raw(), &raw mut head, &raw mut len) };
    Errno::result(result).map(|_| Some(RobustList { head, len }).filter(|list| list.head != 0))
}

/// Has a stopped thread continue, or go on to the next entry or exit of a system call.
///
/// # Errors
/// ESRCH: it is not stopped any more, as it was killed.
pub(super) fn resume(thread: Pid, how: Resume) -> Result<(), Errno> {
    resume_with(thread, how, 0)
}

/// As [`resume`], with a signal that was on its way to it, or none (0).
///
/// # Errors
/// ESRCH: it is not stopped any more, as it was killed.
pub(crate) fn resume_with(thread: Pid, how: Resume, signal: i32) -> Result<(), Errno> {
    let request = match how {
        Resume::Freely => libc::PTRACE_CONT,
        Resume::ToSystemCall => libc::PTRACE_SYSCALL,
    };
    let nothing = ptr::null_mut::<c_void>();
    let data = ptr::without_provenance_mut::<c_void>(usize::try_from(signal).unwrap_or(0));
    // SAFETY: both requests take the thread, an ignored address and the number of a signal; they touch no memory of ours.
    let result = unsafe { libc::ptrace(request, thread.as_raw(), nothing, data) };
    Errno::result(result).map(drop)
}

/// How far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resume {
    Freely,
    ToSystemCall,
}

/// Leaves a thread stopped that job control has stopped, until that has it go on.
///
/// # Errors
/// ESRCH: it is not stopped any more.
pub(crate) fn listen(thread: Pid) -> Result<(), Errno> {
    let nothing = ptr::null_mut::<c_void>();
    // SAFETY: PTRACE_LISTEN takes the thread, and ignores the rest.
    let result = unsafe { libc::ptrace(libc::PTRACE_LISTEN, thread.as_raw(), nothing, nothing) };
    Errno::result(result).map(drop)
}

/// A thread that has stopped at a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallStop {
    /// It is about to make this one, of the 64-bit ones.
    Entry {
        /// Its number.
        number: u64,
        /// As many as there may be.
        arguments: [u64; 6],
    },
    /// It has made one, with this result.
    Exit(i64),
    /// It is elsewhere, or makes a 32-bit call.
    Elsewhere,
}

/// At which end of a system call a thread has stopped.
///
/// # Errors
/// ESRCH: it is not stopped any more.
pub(crate) fn call_stop(thread: Pid) -> Result<CallStop, Errno> {
    /// `PTRACE_GET_SYSCALL_INFO` of linux/ptrace.h, since Linux 5.3.
    const REQUEST: libc::c_uint = 0x420E;
    /// `AUDIT_ARCH_X86_64` of linux/audit.h.
    const X86_64: u32 = 0xC000_003E;
    // `struct ptrace_syscall_info`: what it is, architecture, instruction and stack pointer; then number and arguments, or the result.
    #[repr(C)]
    #[derive(Default)]
    struct Answer {
        what: u8,
        padding: [u8; 3],
        architecture: u32,
        pointers: [u64; 2],
        first: u64,
        arguments: [u64; 6],
        more: u64,
    }
    let mut answer = Answer::default();
    let len = ptr::without_provenance_mut::<c_void>(size_of_val(&answer));
    // SAFETY: the request writes at most as many bytes as the address says to where the data says: `answer`, which has as many, and is
    // made of integers only.
    let result = unsafe { libc::ptrace(REQUEST, thread.as_raw(), len, (&raw mut answer).cast::<c_void>()) };
    Errno::result(result)?;
    Ok(match answer.what {
        1 if answer.architecture == X86_64 => {
            CallStop::Entry { number: answer.first, arguments: answer.arguments }
        }
        2 => CallStop::Exit(answer.first.cast_signed()),
        _ => CallStop::Elsewhere,
    })
}

/// What has become of some tracee of the calling thread; waits until there is something to say. It is looked at and left where it is.
///
/// # Errors
/// ECHILD: there is none. EINTR: a signal came.
pub(crate) fn any_report() -> Result<(Pid, Reported), Errno> {
    reported(0).and_then(|report| report.ok_or(Errno::EINTR))
}

/// The same, without waiting: nothing, if there is nothing to say.
///
/// # Errors
/// ECHILD: there is none.
pub(crate) fn report_so_far() -> Result<Option<(Pid, Reported)>, Errno> {
    reported(libc::WNOHANG)
}

fn reported(how: i32) -> Result<Option<(Pid, Reported)>, Errno> {
    let options = how | libc::WEXITED | libc::WSTOPPED | libc::WNOWAIT | libc::__WALL | libc::__WNOTHREAD;
    // SAFETY: it is made of integers and a union of such.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills in the structure.
    let result = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) };
    Errno::result(result)?;
    // SAFETY: waitid(2) has set both.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    if pid == 0 {
        return Ok(None);
    }
    let reported = match info.si_code {
        libc::CLD_TRAPPED | libc::CLD_STOPPED => Reported::Stopped(status),
        libc::CLD_EXITED => Reported::Exited(status),
        _ => Reported::Killed(status),
    };
    Ok(Some((Pid::from_raw(pid), reported)))
}

/// What was reported of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reported {
    /// A signal, and above its eight bits the number of an event.
    Stopped(i32),
    /// With this code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// Sends a signal to one thread of this process.
///
/// # Errors
/// ESRCH: there is no such thread any more.
pub(crate) fn signal_own_thread(thread: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: a system call on numbers.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, Pid::this().as_raw(), thread, signal) };
    Errno::result(result).map(drop)
}

/// Gives a stopped thread other registers.
pub(super) fn set_registers(thread: Pid, registers: &Registers) -> Result<(), Errno> {
    nix::sys::ptrace::setregs(thread, *registers)
}
