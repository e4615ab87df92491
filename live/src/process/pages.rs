//! Contains `unsafe`: an ioctl(2) without a name in libc.
//!
//! Which pages of a process hold something of its own, from `/proc/PID/pagemap`.
//!
//! A page that was never touched need not be copied: it reads as zeros, or as the file says. The kernel is asked for ranges
//! (`PAGEMAP_SCAN`, from Linux 6.7), which takes no time for what is not there; where it knows no such question, for a word per page
//! (Documentation/admin-guide/mm/pagemap.rst).

use nix::libc;
use nix::unistd::Pid;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
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
    regions: Vec<Region>,
    /// Pages in memory or in swap within a range, as they were when that was last asked for.
    remembered: Option<(Range<u64>, Vec<Region>)>,
}

impl Pages {
    /// Of the process that a thread is of. The thread must not have ended.
    ///
    /// # Errors
    /// Those of opening the file.
    pub fn of(pid: Pid) -> io::Result<Pages> {
        let map = File::open(format!("/proc/{pid}/pagemap"))?;
        Ok(Pages { map, words: Vec::new(), regions: Vec::new(), remembered: None })
    }

    /// Asks for all of a range at once. What is [found](Pages::find) in it from now on is as it is now: for a process that is held.
    pub fn remember(&mut self, range: Range<u64>) {
        let mut all = Vec::new();
        let whole = self.scan(&range, 0, |region| all.push(region));
        self.remembered = whole.map(|()| (range, all));
    }

    /// Ranges of addresses within `range` whose pages count, in order, none touching the next.
    ///
    /// # Errors
    /// Those of reading the file. Addresses that are not mapped do not count, and are no error.
    pub fn find(&mut self, range: Range<u64>, which: Which) -> io::Result<Vec<Range<u64>>> {
        let mut found = Vec::new();
        if let Some((whole, regions)) = &self.remembered
            && whole.start <= range.start
            && range.end <= whole.end
        {
            let first = regions.partition_point(|region| region.end <= range.start);
            let regions = regions[first..].iter().take_while(|region| region.start < range.end);
            let counted = regions.filter(|region| region.categories & which.unwanted() == 0);
            counted
                .for_each(|region| add(&mut found, region.start.max(range.start)..region.end.min(range.end)));
            return Ok(found);
        }
        match self.scan(&range, which.unwanted(), |region| add(&mut found, region.start..region.end)) {
            Some(()) => Ok(found),
            None => self.read_words(&range, which),
        }
    }

    /// By ranges: pages in memory or in swap that are of no `unwanted` kind. Nothing if the kernel cannot.
    fn scan(&mut self, range: &Range<u64>, unwanted: u64, mut each: impl FnMut(Region)) -> Option<()> {
        self.regions.resize(REGIONS, Region::default());
        let end = range.end.next_multiple_of(PAGE);
        let mut start = range.start / PAGE * PAGE;
        while start < end {
            let mut question = Question {
                size: size_of::<Question>() as u64,
                flags: 0,
                start,
                end,
                walk_end: 0,
                regions: self.regions.as_mut_ptr().expose_provenance() as u64,
                count: REGIONS as u64,
                pages_max: 0,
                inverted: unwanted,
                all_of: unwanted,
                any_of: IS_PRESENT | IS_SWAPPED,
                told: IS_PRESENT | IS_SWAPPED | IS_FILE | IS_ZEROS,
            };
            // SAFETY: PAGEMAP_SCAN reads and writes one `struct pm_scan_arg`, which `question` is, and writes at most `count` of
            // `struct page_region` from `regions` on, where there are as many.
            let answers = unsafe { libc::ioctl(self.map.as_raw_fd(), PAGEMAP_SCAN, &raw mut question) };
            let answers = usize::try_from(answers).ok()?;
            self.regions.iter().take(answers).for_each(|region| each(*region));
            if question.walk_end <= start {
                return None;
            }
            start = question.walk_end;
        }
        Some(())
    }

    /// By a word per page.
    fn read_words(&mut self, range: &Range<u64>, which: Which) -> io::Result<Vec<Range<u64>>> {
        self.words.resize(WORDS * WORD, 0);
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
            for word in bytes[..read].as_chunks().0 {
                if which.counts(u64::from_ne_bytes(*word)) {
                    add(&mut found, page * PAGE..(page + 1) * PAGE);
                }
                page += 1;
            }
        }
        Ok(found)
    }
}

fn add(found: &mut Vec<Range<u64>>, range: Range<u64>) {
    match found.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => found.push(range),
    }
}

impl Which {
    /// Whether a page with this word counts.
    fn counts(self, word: u64) -> bool {
        match self {
            Which::Touched => word & (PRESENT | SWAPPED) != 0,
            Which::Own => word & SWAPPED != 0 || word & (PRESENT | OF_FILE) == PRESENT,
        }
    }

    /// What a page must not be.
    fn unwanted(self) -> u64 {
        match self {
            // The one page of zeros that the kernel shows everywhere.
            Which::Touched => IS_ZEROS,
            Which::Own => IS_FILE,
        }
    }
}

/// `_IOWR('f', 16, struct pm_scan_arg)` of linux/fs.h.
const PAGEMAP_SCAN: libc::Ioctl = 0xC060_6610;
const IS_FILE: u64 = 1 << 2;
const IS_PRESENT: u64 = 1 << 3;
const IS_SWAPPED: u64 = 1 << 4;
const IS_ZEROS: u64 = 1 << 5;
/// Answers taken at a time.
const REGIONS: usize = 1024;

/// `struct pm_scan_arg`: pages that are `all_of` (but for those bits that are `inverted`, which they must not be) and at least one
/// `any_of`.
#[repr(C)]
struct Question {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    /// Where the kernel stopped.
    walk_end: u64,
    regions: u64,
    count: u64,
    pages_max: u64,
    inverted: u64,
    all_of: u64,
    any_of: u64,
    told: u64,
}

/// `struct page_region`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
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
    fn both_ways_find_the_same() {
        let mappings = crate::process::maps::read(Pid::this()).unwrap();
        let mut pages = Pages::of(Pid::this()).unwrap();
        // Of the program's own file, whose pages nobody touches meanwhile.
        let path = mappings.iter().find_map(|mapping| mapping.path()).unwrap().to_owned();
        for mapping in mappings.iter().filter(|mapping| mapping.path() == Some(&*path)) {
            for which in [Which::Own, Which::Touched] {
                let words = pages.read_words(&mapping.range, which).unwrap();
                pages.remembered = None;
                assert_eq!(pages.find(mapping.range.clone(), which).unwrap(), words, "{mapping:?}");
                pages.remember(mapping.range.start - PAGE..mapping.range.end + PAGE);
                assert_eq!(pages.find(mapping.range.clone(), which).unwrap(), words, "{mapping:?}");
            }
        }
    }

    #[test]
    fn code_is_in_memory_but_is_the_files() {
        let here = only_pages_that_were_written_to_count as fn() as usize as u64 / PAGE * PAGE;
        let mut pages = Pages::of(Pid::this()).unwrap();
        assert_eq!(pages.find(here..here + PAGE, Which::Touched).unwrap().len(), 1);
        assert!(pages.find(here..here + PAGE, Which::Own).unwrap().is_empty());
    }
}
