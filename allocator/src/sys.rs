//! Contains `unsafe`: the system calls of the allocator, made directly.
//!
//! Not through libc, because its wrappers set `errno` (which `free` must keep), may be interposed, and some are cancellation
//! points. While it serves requests the allocator uses no other call than glibc's does: a server's seccomp filter, written for that
//! one, kills it for any other (sshd's and vsftpd's do). Every function returns the kernel's answer; nothing here retries but for `EINTR`.

#[cfg(not(loom))]
use crate::sync::AtomicU32;
use core::arch::asm;

/// A system call's error number, as in `errno(3)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) i32);

type Result<T> = core::result::Result<T, Errno>;

/// # Safety
/// As the system call itself: it may do anything to the process.
#[inline]
unsafe fn call(number: libc::c_long, args: [u64; 6]) -> Result<u64> {
    let answer: i64;
    // SAFETY: the x86-64 syscall ABI: number in rax, arguments in these six registers, rcx and r11 clobbered, memory may
    // change (no `nomem`). What the call does is the caller's to justify.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => answer,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2],
            in("r10") args[3], in("r8") args[4], in("r9") args[5],
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    u64::try_from(answer).map_err(|_| Errno(i32::try_from(-answer).unwrap_or(libc::EINVAL)))
}

const ANONYMOUS: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
/// From this size on a mapping that the kernel refuses is tried once more without being accounted for: 1 GiB.
const SPARSE_MIN: u64 = 1 << 30;

fn flags(bits: i32) -> u64 {
    u64::from(bits.cast_unsigned())
}

/// Maps `[address, address + len)` readable and writable, only if nothing is mapped there.
///
/// The address is a hint to the kernel, which takes it if it is free; `MAP_FIXED_NOREPLACE` would do the same with less ado, but
/// vsftpd's seccomp filter allows exactly the flags that glibc's malloc uses.
pub(crate) fn map_rw(address: u64, len: u64) -> Result<()> {
    let map = |more: i32| {
        let protection = flags(libc::PROT_READ | libc::PROT_WRITE);
        // SAFETY: without MAP_FIXED no memory in use changes.
        unsafe { call(libc::SYS_mmap, [address, len, protection, flags(ANONYMOUS | more), u64::MAX, 0]) }
    };
    let got = match map(0) {
        Err(Errno(libc::ENOMEM)) if len >= SPARSE_MIN => map(libc::MAP_NORESERVE)?,
        other => other?,
    };
    if got == address {
        return Ok(());
    }
    // SAFETY: `got` is a mapping made just now, which nobody else knows.
    let _ = unsafe { call(libc::SYS_munmap, [got, len, 0, 0, 0, 0]) };
    Err(Errno(libc::EEXIST))
}

/// Changes the protection of `[address, address + len)`, whole pages of this process's.
pub(crate) fn protect(address: u64, len: u64, protection: i32) -> Result<()> {
    // SAFETY: callers ask for no less than what is done with the pages.
    unsafe { call(libc::SYS_mprotect, [address, len, flags(protection), 0, 0, 0]).map(drop) }
}

/// # Safety
/// The range is the caller's, and nobody uses its contents.
pub(crate) unsafe fn unmap(address: u64, len: u64) -> Result<()> {
    // SAFETY: the caller owns the range.
    unsafe { call(libc::SYS_munmap, [address, len, 0, 0, 0, 0]).map(drop) }
}

/// # Safety
/// The range is the caller's, and for advice that drops contents, nobody uses them.
pub(crate) unsafe fn advise(address: u64, len: u64, advice: i32) -> Result<()> {
    // SAFETY: the caller owns the range.
    unsafe { call(libc::SYS_madvise, [address, len, flags(advice), 0, 0, 0]).map(drop) }
}

/// Moves the pages of `[from, from + len)` to `to`; what is at `to` goes, and `from` stays mapped and reads as zeros.
///
/// # Safety
/// Both ranges are the caller's.
pub(crate) unsafe fn move_pages(from: u64, len: u64, to: u64) -> Result<()> {
    let wanted = flags(libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED | libc::MREMAP_DONTUNMAP);
    // SAFETY: the caller owns both ranges.
    unsafe { call(libc::SYS_mremap, [from, len, len, wanted, to, 0]).map(drop) }
}

/// Waits while `*word == expected`; wakes up for no reason too.
#[cfg(not(loom))]
pub(crate) fn futex_wait(word: &AtomicU32, expected: u32) {
    let operation = flags(libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG);
    let args = [word.as_ptr().addr() as u64, operation, u64::from(expected), 0, 0, 0];
    // SAFETY: the kernel only reads the word, which outlives the call.
    let _ = unsafe { call(libc::SYS_futex, args) };
}

/// Wakes one waiter of `word`.
#[cfg(not(loom))]
pub(crate) fn futex_wake(word: &AtomicU32) {
    let operation = flags(libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG);
    // SAFETY: nothing is written.
    let _ = unsafe { call(libc::SYS_futex, [word.as_ptr().addr() as u64, operation, 1, 0, 0, 0]) };
}

fn id(number: libc::c_long) -> u32 {
    // SAFETY: only called for gettid and getpid, which have no effects.
    unsafe { call(number, [0; 6]) }.map_or(0, |id| u32::try_from(id).unwrap_or(0))
}

/// The calling thread's id.
pub(crate) fn thread_id() -> u32 {
    id(libc::SYS_gettid)
}

