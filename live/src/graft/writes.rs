//! What the transform's plan writes, gathered, and then written to a held process at once.
//!
//! A plan writes word by word. Each would cost two system calls, to keep what was there and to overwrite it; gathered, it is two for a
//! thousand of them (process_vm_readv(2), process_vm_writev(2)), and none before the whole plan is known to be writable.

use super::journal::{Journal, Overwritten};
use crate::process::maps::Mapping;
use crate::process::memory::ProcessMemory;
use mcrx_allocator::reader::Unreadable;
use mcrx_transform::target::{Target, Unwritable};
use std::ops::Range;

/// Bytes for addresses of a process.
#[derive(Debug)]
pub struct Writes {
    /// What the process may write to, by address, those that touch made one.
    writable: Vec<Range<u64>>,
    /// Where the last was found among those.
    recent: Range<u64>,
    pending: Overwritten,
}

/// What could not be written. What was is in the journal.
#[derive(Debug, thiserror::Error)]
#[error("the process's memory cannot be overwritten: {0}")]
pub struct WriteError(#[from] Unreadable);

impl Writes {
    /// Nothing, for a process that has these mappings.
    #[must_use]
    pub fn new(mappings: &[Mapping]) -> Writes {
        let mut writable: Vec<Range<u64>> = Vec::new();
        for mapping in mappings.iter().filter(|mapping| mapping.write) {
            match writable.last_mut() {
                Some(last) if last.end == mapping.range.start => last.end = mapping.range.end,
                _ => writable.push(mapping.range.clone()),
            }
        }
        Writes { writable, recent: 0..0, pending: Overwritten::default() }
    }

    /// How many bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.pending.bytes.len()
    }

    /// Writes all of it to the process, which is held. What is overwritten goes into the journal first.
    ///
    /// # Errors
    /// [`WriteError`]
    pub fn apply(self, memory: &ProcessMemory, journal: &mut Journal) -> Result<(), WriteError> {
        let mut old = self.pending.clone();
        old.read(memory)?;
        journal.overwrites(old)?;
        Ok(self.pending.write(memory)?)
    }
}

impl Target for Writes {
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Unwritable> {
        let unwritable = || Unwritable { address };
        let len = u64::try_from(bytes.len()).map_err(|_| unwritable())?;
        let end = address.checked_add(len).ok_or_else(unwritable)?;
        if len == 0 {
            return Ok(());
        }
        if address < self.recent.start || end > self.recent.end {
            let before = self.writable.partition_point(|range| range.start <= address);
            let range = before.checked_sub(1).and_then(|place| self.writable.get(place));
            self.recent = range.filter(|range| end <= range.end).cloned().ok_or_else(unwritable)?;
        }
        self.pending.add(address, bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::journal::Step;
    use super::*;
    use crate::process::maps;
    use nix::unistd::Pid;

    const MAPS: &[u8] = b"\
1000-2000 rw-p 00000000 00:00 0
2000-3000 rw-p 00000000 00:00 0                          [heap]
3000-4000 r--p 00000000 00:00 0
";

    #[test]
    fn only_what_may_be_written_is_taken() {
        let mut writes = Writes::new(&maps::parse(MAPS));
        assert!(writes.write(0x1FFC, &[1; 8]).is_ok(), "across two mappings that touch");
        assert_eq!(writes.write(0x2FFC, &[1; 8]), Err(Unwritable { address: 0x2FFC }));
        assert_eq!(writes.write(0xFFF, &[1; 2]), Err(Unwritable { address: 0xFFF }));
        assert!(writes.write(u64::MAX, &[1]).is_err() && writes.write(0x5000, &[]).is_ok());
        assert_eq!(writes.bytes(), 8);
    }

    #[test]
    fn what_is_written_last_counts_and_what_was_there_first_comes_back() {
        // To this process: nobody else uses the memory.
        let memory = ProcessMemory::of(Pid::this());
        let mut values: Vec<u64> = (0..5000).collect();
        let place = |index: usize| std::ptr::from_ref(&values[index]).addr() as u64;
        let mut writes = Writes::new(&maps::read(Pid::this()).unwrap());
        for index in (0..5000).step_by(2) {
            writes.write(place(index), &7u64.to_le_bytes()).unwrap();
        }
        writes.write(place(4), &9u64.to_le_bytes()).unwrap();
        let mut journal = Journal::default();
        writes.apply(&memory, &mut journal).unwrap();
        let now = std::hint::black_box(&mut values).clone();
        assert!((0..5000u64).all(|index| {
            let wanted = if index == 4 {
                9
            } else if index % 2 == 0 {
                7
            } else {
                index
            };
            now[usize::try_from(index).unwrap()] == wanted
        }));
        let [Step::Written(old)] = &journal.steps[..] else { panic!("{journal:?}") };
        old.write(&memory).unwrap();
        assert!(std::hint::black_box(&mut values).iter().copied().eq(0..5000));
    }
}
