//! What the twin of a process does not have as the process had it: it is copied while that is held, and put in its place afterwards.
//!
//! That is memory that a child does not get or finds wiped, and what the thread that made the twin has on its stack at that moment.

use super::plan::Plan;
use crate::hold::Code;
use crate::process::flags::{self, Flags};
use crate::process::maps;
use crate::process::memory::ProcessMemory;
use crate::process::pages::{Pages, Which};
use crate::process::status::{Status, live_thread};
use mcrx_allocator::reader::{Address, Memory as _};
use nix::unistd::Pid;
use std::fs;
use std::io;
use std::ops::Range;

/// What was found out before the hold.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) code: Code,
    /// By address.
    not_copied: Vec<Range<u64>>,
}

impl Prepared {
    /// `None`: this process is better copied.
    pub(super) fn of(process: Pid) -> Option<Prepared> {
        if inherits_orphans(process) {
            return None;
        }
        let thread = live_thread(process)?;
        let unusual = flags::unusual(thread).ok()?;
        if unusual.iter().any(|(_, flags)| flags.cared_for) {
            return None;
        }
        let mappings = maps::read(thread).ok()?;
        let code = Code::find(thread, &mappings)?;
        Some(Prepared { code, not_copied: unusual.into_iter().map(|(range, _)| range).collect() })
    }

    /// Copies what a twin will not have.
    pub(super) fn keep(&self, thread: Pid, pages: &mut Pages) -> io::Result<Kept> {
        let memory = ProcessMemory::of(thread);
        let mut kept = Vec::new();
        for range in &self.not_copied {
            for touched in pages.find(range.clone(), Which::Touched)? {
                let len =
                    usize::try_from(touched.end - touched.start).map_err(|_| io::ErrorKind::OutOfMemory)?;
                let mut bytes = vec![0; len];
                // What cannot be read, as memory of devices, is not in the image.
                if memory.read(Address(touched.start), &mut bytes).is_ok() {
                    kept.push((touched.start, bytes));
                }
            }
        }
        Ok(Kept(kept))
    }

    /// Whether all that a twin does not have was kept: the process may have asked for more of it since it was looked at.
    pub(super) fn covers(&self, plan: &Plan, twin: Pid) -> io::Result<bool> {
        let wiped = |flags: &Flags| flags.wiped || flags.huge;
        let wiped =
            flags::unusual(twin)?.into_iter().filter(|(_, flags)| wiped(flags)).map(|(range, _)| range);
        let there = maps::read(twin)?;
        let missing =
            plan.copied().filter(|range| !is_within(range, there.iter().map(|mapping| &mapping.range)));
        Ok(wiped.chain(missing).all(|range| is_within(&range, self.not_copied.iter())))
    }
}

/// Whether ranges in order hold all of one.
fn is_within<'r>(range: &Range<u64>, ranges: impl Iterator<Item = &'r Range<u64>>) -> bool {
    let mut at = range.start;
    for one in ranges.filter(|one| one.end > range.start) {
        if one.start > at || at >= range.end {
            break;
        }
        at = one.end;
    }
    at >= range.end
}

/// Whether orphans below a process become children of a process that runs the same program: a server that is the first of its container.
/// It would be told of its twin's end.
fn inherits_orphans(process: Pid) -> bool {
    let program = |pid: Pid| fs::read_link(format!("/proc/{pid}/exe")).ok();
    let own = program(process);
    let mut at = Some(process);
    while let Some(pid) = at {
        let Some(status) = Status::of(pid) else { return false };
        if status.is_init() {
            return own.is_some() && program(pid) == own;
        }
        at = status.parent();
    }
    false
}

/// Addresses, and what was there.
#[derive(Debug, Default)]
pub(super) struct Kept(Vec<(u64, Vec<u8>)>);

impl Kept {
    pub(super) fn add(&mut self, address: u64, bytes: &[u8]) {
        self.0.push((address, bytes.to_vec()));
    }

    pub(super) fn put_into(&self, plan: &mut Plan) {
        for (address, bytes) in &self.0 {
            plan.put(*address, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_may_be_held_by_several_that_touch() {
        let ranges = [0x1000..0x2000, 0x2000..0x3000, 0x4000..0x5000];
        let within = |range| is_within(&range, ranges.iter());
        assert!(within(0x1000..0x3000) && within(0x1800..0x2800) && within(0x4000..0x5000));
        assert!(
            !within(0x1000..0x4000)
                && !within(0x3000..0x5000)
                && !within(0x4000..0x6000)
                && !within(0..0x1800)
        );
    }

    #[test]
    fn this_process_does_not_inherit_its_own_orphans() {
        assert!(!inherits_orphans(Pid::this()));
    }
}
