//! Where the heaps of a live process may be, from its list of mappings.

use super::Address;
use crate::abi::{ARENA_BASE, ARENA_SLOTS, REGION_SIZE};
use std::collections::BTreeSet;

/// Every place of the arena whose first byte is mapped, from the text of `/proc/PID/maps` (proc_pid_maps(5)). Lines that are none are
/// passed over. [`find`](super::find) tells which of these places hold a heap.
#[must_use]
pub fn arena_bases(maps: &[u8]) -> Vec<Address> {
    let mut bases = BTreeSet::new();
    for (start, end) in maps.split(|byte| *byte == b'\n').filter_map(extent) {
        // The kernel may have joined the end of one region to the beginning of the next: look inside mappings too.
        let first = start.max(ARENA_BASE).checked_next_multiple_of(REGION_SIZE);
        let end = end.min(ARENA_BASE + ARENA_SLOTS * REGION_SIZE);
        let bases_inside = first.into_iter().flat_map(|first| (first..end).step_by(STEP));
        bases.extend(bases_inside.map(Address));
    }
    bases.into_iter().collect()
}

#[expect(clippy::cast_possible_truncation, reason = "the reader is for 64-bit machines")]
const STEP: usize = REGION_SIZE as usize;

/// `START-END`, in hexadecimal, at the beginning of a line.
fn extent(line: &[u8]) -> Option<(u64, u64)> {
    let range = line.split(|byte| *byte == b' ').next()?;
    let (start, end) = std::str::from_utf8(range).ok()?.split_once('-')?;
    Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bases(maps: &str) -> Vec<u64> {
        arena_bases(maps.as_bytes()).into_iter().map(|base| base.0).collect()
    }

    #[test]
    fn a_region_is_where_a_mapping_begins_in_the_arena() {
        let maps = "\
555555554000-555555556000 r--p 00000000 fe:00 1 /bin/true
100000000000-100000010000 rw-p 00000000 00:00 0 [anon:mcrx heap]
100000010000-110000000000 ---p 00000000 00:00 0 [anon:mcrx heap]
120000000000-120000010000 rw-p 00000000 00:00 0
7ffff7fc5000-7ffff7fc9000 r--p 00000000 00:00 0 [vvar]
";
        assert_eq!(bases(maps), [0x1000_0000_0000, 0x1200_0000_0000]);
    }

    #[test]
    fn a_region_whose_first_page_is_joined_to_the_one_before_is_found() {
        assert_eq!(bases("10ffffff0000-110000010000 rw-p 0 0 0\n"), [0x1100_0000_0000]);
    }

    #[test]
    fn nothing_outside_the_arena_is_a_region() {
        assert_eq!(bases("0-ffffffffffffffff rw-p\n").len(), 64);
        assert_eq!(bases("f0000000000-f0000010000 rw-p\n500000000000-510000000000 rw-p\n"), []);
    }

    #[test]
    fn lines_that_are_no_mappings_are_passed_over() {
        assert_eq!(bases("\nrubbish\n100000000000 rw-p\n-\nx-y\n\u{fffd}\n"), []);
    }
}
