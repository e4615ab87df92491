//! Which system calls draw random bytes, and where they put them.

use super::Source;
use crate::process::memory::ProcessMemory;
use mcrx_allocator::reader::{Address, Memory as _, Unreadable};
use nix::libc::{self, c_long};
use nix::unistd::Pid;
use rustix::fs::{AtFlags, CWD, FileType, StatxFlags, statx};

/// All that may; those that read do if what they read from is one of the kernel's random devices.
pub(crate) const CALLS: [c_long; 6] = [
    libc::SYS_getrandom,
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_readv,
    libc::SYS_preadv,
    libc::SYS_preadv2,
];

/// The devices' numbers (Documentation/admin-guide/devices.txt of the kernel).
const MEMORY_DEVICES: u32 = 1;
const RANDOM: [u32; 2] = [8, 9];

/// A thread that is about to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drawing {
    pub(crate) source: Source,
    /// Where the bytes are to go: addresses and lengths.
    places: Vec<(u64, u64)>,
}

impl Drawing {
    /// What a thread does that makes this call, if that is it.
    pub(crate) fn of(thread: Pid, number: c_long, arguments: &[u64; 6]) -> Option<Drawing> {
        let [first, second, third, ..] = *arguments;
        let places = match number {
            // With flags that it does not know, the kernel refuses it.
            libc::SYS_getrandom if third <= 7 => {
                return Some(Drawing { source: Source::Call, places: vec![(first, second)] });
            }
            libc::SYS_read | libc::SYS_pread64 if is_random(thread, first) => vec![(second, third)],
            libc::SYS_readv | libc::SYS_preadv | libc::SYS_preadv2 if is_random(thread, first) => {
                pieces(thread, second, third)?
            }
            _ => return None,
        };
        Some(Drawing { source: Source::Device, places })
    }

    /// How many bytes are asked for.
    pub(crate) fn asked(&self) -> u64 {
        self.places.iter().fold(0, |sum, (_, len)| sum.saturating_add(*len))
    }

    /// The first so many of the bytes that have come.
    pub(crate) fn read(&self, thread: Pid, len: usize) -> Result<Vec<u8>, Unreadable> {
        let memory = ProcessMemory::of(thread);
        let mut bytes = vec![0; len];
        let mut rest = bytes.as_mut_slice();
        for (address, room) in &self.places {
            let here = rest.len().min(usize::try_from(*room).unwrap_or(usize::MAX));
            let (now, later) = rest.split_at_mut(here);
            memory.read(Address(*address), now)?;
            rest = later;
        }
        Ok(bytes)
    }

    /// Puts bytes where they are to go.
    pub(crate) fn write(&self, thread: Pid, bytes: &[u8]) -> Result<(), Unreadable> {
        let memory = ProcessMemory::of(thread);
        let mut rest = bytes;
        for (address, room) in &self.places {
            let here = rest.len().min(usize::try_from(*room).unwrap_or(usize::MAX));
            let (now, later) = rest.split_at(here);
            if !now.is_empty() {
                memory.write(Address(*address), now)?;
            }
            rest = later;
        }
        Ok(())
    }
}

/// Whether a descriptor of a thread is one of the kernel's random devices, by whatever path it was opened. No file system is asked that could keep
/// us waiting.
fn is_random(thread: Pid, descriptor: u64) -> bool {
    // The kernel looks at the lower half only.
    let number = descriptor & 0xFFFF_FFFF;
    let path = format!("/proc/{thread}/fd/{number}");
    let Ok(found) = statx(CWD, path, AtFlags::STATX_DONT_SYNC, StatxFlags::TYPE) else { return false };
    FileType::from_raw_mode(found.stx_mode.into()) == FileType::CharacterDevice
        && found.stx_rdev_major == MEMORY_DEVICES
        && RANDOM.contains(&found.stx_rdev_minor)
}

/// The array of a `readv(2)`. Nothing of one that the kernel will refuse.
fn pieces(thread: Pid, address: u64, count: u64) -> Option<Vec<(u64, u64)>> {
    /// `UIO_MAXIOV` of linux/uio.h.
    const MOST: u64 = 1024;
    let count = usize::try_from(count.min(MOST + 1)).ok().filter(|count| *count <= 1024)?;
    let mut bytes = vec![0; count * 16];
    ProcessMemory::of(thread).read(Address(address), &mut bytes).ok()?;
    let (pieces, _) = bytes.as_chunks::<16>();
    let word = |bytes: &[u8]| bytes.first_chunk().map(|word| u64::from_ne_bytes(*word));
    pieces.iter().map(|piece| Some((word(piece)?, word(&piece[8..])?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsRawFd as _;

    fn read_of(file: &File, number: c_long) -> Option<Drawing> {
        let descriptor = u64::try_from(file.as_raw_fd()).unwrap();
        Drawing::of(Pid::this(), number, &[descriptor, 0x1000, 16, 0, 0, 0])
    }

    #[test]
    fn a_random_device_is_told_from_other_files_and_devices() {
        for (path, draws) in
            [("/dev/urandom", true), ("/dev/random", true), ("/dev/zero", false), ("/proc/self/exe", false)]
        {
            let found = read_of(&File::open(path).unwrap(), libc::SYS_read);
            assert_eq!(found.is_some(), draws, "{path}");
            assert!(found.is_none_or(|found| found.asked() == 16 && found.source == Source::Device));
        }
        assert_eq!(Drawing::of(Pid::this(), libc::SYS_read, &[u64::MAX, 0, 1, 0, 0, 0]), None);
    }

    #[test]
    fn bytes_of_many_pieces_are_written_and_read_in_their_order() {
        let (first, second) = (Box::new([0u8; 3]), Box::new([0u8; 5]));
        let address = |bytes: &[u8]| bytes.as_ptr().addr() as u64;
        let places = vec![(address(&*first), 3), (address(&*second), 5)];
        let drawing = Drawing { source: Source::Device, places };
        drawing.write(Pid::this(), b"abcdefg").unwrap();
        assert_eq!(drawing.asked(), 8);
        assert_eq!(drawing.read(Pid::this(), 7).unwrap(), b"abcdefg");
        assert_eq!(drawing.read(Pid::this(), 2).unwrap(), b"ab");
    }
}
