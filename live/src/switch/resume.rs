//! How a call in which a thread was parked is taken up by another thread.
//!
//! What the kernel knows of an interrupted call it knows of the thread that made it: a deadline, most of all. So the call is made anew, or it
//! ends as if a signal had come:
//!
//! - waits for events (`epoll_wait`, `poll`, `select`) end with `EINTR`: every event loop bears that, computes its timeouts anew, and takes its
//!   descriptors from memory, where they may have other numbers by now;
//! - all others are made again with the same arguments, unless a handler runs first: a futex, a sleep (of its full length), a signal's wait,
//!   reading from a blocking descriptor.

use crate::hold::{Hands, Registers};
use crate::kernel::ThreadState;
use mcrx_allocator::reader::{Address, Memory as _};
use nix::libc::{self, c_long};
use nix::unistd::Pid;

/// Calls that end with `EINTR`.
const WAITS: &[c_long] = &[
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_select,
    libc::SYS_pselect6,
];
/// The kernel's own error: make the call again unless a handler runs (`include/linux/errno.h`).
const ERESTARTNOHAND: i64 = 514;

/// The registers with which a thread takes another's part.
#[must_use]
pub fn taken_up(part: &ThreadState, hands: &Hands<'_>, thread: Pid) -> Registers {
    let before = |address: u64| {
        let process = hands.process_of(thread).ok()?;
        let mut bytes = [0; 7];
        hands.memory(process).ok()?.read(Address(address - 7), &mut bytes).ok()?;
        Some(bytes)
    };
    registers(&part.registers, before)
}

/// `before` reads the seven bytes in front of an address.
fn registers(parked: &Registers, before: impl Fn(u64) -> Option<[u8; 7]>) -> Registers {
    let mut call = parked.orig_rax.cast_signed();
    let interrupted = matches!(-parked.rax.cast_signed(), 4 | 512..=516);
    if call < 0 || !interrupted {
        return *parked;
    }
    if call == libc::SYS_restart_syscall {
        // Which call that was, nobody but the kernel knows; and the instruction in front of the one that calls.
        call = before(parked.rip).and_then(loaded).unwrap_or(call);
    }
    let ended = Registers { rax: (-i64::from(libc::EINTR)).cast_unsigned(), orig_rax: u64::MAX, ..*parked };
    if WAITS.contains(&call) || call == libc::SYS_restart_syscall {
        return ended;
    }
    // The thread is where the kernel decides about interrupted calls, and finds it interrupted.
    Registers { rax: (-ERESTARTNOHAND).cast_unsigned(), orig_rax: call.cast_unsigned(), ..*parked }
}

/// The number that `mov $NUMBER, %eax; syscall` calls by.
fn loaded(bytes: [u8; 7]) -> Option<i64> {
    match bytes {
        [0xB8, a, b, c, d, 0x0F, 0x05] => Some(i64::from(i32::from_le_bytes([a, b, c, d]))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hold::interrupted::tests::registers as stopped;

    fn taken(call: c_long, result: i64) -> (i64, i64) {
        let parked = Registers { rip: 0x1002, ..stopped(call, result) };
        let taken = registers(&parked, |_| Some([0xB8, 230, 0, 0, 0, 0x0F, 0x05]));
        assert_eq!(taken.rip, 0x1002);
        (taken.orig_rax.cast_signed(), taken.rax.cast_signed())
    }

    #[test]
    fn waits_for_events_end_and_others_are_made_again() {
        assert_eq!(taken(libc::SYS_epoll_wait, -514), (-1, -4));
        assert_eq!(taken(libc::SYS_poll, -516), (-1, -4));
        assert_eq!(taken(libc::SYS_futex, -512), (libc::SYS_futex, -514));
        assert_eq!(taken(libc::SYS_clock_nanosleep, -516), (libc::SYS_clock_nanosleep, -514));
    }

    #[test]
    fn a_call_that_was_interrupted_before_is_found_by_its_instructions() {
        assert_eq!(taken(libc::SYS_restart_syscall, -516), (230, -514));
        let parked = stopped(libc::SYS_restart_syscall, -516);
        assert_eq!(registers(&parked, |_| None).rax.cast_signed(), -4, "it ends");
    }

    #[test]
    fn what_waits_in_nothing_goes_on_as_it_is() {
        assert_eq!(taken(-1, 5), (-1, 5));
        assert_eq!(taken(libc::SYS_read, 17), (libc::SYS_read, 17));
    }
}