/// The process's id.
pub(crate) fn process_id() -> u32 {
    id(libc::SYS_getpid)
}

/// Whether `thread` is a thread of this process. Errs towards yes.
pub(crate) fn thread_exists(thread: u32) -> bool {
    // SAFETY: signal 0 is never delivered.
    let answer = unsafe { call(libc::SYS_tgkill, [u64::from(process_id()), u64::from(thread), 0, 0, 0, 0]) };
    answer != Err(Errno(libc::ESRCH))
}

/// Whether the calling thread is the only one of its process. Errs towards no.
pub(crate) fn is_alone() -> bool {
    let path = c"/proc/self/task";
    let mut stat = core::mem::MaybeUninit::<libc::stat>::zeroed();
    let args = [flags(libc::AT_FDCWD), path.as_ptr().addr() as u64, stat.as_mut_ptr().addr() as u64, 0, 0, 0];
    // SAFETY: the path ends in NUL; the kernel writes one `stat`, for which all zero is a value too.
    let (answer, stat) = unsafe { (call(libc::SYS_newfstatat, args), stat.assume_init()) };
    // A directory of /proc/PID/task has two links and one for each thread.
    answer.is_ok() && stat.st_nlink == 3
}

/// The word at `address` of this process, if it is mapped.
pub(crate) fn read_own(address: u64) -> Option<u64> {
    let mut word = 0u64;
    let to = libc::iovec { iov_base: (&raw mut word).cast(), iov_len: size_of::<u64>() };
    let from = libc::iovec {
        iov_base: core::ptr::with_exposed_provenance_mut(usize::try_from(address).ok()?),
        iov_len: size_of::<u64>(),
    };
    let args =
        [u64::from(process_id()), (&raw const to).addr() as u64, 1, (&raw const from).addr() as u64, 1, 0];
    // SAFETY: the kernel writes at most one word to `word`, and checks `address` itself.
    (unsafe { call(libc::SYS_process_vm_readv, args) } == Ok(size_of::<u64>() as u64)).then_some(word)
}

/// Writes all of `text` to standard error, as far as it goes.
pub(crate) fn write_stderr(text: &[u8]) {
    let mut rest = text;
    while !rest.is_empty() {
        // SAFETY: the kernel reads `rest`, which is valid for its length.
        let answer =
            unsafe { call(libc::SYS_write, [2, rest.as_ptr().addr() as u64, rest.len() as u64, 0, 0, 0]) };
        match answer {
            Ok(written) if written > 0 => {
                rest = rest.get(usize::try_from(written).unwrap_or(rest.len())..).unwrap_or(&[])
            }
            Err(Errno(libc::EINTR)) => {}
            _ => return,
        }
    }
}

/// Ends the process by `SIGABRT`, whatever handlers it has after the first.
pub(crate) fn abort() -> ! {
    // SAFETY: libc's abort takes no arguments and does not return.
    unsafe { libc::abort() }
}

/// Milliseconds of the monotonic clock, modulo 2^32, to the precision of a scheduler tick.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "modulo 2^32 is what is asked for"
)]
pub(crate) fn now_ms() -> u32 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is valid for writing; this clock exists on every Linux since 2.6.32, so errno stays. Through libc, for the vDSO.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut now) };
    (now.tv_sec as u64).wrapping_mul(1000).wrapping_add(now.tv_nsec as u64 / 1_000_000) as u32
}

/// A file mapped for reading, for as long as the process lives.
pub(crate) fn map_file(path_with_nul: &[u8]) -> Result<&'static [u8]> {
    debug_assert!(path_with_nul.last() == Some(&0));
    let read_only = flags(libc::O_RDONLY | libc::O_CLOEXEC);
    let at = flags(libc::AT_FDCWD);
    // SAFETY: the path is NUL-terminated; `stat` is written whole by fstat; the mapping is private, read-only, never unmapped,
    // so the slice is valid for 'static (a file truncated later would fault, as any mapping of it does).
    unsafe {
        let file = call(libc::SYS_openat, [at, path_with_nul.as_ptr().addr() as u64, read_only, 0, 0, 0])?;
        let mut stat: libc::stat = core::mem::zeroed();
        let sized = call(libc::SYS_fstat, [file, (&raw mut stat).addr() as u64, 0, 0, 0, 0]);
        let len = u64::try_from(stat.st_size).unwrap_or(0);
        let mapped = sized.and_then(|_| {
            call(libc::SYS_mmap, [0, len, flags(libc::PROT_READ), flags(libc::MAP_PRIVATE), file, 0])
        });
        let _ = call(libc::SYS_close, [file, 0, 0, 0, 0, 0]);
        let start = core::ptr::with_exposed_provenance::<u8>(usize::try_from(mapped?).unwrap_or(0));
        Ok(core::slice::from_raw_parts(start, usize::try_from(len).unwrap_or(0)))
    }
}

/// The NUL-terminated text at an address of the initial environment; empty for address 0.
pub(crate) fn text_at(address: u64) -> &'static [u8] {
    let start = core::ptr::with_exposed_provenance::<libc::c_char>(usize::try_from(address).unwrap_or(0));
    if start.is_null() {
        return &[];
    }
    // SAFETY: the kernel put the environment's strings, each ending in NUL, above the initial stack, where they stay.
    unsafe { core::ffi::CStr::from_ptr(start) }.to_bytes()
}
