//! What the kernel says of tracees, by waitid(2).
//!
//! The report of a stop is looked at and left where it is (`WNOWAIT`). With the report of a signal on its way the kernel gives away the
//! signal itself, to be handed back when the thread is let go: if we were killed in between, the thread would go on without it. What is
//! only looked at, the kernel still has, and delivers. A thread that goes on takes the report of its stop with it, so none is seen twice.

use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus, waitid};

/// What has become of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// It stands still; as it stopped by itself or was interrupted, at a `PTRACE_EVENT_...`, or, without one, for a signal.
    Stopped { signal: i32, event: Option<i32> },
    /// It is no more, and nothing is left of it to be waited for.
    Ended,
}

/// What there is to say of a thread by now, if anything.
pub(super) fn of(thread: Pid) -> Option<Report> {
    reported(thread, WaitIdOptions::NOHANG).ok().flatten()
}

/// Waits until there is something to say.
///
/// # Errors
/// ECHILD: it is no tracee of the calling thread.
pub(super) fn wait(thread: Pid) -> Result<Report, Errno> {
    loop {
        match reported(thread, WaitIdOptions::empty()) {
            Ok(None) | Err(Errno::EINTR) => {}
            Ok(Some(report)) => return Ok(report),
            Err(errno) => return Err(errno),
        }
    }
}

/// Waits until a thread that was killed is gone.
pub(crate) fn wait_for_end(thread: Pid) {
    while let Ok(None) | Err(Errno::EINTR) = waited(thread, WaitIdOptions::EXITED) {}
}

/// Takes the report of a stop, as if it had never been there.
pub(crate) fn take(thread: Pid) {
    let _ = waited(thread, WaitIdOptions::STOPPED | WaitIdOptions::NOHANG);
}

fn reported(thread: Pid, how: WaitIdOptions) -> Result<Option<Report>, Errno> {
    let looked_at = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let Some(status) = waited(thread, how | looked_at)? else { return Ok(None) };
    if let Some(code) = status.trapping_signal() {
        let event = Some(code >> 8).filter(|event| *event != 0);
        return Ok(Some(Report::Stopped { signal: code & 0xff, event }));
    }
    // Left there, it would be a zombie, and its parent not told, until we end.
    let _ = waited(thread, WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
    Ok(Some(Report::Ended))
}

fn waited(thread: Pid, options: WaitIdOptions) -> Result<Option<WaitIdStatus>, Errno> {
    // Tracees of this thread only. rustix has no names for these two.
    let ours = WaitIdOptions::from_bits_retain((libc::__WALL | libc::__WNOTHREAD).cast_unsigned());
    let id = rustix::process::Pid::from_raw(thread.as_raw()).ok_or(Errno::ESRCH)?;
    waitid(WaitId::Pid(id), options | ours).map_err(|errno| Errno::from_raw(errno.raw_os_error()))
}
