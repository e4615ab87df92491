//! What was done to a process, and how it is taken back: in the reverse order, step by step.
//!
//! A journal is a value. Each step is in it before it is done, and to take back one that was not done does no harm: so whoever has the journal
//! can take everything back, wherever the one who did it stopped.

use super::plan::Move;
use crate::hold::{Hands, HandsError};
use crate::kernel::Layout;
use crate::ledger::{Entry, Page};
use crate::process::memory::ProcessMemory;
use mcrx_allocator::reader::{Address, Memory as _, Piece, Unreadable, Why};
use mcrx_tracer::image::Permissions;
use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;
use std::collections::HashMap;
use std::ops::Range;

/// Steps, in the order in which they were done.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// The last one is taken back first.
    pub steps: Vec<Step>,
    /// Where bytes are kept, too, that are to be overwritten: nobody else could tell them.
    pub(crate) page: Option<Page>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Something was mapped where nothing was.
    Mapped(Range<u64>),
    /// Pages of the kernel's own were moved.
    Moved(Move),
    /// Something else was written over this.
    Written(Overwritten),
    /// The process may do something else with this than it could.
    Protected {
        /// Addresses of one mapping.
        range: Range<u64>,
        /// What it could.
        permissions: Permissions,
    },
    /// The kernel was told that the parts of the program's memory lie elsewhere than here.
    Laid(Layout),
}

impl Journal {
    /// Takes note of what stands in some places of a process, each with its length, before something else is written there.
    pub(crate) fn keep(
        &mut self,
        memory: &ProcessMemory,
        places: impl Iterator<Item = (u64, usize)>,
    ) -> Result<(), Unreadable> {
        let mut old = Overwritten::default();
        places.for_each(|(address, len)| old.add_apart(address, &vec![0; len]));
        old.read(memory)?;
        self.overwrites(old)
    }

    /// Takes note of what stands there before it is overwritten.
    pub(super) fn overwrites(&mut self, old: Overwritten) -> Result<(), Unreadable> {
        if let Some(page) = &self.page {
            let kept = page.add(&Entry::Overwritten(old.to_bytes()));
            kept.map_err(|error| Unreadable {
                address: Address(0),
                len: old.bytes.len(),
                why: error.raw_os_error().map_or(Why::NotMapped, Why::Other),
            })?;
        }
        self.steps.push(Step::Written(old));
        Ok(())
    }

    /// Takes all steps back, by system calls of a held thread of the process. Nothing is left out because something before it failed.
    ///
    /// # Errors
    /// The first that could not be taken back. It is still in the journal, and nothing else.
    pub fn undo(&mut self, hands: &Hands<'_>, process: Pid, thread: Pid) -> Result<(), HandsError> {
        let mut first = Ok(());
        let mut left = Vec::new();
        while let Some(step) = self.steps.pop() {
            if let Err(error) = step.undo(hands, process, thread) {
                left.push(step);
                first = first.and(Err(error));
            }
        }
        left.reverse();
        self.steps = left;
        first
    }
}

impl Step {
    fn undo(&self, hands: &Hands<'_>, process: Pid, thread: Pid) -> Result<(), HandsError> {
        match self {
            Step::Mapped(range) => {
                let arguments = [range.start, range.end - range.start, 0, 0, 0, 0];
                hands.system_call(thread, libc::SYS_munmap, arguments).map(drop)
            }
            Step::Moved(step) => {
                let back = Move { from: step.to, to: step.from, len: step.len };
                match move_pages(hands, thread, &back) {
                    // It was not moved: nothing is there.
                    Err(HandsError::Call { errno: Errno::EFAULT, .. }) => Ok(()),
                    other => other,
                }
            }
            Step::Written(old) => {
                let written = old.write(&ProcessMemory::of(thread));
                written.map_err(|source| HandsError::Memory { process, source })
            }
            Step::Protected { range, permissions } => protect(hands, thread, range, *permissions),
            Step::Laid(layout) => match super::layout::set(hands, process, thread, layout, None) {
                // Then it was refused before, too.
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            },
        }
    }
}

/// Bytes at addresses of a process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overwritten {
    /// Addresses, and how many bytes each has of `bytes`, in that order.
    places: Vec<(u64, usize)>,
    pub(super) bytes: Vec<u8>,
}

