//! Unsafe: pages of files, mapped; and address space that many threads fill, piece by piece, while others read what is filled.
//!
//! ```text
//!  states    | ready | -     | -     | ready | broken| -     |     one byte per grain, all zeros at first
//!  pages     | bytes | zeros | zeros | bytes | ??    | zeros |     anonymous, come as they are written
//! ```
//!
//! A grain is made by one thread, under a lock, and not written again once its state is *ready* but by who has all of it to himself; only ready
//! grains are lent out.

use memmap2::{Mmap, MmapOptions, MmapRaw};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use zerocopy::FromZeros;

/// What the kernel maps in.
const PAGE: usize = 4096;

/// The pages of a file: its bytes, and zeros up to the end of its last page, as a process that maps it sees them.
pub(super) fn map_file(file: &File) -> io::Result<Mmap> {
    let metadata = file.metadata()?;
    let len = usize::try_from(metadata.len()).ok().and_then(|len| len.checked_next_multiple_of(PAGE));
    let len = len.filter(|len| *len > 0 && metadata.is_file());
    let len = len.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it has no bytes to map"))?;
    // SAFETY: the mapping is private and read-only, and ends with the file's last page. That nobody cuts the file short while it is
    // mapped is what is asked of the system (SIGBUS would end this process, mmap(2)), as debuggers and linkers do: package managers and
    // compilers replace files and do not write into them. Changed bytes are harmless: nothing takes any of them for valid.
    unsafe { MmapOptions::new().len(len).map(file) }
}

/// The bytes of a file, all of them and no more, for files that this program wrote.
pub(crate) fn map_own(file: &File) -> io::Result<Mmap> {
    // SAFETY: as above. Snapshots are written under another name and then renamed, so that one that is open is never written to.
    unsafe { MmapOptions::new().map(file) }
}

const UNKNOWN: u8 = 0;
const READY: u8 = 1;
const BROKEN: u8 = 2;

/// One lock for every so many grains: threads that fill different grains rarely meet.
const LOCKS: usize = 16;

/// Address space that is filled as it is read.
#[derive(Debug)]
pub(super) struct Pages {
    map: MmapRaw,
    len: usize,
    /// log2 of the bytes of a grain: to divide by shifting, at every read.
    shift: u32,
    states: Vec<AtomicU8>,
    locks: [Mutex<()>; LOCKS],
}

impl Pages {
    /// Room for `len` bytes, in grains of `grain` bytes, a power of two.
    pub(super) fn reserve(len: usize, grain: usize) -> io::Result<Pages> {
        let map = MmapOptions::new().len(len.max(1)).no_reserve_swap().map_anon()?;
        let (grain, shift) = (grain.next_power_of_two(), grain.next_power_of_two().trailing_zeros());
        let states = AtomicU8::new_vec_zeroed(len.div_ceil(grain))
            .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok(Pages { map: MmapRaw::from(map), len, shift, states, locks: Default::default() })
    }

    /// The grains that a range has bytes of.
    #[inline]
    fn grains(&self, range: &Range<usize>) -> Range<usize> {
        let past_last = range.end.saturating_add((1 << self.shift) - 1) >> self.shift;
        range.start >> self.shift..past_last
    }

    /// Where a grain lies. The last may be short.
    fn grain(&self, number: usize) -> Range<usize> {
        let start = number << self.shift;
        start..self.len.min(start.saturating_add(1 << self.shift))
    }

    /// Whether no grain of a range is there yet.
    #[inline]
    pub(super) fn is_empty(&self, range: &Range<usize>) -> bool {
        let states = self.states.get(self.grains(range)).unwrap_or(&[]);
        states.iter().all(|state| state.load(Ordering::Acquire) == UNKNOWN)
    }

    /// The bytes of the grains of a range that are there, each with where it begins.
    pub(super) fn present(&self, range: &Range<usize>) -> impl Iterator<Item = (usize, &[u8])> {
        self.grains(range).filter_map(|number| {
            let grain = self.grain(number);
            let start = grain.start;
            if self.is_empty(&grain) {
                return None;
            }
            Some((start, self.bytes(grain, |_, _| false)?))
        })
    }

