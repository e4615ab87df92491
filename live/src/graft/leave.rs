//! What of the old program's memory is not used any more when the new release runs.
//!
//! Its code and variables, its libraries, its stacks. What stays is what the new image has of it too ([`mcrx_transform::target::Merged`]): the
//! heap, memory that the program has mapped for itself or shares with others.
//!
//! It is unmapped, or becomes inaccessible first, which can be taken back. Either way a pointer that was forgotten stops the process where it is used,
//! and does not go on unseen.

use super::journal::{Journal, Step, protect};
use super::plan::Plan;
use crate::hold::{Hands, HandsError};
use crate::process::maps::Mapping;
use mcrx_allocator::abi;
use mcrx_tracer::image::{Permissions, Process};
use nix::libc;
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::ops::Range;
use std::path::Path;

/// Memory that is left behind, by address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Left(Vec<(Range<u64>, Permissions)>);

impl Left {
    /// Of a process of which there is an image as the old release's (`old`), now that it has these mappings too (`now`), of which
    /// the plan made some.
    #[must_use]
    pub fn of(old: &Process, now: &[Mapping], plan: &Plan) -> Left {
        let belongs = |mapping: &&Mapping| {
            let Range { start, end } = mapping.range;
            let kernels = ["vdso", "vvar", "vvar_vclock", "vsyscall", "heap"];
            let of_a_heap = abi::is_region_base(abi::region_of(start));
            let stays =
                kernels.iter().any(|word| mapping.is(word)) || of_a_heap || plan.piece_at(start).is_some();
            let holds = |address: u64| mapping.range.contains(&address);
            let of_a_module =
                || old.modules.iter().any(|module| module.range.start < end && start < module.range.end);
            // A thread's own variables lie around its `fs_base`, most threads' at the upper end of their stacks.
            let of_a_thread = || {
                old.threads
                    .iter()
                    .any(|thread| holds(thread.registers.rsp) || holds(thread.registers.fs_base))
            };
            // What the old allocator reads of allocation functions.
            let is_table = || mapping.path().is_some_and(is_table);
            // The old program's hooks, whose memory nobody else has. A program may make code for itself that looks like it from outside.
            let of_stubs = || {
                let may_be = mapping.inode == 0 && mapping.execute && !mapping.write;
                may_be && old.memory.word(start.saturating_add(8)) == Some(abi::STUBS_MAGIC)
            };
            !stays
                && (mapping.is("stack")
                    || (of_a_module() && !mapping.shared)
                    || of_a_thread()
                    || of_stubs()
                    || is_table())
        };
        let mut left: Vec<&Mapping> = now.iter().filter(belongs).collect();
        // Below a thread's stack lies a guard, which was made with it.
        let guards = now.iter().filter(|guard| {
            let nothing = !guard.read && !guard.write && !guard.execute && guard.inode == 0;
            nothing
                && plan.piece_at(guard.range.start).is_none()
                && left.iter().any(|mapping| mapping.inode == 0 && mapping.range.start == guard.range.end)
        });
        let guards: Vec<&Mapping> = guards.collect();
        left.extend(guards);
        left.sort_by_key(|mapping| mapping.range.start);
        left.dedup_by_key(|mapping| mapping.range.start);
        let permissions = |mapping: &Mapping| Permissions {
            read: mapping.read,
            write: mapping.write,
            execute: mapping.execute,
        };
        Left(left.into_iter().map(|mapping| (mapping.range.clone(), permissions(mapping))).collect())
    }

    /// The addresses, those that touch made one.
    #[must_use]
    pub fn ranges(&self) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for (range, _) in &self.0 {
            match ranges.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ranges.push(range.clone()),
            }
        }
        ranges
    }

    /// Makes it inaccessible.
    pub(super) fn hide(
        &self,
        hands: &Hands<'_>,
        thread: Pid,
        journal: &mut Journal,
    ) -> Result<(), HandsError> {
        let steps = self
            .0
            .iter()
            .map(|(range, permissions)| Step::Protected { range: range.clone(), permissions: *permissions });
        journal.steps.extend(steps);
        self.ranges().iter().try_for_each(|range| protect(hands, thread, range, Permissions::default()))
    }

    /// Unmaps it. This cannot be taken back.
    ///
    /// # Errors
    /// [`HandsError`]
    pub fn unmap(&self, hands: &Hands<'_>, thread: Pid) -> Result<(), HandsError> {
        self.ranges().iter().try_for_each(|range| {
            let arguments = [range.start, range.end - range.start, 0, 0, 0, 0];
            hands.system_call(thread, libc::SYS_munmap, arguments).map(drop)
        })
    }
}

