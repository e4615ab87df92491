//! One process of an image.

use super::{Mapping, Memory, Module, Thread};
use mcrx_allocator::abi::{ARENA_BASE, ARENA_SLOTS, REGION_SIZE, region_of};
use mcrx_allocator::reader::{self, Address};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::PathBuf;

/// A process, as it was at the image's instant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Process {
    /// Its id, in the namespace of who made the image.
    pub pid: u32,
    /// Its parent's id, in the same. 0: not known.
    pub parent: u32,
    /// What it calls itself: its title, or its command's name.
    pub name: String,
    /// The program that it runs.
    #[serde(with = "super::serial::path")]
    pub executable: PathBuf,
    /// Programs and libraries, by address.
    pub modules: Vec<Module>,
    /// All that is mapped, readable or not, by address.
    pub mappings: Vec<Mapping>,
    /// Its threads; the first is the one that has the process's id.
    pub threads: Vec<Thread>,
    /// Those of its bytes that are in the image.
    #[serde(skip)]
    pub memory: Memory,
}

impl Process {
    /// The program or library that is mapped at an address.
    pub fn module_at(&self, address: u64) -> Option<&Module> {
        self.modules.get(self.module_index(address)?)
    }

    /// Its place among the modules.
    pub fn module_index(&self, address: u64) -> Option<usize> {
        let before = self.modules.partition_point(|module| module.range.start <= address);
        let index = before.checked_sub(1)?;
        self.modules.get(index).filter(|module| module.range.contains(&address)).map(|_| index)
    }

    /// Where a return address of the heap's sites lies now. `None`: the file that it was in is not loaded.
    ///
    /// A heap outlives programs and libraries: it is handed on to the next release of a program, and what is at an address may be another
    /// file than when the site was made. So it is the build-id that says which file it was; one without is known by its extent.
    pub fn frame_address(&self, frame: &reader::Frame<'_>) -> Option<u64> {
        const PAGE: u64 = 4096;
        let was = frame.module?;
        let is_it = |module: &&Module| match &module.build_id {
            Some(id) => id.as_bytes().starts_with(&was.build_id) && !was.build_id.is_empty(),
            None => {
                was.build_id.is_empty() && was.end.0.checked_next_multiple_of(PAGE) == Some(module.range.end)
            }
        };
        let there = self.module_at(was.start.0).filter(|module| module.range.start == was.start.0);
        if there.as_ref().is_some_and(is_it) {
            return was.start.0.checked_add(frame.offset);
        }
        let elsewhere = self.modules.iter().filter(|module| module.build_id.is_some()).find(is_it)?;
        elsewhere.range.start.checked_add(frame.offset)
    }

    /// The mapping that an address lies in.
    pub fn mapping_at(&self, address: u64) -> Option<&Mapping> {
        let before = self.mappings.partition_point(|mapping| mapping.range.start <= address);
        self.mappings.get(before.checked_sub(1)?).filter(|mapping| mapping.range.contains(&address))
    }

    /// The regions of the tagged heap: what [`reader::Heap::read`] wants to be told.
    pub fn regions(&self) -> Vec<Address> {
        // A region begins with its header, so where memory of the region begins; but the kernel may have joined the end of one region
        // to the beginning of the next.
        let mut bases = Vec::new();
        for segment in self.memory.segments() {
            let Range { start, end } = segment.range();
            let arena_end = ARENA_BASE + ARENA_SLOTS * REGION_SIZE;
            let mut base = region_of(start.clamp(ARENA_BASE, arena_end) + (REGION_SIZE - 1));
            while base < end.min(arena_end) {
                bases.push(Address(base));
                base += REGION_SIZE;
            }
        }
        bases.dedup();
        reader::find(&self.memory, &bases)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fake, Module};
    use mcrx_allocator::abi::{ARENA_BASE, MAGIC, REGION_SIZE};
    use mcrx_allocator::reader::{self, Address};
    use mcrx_debuginfo::file::BuildId;

    fn module(start: u64, build_id: &[u8]) -> Module {
        let build_id = BuildId::new(build_id);
        Module { path: "/some".into(), build_id, bias: start, range: start..start + 0x2000, tls: None }
    }

    /// Where an address lies in a process with a module at 0x10_0000, that was 0x80 bytes into this one.
    fn found(now: &[u8], was: (u64, u64, &[u8])) -> Option<u64> {
        let process = Fake::new().module(module(0x10_0000, now)).process();
        let (start, end, id) = was;
        let was = reader::Module { start: Address(start), end: Address(end), build_id: id.into() };
        process.frame_address(&reader::Frame { module: Some(&was), offset: 0x80 })
    }

    #[test]
    fn a_return_address_is_in_the_file_that_it_was_in_wherever_that_is_loaded_now() {
        let long = [7; 64];
        assert_eq!(found(b"same", (0x10_0000, 0x10_2000, b"same")), Some(0x10_0080));
        assert_eq!(found(&long, (0x10_0000, 0x10_2000, &long[..32])), Some(0x10_0080));
        assert_eq!(found(b"same", (0x70_0000, 0x70_2000, b"same")), Some(0x10_0080));
    }

    #[test]
    fn a_return_address_is_in_no_file_that_has_come_in_the_place_of_its_own() {
        assert_eq!(found(b"other", (0x10_0000, 0x10_2000, b"some")), None);
        assert_eq!(found(b"other", (0x10_0000, 0x10_2000, b"")), None);
        assert_eq!(found(b"", (0x10_0000, 0x10_2000, b"some")), None);
    }

    #[test]
    fn a_file_without_build_id_is_known_by_its_extent() {
        assert_eq!(found(b"", (0x10_0000, 0x10_1234, b"")), Some(0x10_0080));
        assert_eq!(found(b"", (0x10_0000, 0x10_2000, b"")), Some(0x10_0080));
        assert_eq!(found(b"", (0x10_0000, 0x10_3000, b"")), None);
        assert_eq!(found(b"", (0x70_0000, 0x70_2000, b"")), None);
    }

    #[test]
    fn regions_are_found_by_their_magic_also_inside_a_segment() {
        let third = ARENA_BASE + 2 * REGION_SIZE;
        let process = Fake::new()
            .words(ARENA_BASE, &[MAGIC, 0])
            .words(ARENA_BASE + REGION_SIZE, &[7, 0])
            // The end of one region, joined to the beginning of the next.
            .words(third - 8, &[0, MAGIC, 0])
            .words(0x1000, &[MAGIC])
            .process();
        assert_eq!(process.regions(), [Address(ARENA_BASE), Address(third)]);
    }
}
