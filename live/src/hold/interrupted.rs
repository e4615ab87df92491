//! System calls that a stop interrupts, and what makes them go on as if it had not.
//!
//! A thread that is stopped in a blocking call has left it: its registers hold the call's number and an error that says what is to
//! become of it, and nothing of the program runs before the kernel has acted upon that (signal(7), "Interruption of system calls by
//! stop signals"). For most calls the error is one of the kernel's own, such as `ERESTARTSYS`, and the call is made again, with its
//! old deadline where the kernel keeps one (`nanosleep`, `poll`, `select`, timed futexes). But some end with `EINTR` even though no
//! signal came. Their error is replaced by `ERESTARTNOHAND`, whose meaning is what we want: made again if no handler runs, `EINTR` if one
//! does. The kernel decides that as it lets the thread go, so a signal that arrives at the last moment is not missed.
//!
//! What remains, since the kernel does not keep it: a call of this list that has a *relative* timeout (`epoll_wait`, `semtimedop`,
//! `sigtimedwait`, `SO_RCVTIMEO`) waits that long from now on. A call that has done part of its work, such as `sendfile` or a
//! write to a full socket, says how much that was, as it may at any time.

use nix::libc::{self, c_long};
use nix::sys::ptrace;
use nix::unistd::Pid;

/// The kernel's own error: make the call again unless a handler runs (`include/linux/errno.h`).
const ERESTARTNOHAND: i64 = 514;
/// The code segment of 64-bit programs on x86-64; in others, calls have other numbers.
pub(super) const USER64_CODE: u64 = 0x33;

/// Calls that may end with `EINTR` when their thread is stopped, having done nothing: they can be made again as they were.
///
/// `close` is not among them, and must never be: it ends with `EINTR` after the descriptor is gone.
const MADE_AGAIN: &[c_long] = &[
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_io_getevents,
    // io_pgetevents, for which libc has no name.
    333,
    libc::SYS_io_uring_enter,
    // Sockets with a timeout of their own.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_connect,
    // These answer with the kernel's own errors today; should one of them not, it is none the worse for being here.
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_select,
    libc::SYS_pselect6,
    libc::SYS_msgrcv,
    libc::SYS_msgsnd,
    libc::SYS_mq_timedreceive,
    libc::SYS_mq_timedsend,
    libc::SYS_pause,
    libc::SYS_rt_sigsuspend,
    libc::SYS_futex,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_flock,
];

/// What a stopped thread's `rax` must become so that its call goes on; nothing if it may stay.
pub(super) fn repaired(registers: &libc::user_regs_struct) -> Option<i64> {
    let call = registers.orig_rax.cast_signed();
    let result = registers.rax.cast_signed();
    let ended = result == -i64::from(libc::EINTR) && registers.cs == USER64_CODE;
    (ended && MADE_AGAIN.contains(&call)).then_some(-ERESTARTNOHAND)
}

/// Sees to it that the call of a thread goes on that stands interrupted.
pub(crate) fn repair(thread: Pid) {
    let Ok(registers) = ptrace::getregs(thread) else { return };
    if let Some(result) = repaired(&registers) {
        // Fails if it was killed this moment.
        let _ = ptrace::write_user(thread, std::ptr::without_provenance_mut(RAX), result);
    }
}

/// Where `rax` is in what PTRACE_POKEUSER writes to.
pub(super) const RAX: usize = std::mem::offset_of!(libc::user_regs_struct, rax);

/// Whether a stopped thread waits in the kernel, and in which call: its number in `arch/x86/entry/syscalls/syscall_64.tbl`.
///
/// A sleep that was interrupted before shows as `restart_syscall`: see [`super::thread::named`].
pub(crate) fn blocked_in(registers: &libc::user_regs_struct) -> Option<u32> {
    // From 512 on they are the kernel's own; -1 in orig_rax: no call.
    let interrupted = matches!(-registers.rax.cast_signed(), 4 | 512..=516);
    let call = registers.orig_rax.cast_signed();
    if interrupted { u32::try_from(call).ok() } else { None }
}

/// The registers with which a stopped thread makes its call again, or goes on if it was in none, without the kernel's help.
///
/// Not as good as the kernel: a call with a timeout waits for all of it again.
pub(super) fn made_again(registers: &libc::user_regs_struct) -> libc::user_regs_struct {
    let again = matches!(-registers.rax.cast_signed(), 512 | 513 | 514 | 516)
        && registers.orig_rax.cast_signed() >= 0;
    if !again {
        return *registers;
    }
    // The two bytes of the instruction that called.
    libc::user_regs_struct { rax: registers.orig_rax, rip: registers.rip.wrapping_sub(2), ..*registers }
}

/// The call by which the kernel goes on with one that has a deadline.
const RESTART_SYSCALL: u64 = 219;

/// Whether the kernel may keep something of its own of the call that a stopped thread waits in (a deadline): until the thread makes
/// `restart_syscall`, which it may be about to.
pub(super) fn has_deadline(registers: &libc::user_regs_struct) -> bool {
    const ERESTART_RESTARTBLOCK: i64 = 516;
    let interrupted = -registers.rax.cast_signed() == ERESTART_RESTARTBLOCK;
    (interrupted || registers.rax == RESTART_SYSCALL) && registers.orig_rax.cast_signed() >= 0
}