/// Whether a file is one of the tables, of callers or of hooks, that `mcrx run` makes for the allocator: they are named after a build-id.
fn is_table(path: &Path) -> bool {
    // One that was removed since has a mark behind its name.
    let name = path.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default();
    let name = name.strip_suffix(b" (deleted)").unwrap_or(name);
    let id = name.strip_suffix(b".callers").or_else(|| name.strip_suffix(b".hooks"));
    id.is_some_and(|id| !id.is_empty() && id.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Piece, Source};
    use super::*;
    use crate::process::maps;
    use mcrx_tracer::image::{Fake, Module, Registers, Thread};

    const NOW: &[u8] = b"\
100000000000-100000010000 rw-p 00000000 00:00 0
555555554000-555555556000 r-xp 00000000 fe:0a 12                         /usr/sbin/server
555555556000-555555557000 rw-p 00002000 fe:0a 12                         /usr/sbin/server
555555557000-555555558000 rw-p 00000000 00:00 0                          [heap]
555555640000-555555641000 r-xp 00000000 00:00 0
555555650000-555555651000 r-xp 00000000 00:00 0
565555554000-565555556000 r-xp 00000000 fe:0a 13                         /usr/sbin/server-2
7f0000000000-7f0000001000 ---p 00000000 00:00 0
7f0000001000-7f0000801000 rw-p 00000000 00:00 0
7f0000900000-7f0000910000 rw-p 00000000 00:00 0
7f0000910000-7f0000920000 rw-s 00000000 00:01 1026                       /dev/zero (deleted)
7f0000930000-7f0000931000 rw-p 00000000 00:00 0
7f0000940000-7f0000941000 r--p 00000000 fe:0a 77                         /var/cache/callers/0badcafe.callers (deleted)
7f0000941000-7f0000942000 r--p 00000000 fe:0a 79                         /var/cache/callers/0badcafe.hooks
7f0000942000-7f0000943000 r--p 00000000 fe:0a 78                         /srv/of-the-program.callers
7ffe00000000-7ffe00021000 rw-p 00000000 00:00 0                          [stack]
7ffe00106000-7ffe00108000 r-xp 00000000 00:00 0                          [vdso]
";

    #[test]
    fn code_and_stacks_are_left_behind_and_heaps_are_not() {
        let range = 0x5555_5555_4000..0x5555_5555_7000;
        let module =
            Module { path: "/usr/sbin/server".into(), build_id: None, bias: range.start, range, tls: None };
        let thread = |rsp, fs_base| Thread {
            tid: 1,
            name: String::new(),
            registers: Registers { rsp, fs_base, ..Registers::default() },
            blocked_in: None,
        };
        let old = Fake::new().module(module);
        let old = old.words(0x5555_5564_0000, &[1, abi::STUBS_MAGIC]).words(0x5555_5565_0000, &[1, 2]);
        let old = old
            .thread(thread(0x7ffe_0002_0000, 0x7f00_0093_0740))
            .thread(thread(0x7f00_0080_0000, 0x7f00_0080_0700));
        let piece = Piece {
            range: 0x5655_5555_4000..0x5655_5555_6000,
            permissions: Permissions::READ_EXECUTE,
            source: Source::Zeros,
        };
        let plan = Plan { pieces: vec![piece], moves: Vec::new() };
        let left = Left::of(&old.process(), &maps::parse(NOW), &plan);
        let wanted = [
            0x5555_5555_4000..0x5555_5555_7000,
            0x5555_5564_0000..0x5555_5564_1000,
            0x7f00_0000_0000..0x7f00_0080_1000,
            0x7f00_0093_0000..0x7f00_0093_1000,
            0x7f00_0094_0000..0x7f00_0094_2000,
            0x7ffe_0000_0000..0x7ffe_0002_1000,
        ];
        assert_eq!(left.ranges(), wanted);
        assert_eq!(left.0[0].1, Permissions::READ_EXECUTE);
        assert_eq!(left.0[1].1, Permissions::READ_WRITE);
        assert_eq!(left.0[2].1, Permissions::READ_EXECUTE);
        assert_eq!(left.0[3].1, Permissions::default());
    }
}