    /// Bytes to be written over, of grains that `fill` makes where they are not made yet. `None`: as of [`bytes`](Pages::bytes).
    pub(super) fn bytes_mut(
        &mut self,
        range: Range<usize>,
        fill: impl Fn(usize, &mut [u8]) -> bool,
    ) -> Option<&mut [u8]> {
        self.bytes(range.clone(), fill)?;
        // SAFETY: `bytes` has seen that the range lies within the mapping, which lives as long as `self`, was made writable, and is
        // initialised there. The reference to `self` is the only one, and what is lent of the mapping borrows `self`: no other reference
        // to these bytes exists while this one does.
        Some(unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr().add(range.start), range.len()) })
    }

    /// Bytes, of grains that `fill` makes where they are not made yet: it is called once for each, with the grain's number and its
    /// zeros, and says whether it could. `None`: it could not, or the range goes past the end.
    #[inline]
    pub(super) fn bytes(
        &self,
        range: Range<usize>,
        fill: impl Fn(usize, &mut [u8]) -> bool,
    ) -> Option<&[u8]> {
        if range.start > range.end || range.end > self.len {
            return None;
        }
        if !range.is_empty() {
            for grain in self.grains(&range) {
                if self.states.get(grain)?.load(Ordering::Acquire) != READY && !self.make(grain, &fill) {
                    return None;
                }
            }
        }
        // SAFETY: the range lies within the mapping, which lives as long as `self` and is initialised (by the kernel, to zeros). All of
        // its grains are ready, which was seen with Acquire after the Release of the thread that wrote them, and nobody writes to a
        // ready grain: the bytes do not change while they are lent.
        Some(unsafe { std::slice::from_raw_parts(self.map.as_ptr().add(range.start), range.len()) })
    }

    /// The grain is ready, now at the latest.
    #[cold]
    fn make(&self, grain: usize, fill: &impl Fn(usize, &mut [u8]) -> bool) -> bool {
        // A thread that panicked in `fill` has left the state as it was: the grain is made anew.
        let lock = self.locks[grain % LOCKS].lock().unwrap_or_else(PoisonError::into_inner);
        let Some(state) = self.states.get(grain) else { return false };
        match state.load(Ordering::Acquire) {
            UNKNOWN => {}
            found => return found == READY,
        }
        let Range { start, end } = self.grain(grain);
        let len = end - start;
        // SAFETY: the grain lies within the mapping: `states` has one for each, the last may be short. No other reference to its bytes
        // exists: `bytes` lends ready grains only, and the lock, which is held until `fill` is done with the reference, keeps other
        // threads out of here. The pointer comes from a mapping that was made writable.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr().add(start), len) };
        let made = fill(grain, bytes);
        state.store(if made { READY } else { BROKEN }, Ordering::Release);
        drop(lock);
        made
    }
}

#[cfg(test)]
mod tests {
    use super::super::GRAIN;
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn a_grain_is_made_once_however_many_threads_want_it() {
        let pages = Pages::reserve(8 * GRAIN + 3, GRAIN).unwrap();
        let calls = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for start in (0..8 * GRAIN).step_by(GRAIN / 2) {
                        let bytes = pages.bytes(start..start + GRAIN / 2 + 2, |grain, bytes| {
                            calls.fetch_add(1, Ordering::Relaxed);
                            bytes.fill(u8::try_from(grain).unwrap() + 1);
                            true
                        });
                        let first = bytes.unwrap()[0];
                        assert_eq!(usize::from(first), start / GRAIN + 1);
                    }
                });
            }
        });
        assert_eq!(calls.into_inner(), 9);
    }

    #[test]
    fn a_grain_that_cannot_be_made_is_never_lent() {
        let pages = Pages::reserve(3 * GRAIN, GRAIN).unwrap();
        let fill = |grain: usize, bytes: &mut [u8]| {
            bytes.fill(1);
            grain != 1
        };
        assert!(pages.bytes(0..2 * GRAIN, fill).is_none());
        assert!(pages.bytes(GRAIN..GRAIN + 1, |_, _| true).is_none());
        assert!(pages.bytes(0..GRAIN, fill).is_some());
        assert!(pages.bytes(2 * GRAIN..3 * GRAIN, fill).is_some());
        assert!(pages.bytes(3 * GRAIN..3 * GRAIN + 1, fill).is_none());
        assert_eq!(pages.bytes(GRAIN..GRAIN, fill), Some(&[][..]));
    }
}
