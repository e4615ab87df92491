//! What an update has done so far, for the one who outlives it.
//!
//! An anonymous file in memory (memfd_create(2)), which the guardian (`crate::update::guardian`) has open too: what was written there is there, however
//! its writer ends. Each entry is written before what it tells of is done.
//!
//! ```text
//!    0  stage
//!    8  how many bytes of entries are whole
//!   16  entries: kind, process, two numbers, length: 8 bytes each; bytes
//! ```
//!
//! A word of 8 bytes within a page is written whole or not at all (the kernel copies it in one piece, and looks for deadly signals between
//! pages), and the length comes after the entry.
//!
//! Only what cannot be told from the state before is an entry: see there.

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::Pid;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far it has come. Whoever takes over goes on from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Stage {
    /// Threads are being parked. Nothing is changed.
    Parking = 0,
    /// All are parked; everything is being changed.
    Changing = 1,
    /// All was put back; threads get their own registers.
    Undone = 2,
    /// Nothing will be put back any more. All are parked.
    Committed = 3,
    /// What the new release does not need is gone; threads get their new registers.
    Done = 4,
    /// All threads have their registers, the old ones.
    FreeOld = 5,
    /// All threads have their registers, the new ones.
    FreeNew = 6,
}

const STAGES: [Stage; 7] = [
    Stage::Parking,
    Stage::Changing,
    Stage::Undone,
    Stage::Committed,
    Stage::Done,
    Stage::FreeOld,
    Stage::FreeNew,
];

/// What was about to be done, or had just been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// This stood in memory: [`Overwritten`](crate::graft::Overwritten), as bytes.
    Overwritten(Vec<u8>),
    /// This step of the descriptors is begun; one past the last: registrations in place.
    Descriptors(u64),
    /// What had the first number has the second too.
    Kept(i32, i32),
    /// The thread for this part of the new release was made.
    Made(usize, Pid),
    /// Blocks are being freed.
    Freeing,
}

/// Where it is written.
#[derive(Debug)]
pub(crate) struct Ledger {
    file: File,
    /// Of the entries, in bytes.
    len: AtomicU64,
}

const STAGE: u64 = 0;
const LEN: u64 = 8;
const ENTRIES: u64 = 16;
/// What stands before the bytes of an entry.
const HEAD: usize = 40;

impl Ledger {
    pub(crate) fn create() -> io::Result<Ledger> {
        let file = File::from(memfd_create(c"mcrx-ledger", MFdFlags::MFD_CLOEXEC)?);
        let ledger = Ledger { file, len: AtomicU64::new(0) };
        ledger.word(LEN, 0)?;
        ledger.enter(Stage::Parking)?;
        Ok(ledger)
    }

    pub(crate) fn enter(&self, stage: Stage) -> io::Result<()> {
        self.word(STAGE, stage as u64)
    }

    /// As it stands in the file, whoever wrote it.
    pub(crate) fn stage(&self) -> io::Result<Stage> {
        let word = self.read(STAGE)?;
        let stage = STAGES.into_iter().find(|stage| *stage as u64 == word);
        stage.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    pub(crate) fn add(&self, process: Pid, entry: &Entry) -> io::Result<()> {
        let signed = |number: i32| i64::from(number).cast_unsigned();
        let none: &[u8] = &[];
        let (kind, [one, other], bytes) = match entry {
            Entry::Overwritten(bytes) => (0, [0, 0], bytes.as_slice()),
            Entry::Descriptors(step) => (1, [*step, 0], none),
            Entry::Kept(number, place) => (2, [signed(*number), signed(*place)], none),
            Entry::Made(part, thread) => (3, [*part as u64, signed(thread.as_raw())], none),
            Entry::Freeing => (4, [0, 0], none),
        };
        let head = [kind, signed(process.as_raw()), one, other, bytes.len() as u64].map(u64::to_le_bytes);
        let len = self.len.load(Ordering::Relaxed);
        let at = ENTRIES + len;
        self.file.write_all_at(head.as_flattened(), at)?;
        self.file.write_all_at(bytes, at + HEAD as u64)?;
        let len = len + (HEAD + bytes.len()) as u64;
        self.len.store(len, Ordering::Relaxed);
        self.word(LEN, len)
    }

    /// Those of a process, in their order.
    pub(crate) fn entries(&self, process: Pid) -> io::Result<Vec<Entry>> {
        let wrong = || io::Error::from(io::ErrorKind::InvalidData);
        let (mut at, end) = (ENTRIES, ENTRIES + self.read(LEN)?);
        let mut entries = Vec::new();
        while at < end {
            let mut words = [0; HEAD / 8];
            for (place, word) in words.iter_mut().enumerate() {
                *word = self.read(at + 8 * place as u64)?;
            }
            let [kind, of, one, other, len] = words;
            let mut bytes = vec![0; usize::try_from(len).map_err(|_| wrong())?];
            self.file.read_exact_at(&mut bytes, at + HEAD as u64)?;
            at += HEAD as u64 + len;
            if i32::try_from(of) != Ok(process.as_raw()) {
                continue;
            }
            let number = |word: u64| i32::try_from(word).map_err(|_| wrong());
            entries.push(match kind {
                0 => Entry::Overwritten(bytes),
                1 => Entry::Descriptors(one),
                2 => Entry::Kept(number(one)?, number(other)?),
                3 => Entry::Made(usize::try_from(one).map_err(|_| wrong())?, Pid::from_raw(number(other)?)),
                4 => Entry::Freeing,
                _ => return Err(wrong()),
            });
        }
        Ok(entries)
    }

    fn word(&self, at: u64, word: u64) -> io::Result<()> {
        self.file.write_all_at(&word.to_le_bytes(), at)
    }

    fn read(&self, at: u64) -> io::Result<u64> {
        let mut word = [0; 8];
        self.file.read_exact_at(&mut word, at)?;
        Ok(u64::from_le_bytes(word))
    }
}

/// A ledger, and the process that entries are about.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) process: Pid,
}

impl Page {
    pub(crate) fn add(&self, entry: &Entry) -> io::Result<()> {
        self.ledger.add(self.process, entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_by_process_and_half_a_one_is_none() {
        let ledger = Ledger::create().unwrap();
        let (one, other) = (Pid::from_raw(17), Pid::from_raw(18));
        let entries = [
            Entry::Overwritten(vec![1, 2, 3]),
            Entry::Descriptors(4),
            Entry::Kept(5, 6),
            Entry::Made(7, Pid::from_raw(8)),
            Entry::Freeing,
        ];
        for entry in &entries {
            ledger.add(one, entry).unwrap();
            ledger.add(other, &Entry::Freeing).unwrap();
        }
        assert_eq!(ledger.entries(one).unwrap(), entries);
        assert_eq!(ledger.entries(other).unwrap(), vec![Entry::Freeing; 5]);
        // Its writer was killed before it said how long it is.
        ledger.file.write_all_at(&[0xFF; 100], ENTRIES + ledger.len.load(Ordering::Relaxed)).unwrap();
        assert_eq!(ledger.entries(one).unwrap(), entries);
    }

    #[test]
    fn a_stage_is_seen_by_whoever_has_the_file() {
        let ledger = Ledger::create().unwrap();
        for stage in STAGES {
            ledger.enter(stage).unwrap();
            let other = Ledger { file: ledger.file.try_clone().unwrap(), len: AtomicU64::new(0) };
            assert_eq!(other.stage().unwrap(), stage);
        }
    }
}
