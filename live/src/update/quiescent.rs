//! Bringing a server to where it only waits: then nothing is half done that would have to be carried over.
//!
//! A thread of the old release can take the part of one of the new one if it waits in a call of the same kind as that one does. Anywhere
//! else it is in the middle of something, and is run on until it gets there. One that waits for work elsewhere all the time stays there: what
//! that means is found out later ([`super::waits`]).

use super::UpdateError;
use super::parked::Parked;
use crate::hold::{Hands, Held, HeldThread, waits_for_work};
use crate::kernel::KernelState;
use nix::libc;
use std::time::Instant;

/// Runs threads on that are in the middle of something. Says which of them neither got to the end of it nor wait for work.
pub(super) fn reach(
    held: &Held,
    hands: &Hands<'_>,
    parked: &Parked,
    deadline: Instant,
) -> Result<Vec<String>, UpdateError> {
    let mut busy = Vec::new();
    for process in &held.processes {
        let Some((_, new)) = parked.state(process.pid.as_raw().cast_unsigned()) else { continue };
        let unrest = hands.run_to_rest(process.pid, &|thread| rests(thread, new), deadline)?;
        let threads = hands.threads(process.pid);
        for thread in unrest {
            let held = threads.iter().find(|one| one.id == thread);
            // Whether it may wait there is found out when it is known what has led it there.
            if held.is_some_and(waits_for_work) {
                continue;
            }
            let doing = match held.and_then(|held| held.blocked_in) {
                Some(call) => format!("is in system call {call}"),
                None => "did not come to an end of what it does".to_owned(),
            };
            busy.push(format!("thread {thread} of process {} {doing}", process.pid));
        }
    }
    Ok(busy)
}

fn rests(thread: &HeldThread, new: &KernelState) -> bool {
    let waits = |call: u32| {
        let others = new.threads.iter().filter_map(|thread| thread.blocked_in);
        others.into_iter().any(|other| kind(other) == kind(call))
    };
    waits_for_work(thread) && thread.blocked_in.is_some_and(waits)
}

/// Calls that wait for the same, in the spelling of another year.
pub(super) fn kind(call: u32) -> i64 {
    match i64::from(call) {
        libc::SYS_epoll_wait | libc::SYS_epoll_pwait | libc::SYS_epoll_pwait2 => libc::SYS_epoll_wait,
        libc::SYS_poll | libc::SYS_ppoll => libc::SYS_poll,
        libc::SYS_select | libc::SYS_pselect6 => libc::SYS_select,
        libc::SYS_nanosleep | libc::SYS_clock_nanosleep => libc::SYS_nanosleep,
        other => other,
    }
}
