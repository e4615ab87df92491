//! One process of an image.

use super::{Mapping, Memory, Module, Thread};
use mcrx_allocator::abi::{ARENA_BASE, ARENA_SLOTS, REGION_SIZE, region_of};
use mcrx_allocator::reader::{self, Address};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::PathBuf;

/// A process, as it was at the image's instant.
#[derive(Debug, Serialize, Deserialize)]
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
    use super::super::Fake;
    use mcrx_allocator::abi::{ARENA_BASE, MAGIC, REGION_SIZE};
    use mcrx_allocator::reader::Address;

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
