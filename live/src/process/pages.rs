//! Which pages of a process hold something of its own, from `/proc/PID/pagemap`.
//!
//! A page that was never touched need not be copied: it reads as zeros, or as the file says. Where the kernel has `PAGEMAP_SCAN`
//! (from 6.7) it could be asked for ranges; a word per page, read in large pieces, is as quick for what is mapped densely, and every
//! kernel has it (Documentation/admin-guide/mm/pagemap.rst).

use nix::unistd::Pid;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Bytes of a page. On x86-64 there is no other.
pub const PAGE: u64 = 4096;

/// A word of the map per page.
const WORD: usize = 8;
/// Words read at a time: 256 KiB, for 128 MiB of addresses.
const WORDS: usize = 32768;

const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
/// Of a file, or of shared memory.
const OF_FILE: u64 = 1 << 61;

/// Which pages count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those in memory or in swap.
    Touched,
    /// Of those, the process's own: written to, and so no longer what the mapped file says.
    Own,
}

/// The pages of one process.
#[derive(Debug)]
pub struct Pages {
    map: File,
    words: Vec<u8>,
}

impl Pages {
    /// Of the process that a thread is of. The thread must not have ended.
    ///
    /// # Errors
    /// Those of opening the file.
    pub fn of(pid: Pid) -> io::Result<Pages> {
        Ok(Pages { map: File::open(format!("/proc/{pid}/pagemap"))?, words: vec![0; WORDS * WORD] })
    }

    /// Ranges of addresses within `range` whose pages count, in order, none touching the next.
    ///
    /// # Errors
    /// Those of reading the file. Addresses that are not mapped do not count, and are no error.
    pub fn find(&mut self, range: Range<u64>, which: Which) -> io::Result<Vec<Range<u64>>> {
        let mut found: Vec<Range<u64>> = Vec::new();
        let (mut page, end) = (range.start / PAGE, range.end.div_ceil(PAGE));
        while page < end {
            let wanted = usize::try_from(end - page).unwrap_or(WORDS).min(WORDS);
            let bytes = &mut self.words[..wanted * WORD];
            let read = self.map.read_at(bytes, page * WORD as u64)?;
            if read < WORD {
                // The end of what a process can map.
                break;
            }
            for word in bytes[..read].chunks_exact(WORD) {
                let word = u64::from_ne_bytes(word.try_into().unwrap_or_default());
                let counts = match which {
                    Which::Touched => word & (PRESENT | SWAPPED) != 0,
                    Which::Own => word & SWAPPED != 0 || word & (PRESENT | OF_FILE) == PRESENT,
                };
                if counts {
                    let address = page * PAGE;
                    match found.last_mut() {
                        Some(last) if last.end == address => last.end += PAGE,
                        _ => found.push(address..address + PAGE),
                    }
                }
                page += 1;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_that_were_written_to_count() {
        // A gigabyte of zeros: nobody touches them before they are asked for.
        let mut bytes = vec![0u8; 1 << 30];
        let start = (bytes.as_ptr().addr() as u64).next_multiple_of(PAGE);
        let offset = usize::try_from(start - bytes.as_ptr().addr() as u64).unwrap();
        let far = offset + (1 << 29);
        bytes[far] = 1;
        bytes[far + 4096] = 1;
        let mut pages = Pages::of(Pid::this()).unwrap();
        let found = pages.find(start + PAGE..start + (1 << 30) - 2 * PAGE, Which::Own).unwrap();
        // Huge pages, where the system gives them, make it more.
        assert_eq!(found.len(), 1, "{found:x?}");
        let (first, last) = (start + (1 << 29), start + (1 << 29) + 2 * PAGE);
        assert!(found[0].start <= first && found[0].end >= last && found[0].end - found[0].start <= 4 << 20);
    }

    #[test]
    fn code_is_in_memory_but_is_the_files() {
        let here = only_pages_that_were_written_to_count as fn() as usize as u64 / PAGE * PAGE;
        let mut pages = Pages::of(Pid::this()).unwrap();
        assert_eq!(pages.find(here..here + PAGE, Which::Touched).unwrap().len(), 1);
        assert!(pages.find(here..here + PAGE, Which::Own).unwrap().is_empty());
    }
}
