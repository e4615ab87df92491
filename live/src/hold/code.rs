//! Instructions of a process that make system calls: short runs of bytes that every C library has.

use crate::process::is_c_library;
use crate::process::maps::Mapping;
use crate::process::memory::ProcessMemory;
use mcrx_allocator::reader::{Address, Memory as _};
use nix::unistd::Pid;

/// `syscall; ret`
const SYSTEM_CALL: &[u8] = &[0x0F, 0x05, 0xC3];
/// `mov $15, %rax; syscall`: what a signal handler returns to. Debuggers know signal frames by these bytes.
const SIGRETURN: &[u8] = &[0x48, 0xC7, 0xC0, 0x0F, 0, 0, 0, 0x0F, 0x05];
/// `mov %rax, (%rbx); pop %rbx; ret`: stores what a function has returned, where a register says that it must keep for its caller.
const STORE: &[u8] = &[0x48, 0x89, 0x03, 0x5B, 0xC3];
/// Bytes that are read at a time.
const STEP: u64 = 1 << 18;
/// Most bytes of a mapping that are looked through.
const MOST: u64 = 64 << 20;

/// Where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    pub(super) system_call: u64,
    pub(super) sigreturn: u64,
    /// Not every C library has them; they are needed to call functions only.
    pub(super) store: Option<u64>,
}

impl Code {
    /// Looks through what a process may run, the C library first. `None`: it is not there, or cannot be read.
    #[must_use]
    pub fn find(thread: Pid, mappings: &[Mapping]) -> Option<Code> {
        let memory = ProcessMemory::of(thread);
        let runs = |mapping: &&Mapping| {
            mapping.execute && mapping.read && !mapping.shared && !mapping.is("vsyscall")
        };
        let is_libc = |mapping: &&Mapping| mapping.path().is_some_and(is_c_library);
        let (first, others): (Vec<_>, Vec<_>) = mappings.iter().filter(runs).partition(is_libc);
        let (mut system_call, mut sigreturn, mut store) = (None, None, None);
        for mapping in first.into_iter().chain(others) {
            let mut start = mapping.range.start;
            while start < mapping.range.end.min(mapping.range.start.saturating_add(MOST)) {
                // What lies across two steps is not found. There is more than one.
                let len = (mapping.range.end - start).min(STEP);
                let mut bytes = vec![0; usize::try_from(len).ok()?];
                if memory.read(Address(start), &mut bytes).is_err() {
                    break;
                }
                let place = |wanted: &[u8]| {
                    let at = memchr::memmem::find(&bytes, wanted)?;
                    u64::try_from(at).ok().map(|at| start + at)
                };
                system_call = system_call.or_else(|| place(SYSTEM_CALL));
                sigreturn = sigreturn.or_else(|| place(SIGRETURN));
                store = store.or_else(|| place(STORE));
                if let (Some(system_call), Some(sigreturn), Some(_)) = (system_call, sigreturn, store) {
                    return Some(Code { system_call, sigreturn, store });
                }
                start += len;
            }
        }
        Some(Code { system_call: system_call?, sigreturn: sigreturn?, store })
    }

    /// Whether they are still there.
    pub(super) fn is_there(&self, thread: Pid, mappings: &[Mapping]) -> bool {
        let memory = ProcessMemory::of(thread);
        let all = [(self.system_call, SYSTEM_CALL), (self.sigreturn, SIGRETURN)];
        all.into_iter().chain(self.store.map(|store| (store, STORE))).all(|(address, wanted)| {
            let mut found = vec![0; wanted.len()];
            crate::process::maps::holding(mappings, address).is_some_and(|mapping| mapping.execute)
                && memory.read(Address(address), &mut found).is_ok()
                && found == wanted
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_them_in_its_c_library() {
        let mappings = crate::process::maps::read(Pid::this()).unwrap();
        let code = Code::find(Pid::this(), &mappings).unwrap();
        assert!(code.is_there(Pid::this(), &mappings));
        let elsewhere = Code { system_call: code.system_call + 1, ..code };
        assert!(!elsewhere.is_there(Pid::this(), &mappings));
    }
}