impl Overwritten {
    /// Adds bytes, at the end of the last ones if they belong there.
    pub(super) fn add(&mut self, address: u64, bytes: &[u8]) {
        match self.places.last_mut() {
            Some((last, len)) if *last + *len as u64 == address => {
                *len += bytes.len();
                self.bytes.extend_from_slice(bytes);
            }
            _ => self.add_apart(address, bytes),
        }
    }

    /// Adds bytes as a piece of their own.
    pub(super) fn add_apart(&mut self, address: u64, bytes: &[u8]) {
        self.places.push((address, bytes.len()));
        self.bytes.extend_from_slice(bytes);
    }

    /// Makes the bytes what the process has there.
    pub(super) fn read(&mut self, memory: &ProcessMemory) -> Result<(), Unreadable> {
        let mut rest = self.bytes.as_mut_slice();
        let mut pieces = Vec::with_capacity(self.places.len());
        for (address, len) in &self.places {
            let Some((buffer, behind)) = std::mem::take(&mut rest).split_at_mut_checked(*len) else { break };
            pieces.push(Piece { address: Address(*address), buffer });
            rest = behind;
        }
        memory.read_many(&mut pieces)
    }

    /// Writes them to the process, in their order.
    pub(super) fn write(&self, memory: &ProcessMemory) -> Result<(), Unreadable> {
        memory.write_many(&self.pieces().collect::<Vec<_>>())
    }

    /// Makes these, which are pieces that a process has now, those that it had: of those pieces only that differ.
    pub(super) fn keep_what_differs_from(&mut self, before: &Overwritten) {
        let had: HashMap<u64, &[u8]> = before.pieces().collect();
        let mut kept = Overwritten::default();
        for (address, bytes) in self.pieces() {
            match had.get(&address) {
                Some(old) if *old != bytes => kept.add(address, old),
                Some(_) => {}
                // It was never touched.
                None => kept.add(address, &vec![0; bytes.len()]),
            }
        }
        *self = kept;
    }

    /// As the ledger keeps it: how many places, address and length of each, bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let places = self.places.iter().flat_map(|(address, len)| [*address, *len as u64]);
        let words = std::iter::once(self.places.len() as u64).chain(places);
        let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        bytes.extend_from_slice(&self.bytes);
        bytes
    }

    /// From what the ledger kept, if that is whole.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Overwritten> {
        let word = |at: usize| {
            let word = bytes.get(8 * at..8 * at + 8)?;
            word.try_into().ok().map(u64::from_le_bytes)
        };
        let count = usize::try_from(word(0)?).ok().filter(|count| *count <= bytes.len() / 16)?;
        let place = |at: usize| Some((word(1 + 2 * at)?, usize::try_from(word(2 + 2 * at)?).ok()?));
        let places = (0..count).map(place).collect::<Option<Vec<_>>>()?;
        let bytes = bytes.get(8 + 16 * count..)?.to_vec();
        let len = places.iter().try_fold(0usize, |sum, (_, len)| sum.checked_add(*len))?;
        (len == bytes.len()).then_some(Overwritten { places, bytes })
    }

    fn pieces(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut rest = self.bytes.as_slice();
        self.places.iter().map(move |(address, len)| {
            let (piece, behind) = rest.split_at_checked(*len).unwrap_or((rest, &[]));
            rest = behind;
            (*address, piece)
        })
    }
}

/// Moves pages within a process. Nothing may be where they are to be: it would be gone.
pub(super) fn move_pages(hands: &Hands<'_>, thread: Pid, step: &Move) -> Result<(), HandsError> {
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    let arguments = [step.from, step.len, step.len, word(flags), step.to, 0];
    hands.system_call(thread, libc::SYS_mremap, arguments).map(drop)
}

/// Says what a process may do with some of its memory.
pub(super) fn protect(
    hands: &Hands<'_>,
    thread: Pid,
    range: &Range<u64>,
    permissions: Permissions,
) -> Result<(), HandsError> {
    let arguments = [range.start, range.end - range.start, protection(permissions), 0, 0, 0];
    hands.system_call(thread, libc::SYS_mprotect, arguments).map(drop)
}

/// `PROT_...`
pub(super) fn protection(permissions: Permissions) -> u64 {
    let bit = |is_set: bool, bit: i32| if is_set { word(bit) } else { 0 };
    bit(permissions.read, libc::PROT_READ)
        | bit(permissions.write, libc::PROT_WRITE)
        | bit(permissions.execute, libc::PROT_EXEC)
}

/// Flags as a register holds them.
pub(super) fn word(flags: i32) -> u64 {
    u64::from(flags.cast_unsigned())
}
