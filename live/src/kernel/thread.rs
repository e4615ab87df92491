//! A thread as the kernel has it.

use crate::hold::Registers;
use nix::unistd::Pid;

/// What a thread would need to be gone on with by another one.
#[derive(Debug, Clone)]
pub struct ThreadState {
    /// Its number as the process itself sees it, in the innermost pid namespace.
    pub tid: i32,
    /// Its number as we see it.
    pub id: Pid,
    /// General registers as it stopped, `fs_base` and `gs_base` among them. Where it waits in a call, `rax` is what the kernel makes of the
    /// interruption.
    pub registers: Registers,
    /// Floating-point and vector registers, as XSAVE lays them out and `NT_X86_XSTATE` has them.
    pub extended: Vec<u8>,
    /// Signals that it blocks, a bit each from SIGHUP on.
    pub mask: u64,
    /// Where the kernel tells it on which processor it runs.
    pub rseq: Option<Rseq>,
    /// Locks that are to be freed if it ends.
    pub robust_list: Option<RobustList>,
    /// Where the kernel writes 0 and wakes a waiter when it ends (`set_tid_address(2)`); for the C library's threads the tid in their
    /// `struct pthread`.
    pub clear_tid: Option<u64>,
    /// The stack for its signal handlers, if it has one.
    pub alternate_stack: Option<AlternateStack>,
    /// The kernel's name for it, at most 15 bytes.
    pub name: Vec<u8>,
    /// The function that it was started with, from its `struct pthread`; none of a main thread, or without the C library's word for it.
    pub start_routine: Option<u64>,
    /// The call that it waits in, by its number.
    pub blocked_in: Option<u32>,
}

/// Registration of a restartable sequence area (rseq(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rseq {
    /// Of its `struct rseq`.
    pub address: u64,
    /// In bytes, as it was registered.
    pub len: u32,
    /// What stands before an abort handler.
    pub signature: u32,
}

/// What `set_robust_list(2)` was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RobustList {
    /// The list's head.
    pub head: u64,
    /// Bytes of the head.
    pub len: u64,
}

/// A `stack_t` of `sigaltstack(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlternateStack {
    /// Its lowest address.
    pub base: u64,
    /// `SS_AUTODISARM`, or nothing.
    pub flags: u32,
    /// In bytes.
    pub len: u64,
}

impl AlternateStack {
    /// The size of a `stack_t` in memory.
    pub const LEN: usize = 24;
    /// `SS_DISABLE`
    const NONE: u32 = 2;

    /// From a `stack_t`; nothing if it says that there is none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; AlternateStack::LEN]) -> Option<AlternateStack> {
        let word = |at: usize| {
            let word = bytes.get(at..at + 8).and_then(|word| word.try_into().ok());
            word.map_or(0, u64::from_le_bytes)
        };
        // SS_ONSTACK says where the thread is at the moment, and cannot be set.
        let flags = u32::try_from(word(8) & 0xFFFF_FFFE).unwrap_or(AlternateStack::NONE);
        (flags & AlternateStack::NONE == 0).then(|| AlternateStack { base: word(0), flags, len: word(16) })
    }

    /// As a `stack_t`.
    #[must_use]
    pub fn to_bytes(this: Option<AlternateStack>) -> [u8; AlternateStack::LEN] {
        let none = AlternateStack { base: 0, flags: AlternateStack::NONE, len: 0 };
        let this = this.unwrap_or(none);
        let mut bytes = [0; AlternateStack::LEN];
        for (place, word) in bytes.chunks_exact_mut(8).zip([this.base, u64::from(this.flags), this.len]) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alternate_stack_comes_back_from_memory_as_it_was() {
        let stack = Some(AlternateStack { base: 0x7000_0000, flags: 1 << 31, len: 8192 });
        assert_eq!(AlternateStack::from_bytes(&AlternateStack::to_bytes(stack)), stack);
        assert_eq!(AlternateStack::from_bytes(&AlternateStack::to_bytes(None)), None);
    }
}
