//! The address space of a process that another one's memory is to be put into.

use crate::process::maps::{self, Mapping};
use nix::unistd::Pid;
use std::fs;
use std::io;
use std::ops::Range;

/// What the kernel keeps free below a stack (`stack_guard_gap` of mm/mmap.c: 256 pages).
const STACK_GUARD: u64 = 1 << 20;
/// What is kept free behind the brk heap. The tagging allocator does not use it: this is for libraries that do.
const HEAP_ROOM: u64 = 64 << 20;
/// A main stack is never given more than this, and no more is kept free for one: a limit may be "unlimited".
const STACK_MOST: u64 = 64 << 20;

/// What a process has mapped, and how far its stack may grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// By address.
    pub mappings: Vec<Mapping>,
    /// Bytes that the main thread's stack may have (RLIMIT_STACK of getrlimit(2)).
    pub stack_limit: u64,
}

impl Space {
    /// Of a process, through a thread of it that has memory.
    ///
    /// # Errors
    /// Those of reading `/proc/PID/maps`.
    pub fn of(thread: Pid) -> io::Result<Space> {
        let mappings = maps::read(thread)?;
        let stack_limit = stack_limit(thread).unwrap_or(u64::MAX);
        Ok(Space { mappings, stack_limit })
    }

    /// How much a main stack is given, or kept free for it.
    pub(super) fn stack_room(&self) -> u64 {
        self.stack_limit.min(STACK_MOST).next_multiple_of(crate::process::pages::PAGE)
    }

    /// Addresses that are taken or must stay free, by address, with what is there; nothing of the kernel's own old page, which all
    /// processes have.
    pub(super) fn taken(&self) -> Vec<(Range<u64>, &Mapping)> {
        let of_programs = self.mappings.iter().filter(|mapping| !mapping.is("vsyscall"));
        of_programs.map(|mapping| (self.with_room(mapping), mapping)).collect()
    }

    fn with_room(&self, mapping: &Mapping) -> Range<u64> {
        let Range { start, end } = mapping.range;
        if mapping.is("stack") {
            return end.saturating_sub(self.stack_room() + STACK_GUARD).min(start)..end;
        }
        if mapping.is("heap") {
            return start..end.saturating_add(HEAP_ROOM);
        }
        start..end
    }
}

/// What the list says as what a mapping is, for people.
pub(super) fn name(mapping: &Mapping) -> String {
    match &mapping.name {
        maps::Name::None => "anonymous memory".to_owned(),
        maps::Name::File { path, .. } => {
            path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
        }
        maps::Name::Special(word) => match word.as_str() {
            "stack" => "its stack".to_owned(),
            "heap" => "its heap".to_owned(),
            other => other.to_owned(),
        },
    }
}

fn stack_limit(thread: Pid) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{thread}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max stack size"))?;
    Some(line.split_whitespace().next()?.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &[u8] = b"\
555555554000-555555556000 r--p 00001000 fe:0a 12                         /usr/sbin/nginx
555555556000-555555557000 rw-p 00000000 00:00 0                          [heap]
7ffe00000000-7ffe00021000 rw-p 00000000 00:00 0                          [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
";

    #[test]
    fn room_to_grow_is_taken_too() {
        let space = Space { mappings: maps::parse(MAPS), stack_limit: 8 << 20 };
        let taken: Vec<Range<u64>> = space.taken().into_iter().map(|(range, _)| range).collect();
        assert_eq!(
            taken,
            [
                0x5555_5555_4000..0x5555_5555_6000,
                0x5555_5555_6000..0x5555_5555_7000 + (64 << 20),
                0x7ffe_0002_1000 - (9 << 20)..0x7ffe_0002_1000,
            ]
        );
    }

    #[test]
    fn a_stack_without_limit_keeps_a_bounded_room() {
        let space = Space { mappings: Vec::new(), stack_limit: u64::MAX };
        assert_eq!(space.stack_room(), 64 << 20);
    }

    #[test]
    fn this_process_has_a_stack_and_a_limit_for_it() {
        let space = Space::of(Pid::this()).unwrap();
        assert!(space.mappings.iter().any(|mapping| mapping.is("stack")));
        let limit = rustix::process::getrlimit(rustix::process::Resource::Stack).current;
        assert_eq!(space.stack_limit, limit.unwrap_or(u64::MAX));
    }
}
