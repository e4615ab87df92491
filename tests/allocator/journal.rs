//! What `stress.c` says of itself while it works: its table of blocks, in a file that is mapped into it.

use mcrx_harness::{Result, ensure};
use std::fs;
use std::path::Path;

/// What a thread is about to do with a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Nothing,
    Allocate { wanted: u64 },
    Free,
    Resize { wanted: u64 },
    Inquire,
}

/// A slot of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Its block, if it has one, as it was before the work.
    pub(crate) block: Option<(u64, u64)>,
    /// What is done with it at this instant.
    pub(crate) work: Work,
}

/// `struct slot` of the program.
const BYTES: usize = 48;

/// Reads the table. Nobody may write it meanwhile.
pub(crate) fn read(path: &Path) -> Result<Vec<Slot>> {
    let bytes = fs::read(path)?;
    bytes.chunks_exact(BYTES).map(slot).collect()
}

fn slot(bytes: &[u8]) -> Result<Slot> {
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(word)
    };
    let (state, work) = (word(0) & 0xFFFF_FFFF, word(8) & 0xFFFF_FFFF);
    let (block, wanted) = ((word(16), word(24)), word(32));
    Ok(match (state, work) {
        (0, _) => Slot { block: None, work: Work::Nothing },
        (1, _) => Slot { block: Some(block), work: Work::Nothing },
        (2, 1) => Slot { block: None, work: Work::Allocate { wanted } },
        (2, 2) => Slot { block: Some(block), work: Work::Free },
        (2, 3) => Slot { block: Some(block), work: Work::Resize { wanted } },
        (2, 4) => Slot { block: Some(block), work: Work::Inquire },
        _ => {
            ensure!(false, "a slot in state {state} at work {work}");
            Slot { block: None, work: Work::Nothing }
        }
    })
}