/// Where the instruction is by which a stopped thread goes on with a call as `restart_syscall`, if it does: it was interrupted in that, or the
/// kernel had it ready to make it when it was stopped once more.
pub(super) fn goes_on_at(registers: &libc::user_regs_struct) -> Option<u64> {
    if registers.orig_rax == RESTART_SYSCALL {
        Some(registers.rip.wrapping_sub(2))
    } else if registers.rax == RESTART_SYSCALL && has_deadline(registers) {
        Some(registers.rip)
    } else {
        None
    }
}

/// The number that `mov $NUMBER, %eax; syscall` makes a call of.
pub(super) fn number_in(code: [u8; 7]) -> Option<u32> {
    match code {
        [0xB8, a, b, c, d, 0x0F, 0x05] => Some(u32::from_le_bytes([a, b, c, d])),
        _ => None,
    }
}

/// The registers of a thread that goes on with a call as `restart_syscall`, with the call's own number.
pub(super) fn with_number(registers: &libc::user_regs_struct, number: u32) -> libc::user_regs_struct {
    let number = u64::from(number);
    if registers.orig_rax == RESTART_SYSCALL {
        libc::user_regs_struct { orig_rax: number, ..*registers }
    } else {
        libc::user_regs_struct { rax: number, ..*registers }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn registers(call: c_long, result: i64) -> libc::user_regs_struct {
        libc::user_regs_struct {
            r15: 0,
            r14: 0,
            r13: 0,
            r12: 0,
            rbp: 0,
            rbx: 0,
            r11: 0,
            r10: 0,
            r9: 0,
            r8: 0,
            rax: result.cast_unsigned(),
            rcx: 0,
            rdx: 0,
            rsi: 0,
            rdi: 0,
            orig_rax: call.cast_unsigned(),
            rip: 0,
            cs: USER64_CODE,
            eflags: 0,
            rsp: 0,
            ss: 0,
            fs_base: 0,
            gs_base: 0,
            ds: 0,
            es: 0,
            fs: 0,
            gs: 0,
        }
    }

    #[test]
    fn only_a_call_that_can_be_made_again_is() {
        let eintr = -i64::from(libc::EINTR);
        assert_eq!(repaired(&registers(libc::SYS_epoll_wait, eintr)), Some(-514));
        assert_eq!(repaired(&registers(libc::SYS_close, eintr)), None, "its descriptor is gone");
        assert_eq!(repaired(&registers(libc::SYS_epoll_wait, 3)), None, "it has events to tell of");
        assert_eq!(repaired(&registers(-1, eintr)), None, "it is in no call");
        assert_eq!(repaired(&registers(libc::SYS_epoll_wait, -512)), None, "the kernel does it");
    }

    #[test]
    fn a_call_of_a_32_bit_program_is_left_alone() {
        let mut registers = registers(libc::SYS_epoll_wait, -i64::from(libc::EINTR));
        registers.cs = 0x23;
        assert_eq!(repaired(&registers), None);
    }

    #[test]
    fn a_call_is_made_again_by_its_number_and_its_instruction() {
        let waiting = libc::user_regs_struct { rip: 0x1002, ..registers(libc::SYS_epoll_wait, -514) };
        let again = made_again(&waiting);
        assert_eq!((again.rax, again.rip), (232, 0x1000));
        let computing = libc::user_regs_struct { rip: 0x1002, ..registers(-1, -514) };
        assert_eq!((made_again(&computing).rax, made_again(&computing).rip), (computing.rax, 0x1002));
        assert!(has_deadline(&registers(libc::SYS_nanosleep, -516)) && !has_deadline(&waiting));
    }

    #[test]
    fn a_sleep_that_the_kernel_goes_on_with_is_made_again_by_its_own_number() {
        // mov $35, %eax; syscall
        let code = [0xB8, 35, 0, 0, 0, 0x0F, 0x05];
        let number = number_in(code).unwrap();
        assert_eq!((number, number_in([0x89, 35, 0, 0, 0, 0x0F, 0x05])), (35, None));
        let interrupted = libc::user_regs_struct { rip: 0x1002, ..registers(219, -516) };
        assert_eq!(goes_on_at(&interrupted), Some(0x1000));
        let again = made_again(&with_number(&interrupted, number));
        assert_eq!((again.rax, again.rip), (35, 0x1000));
        // Stopped once more before it was made.
        let ready = libc::user_regs_struct { rip: 0x1000, ..registers(libc::SYS_nanosleep, 219) };
        assert!(has_deadline(&ready));
        assert_eq!(goes_on_at(&ready), Some(0x1000));
        let again = made_again(&with_number(&ready, number));
        assert_eq!((again.rax, again.rip), (35, 0x1000));
        assert_eq!(goes_on_at(&registers(libc::SYS_epoll_wait, -514)), None);
    }

    #[test]
    fn a_thread_that_computes_is_blocked_in_nothing() {
        assert_eq!(blocked_in(&registers(libc::SYS_nanosleep, -516)), Some(35));
        assert_eq!(blocked_in(&registers(libc::SYS_epoll_wait, -4)), Some(232));
        assert_eq!(blocked_in(&registers(-1, -4)), None);
        assert_eq!(blocked_in(&registers(libc::SYS_getpid, 17)), None);
    }
}
