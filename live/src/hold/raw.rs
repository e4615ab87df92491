//! Contains `unsafe`: requests of ptrace(2) that nix has no safe name for, or knows too little of.

use super::thread::Registers;
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
pub(super) fn rseq(thread: Pid) -> Result<Option<u64>, Errno> {
    /// `PTRACE_GET_RSEQ_CONFIGURATION` of linux/ptrace.h.
    const REQUEST: libc::c_uint = 0x420F;
    // `struct ptrace_rseq_configuration`: the address, then four words of 32 bits.
    let mut answer = [0u64; 3];
    let len = ptr::without_provenance_mut::<c_void>(size_of_val(&answer));
    // SAFETY: the request writes at most as many bytes as the address says to where the data says: `answer`, which has as many.
    let result = unsafe { libc::ptrace(REQUEST, thread.as_raw(), len, (&raw mut answer).cast::<c_void>()) };
    Errno::result(result).map(|_| Some(answer[0]).filter(|address| *address != 0))
}

/// Has a stopped thread continue, or go on to the next entry or exit of a system call.
///
/// # Errors
/// ESRCH: it is not stopped any more, as it was killed.
pub(super) fn resume(thread: Pid, how: Resume) -> Result<(), Errno> {
    let request = match how {
        Resume::Freely => libc::PTRACE_CONT,
        Resume::ToSystemCall => libc::PTRACE_SYSCALL,
    };
    let nothing = ptr::null_mut::<c_void>();
    // SAFETY: both requests take the thread, an ignored address and the number of a signal, here none; they touch no memory of ours.
    let result = unsafe { libc::ptrace(request, thread.as_raw(), nothing, nothing) };
    Errno::result(result).map(drop)
}

/// How far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resume {
    Freely,
    ToSystemCall,
}

/// Gives a stopped thread other registers.
pub(super) fn set_registers(thread: Pid, registers: &Registers) -> Result<(), Errno> {
    nix::sys::ptrace::setregs(thread, *registers)
}
