//! The header of a region, read and checked.

use super::decode::{u32_at, u64_at};
use super::{Address, Epoch, Era, Error, Memory, Table};
use crate::abi::{
    self, ARENA_BASE, ARENA_SLOTS, DATA_OFFSET, FIRST_SLICE, FRAMES_MAX, HEAPS_MAX, MAGIC, MODULES_MAX,
    PLACED_MAX, REGION_SIZE, SITES_MAX, SLICE_SIZE, VERSION, is_region_base,
};
use std::mem::offset_of;

/// What a region says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Where it lies.
    pub base: Address,
    /// Whose it is.
    pub epoch: Epoch,
    /// See [`Era`].
    pub era: Era,
    /// A next release has taken over: nothing new is made here, and it goes with its last block.
    pub draining: bool,
    /// Of a home region: the other regions of the process, bit `i` for the one at place `i` of the arena.
    pub(super) adopted: u64,
    /// Slices below this index have been dealt out at some time.
    pub(super) high: u32,
    pub(super) sites: u32,
    pub(super) frames: u32,
    pub(super) modules: u32,
    pub(super) placed: u32,
}

impl Header {
    pub(super) fn read(memory: &(impl Memory + ?Sized), base: Address) -> Result<Header, Error> {
        if !is_region_base(base.0) {
            return Err(Error::Misplaced(base));
        }
        let mut bytes = [0; size_of::<abi::Header>()];
        memory.read(base, &mut bytes).map_err(Error::unreadable(base, Table::Header))?;
        Fields { base, bytes: &bytes }.check()
    }
}

impl Header {
    /// Of the region in which new blocks are made: the other regions of the process.
    pub fn adopted(&self) -> impl Iterator<Item = Address> + use<> {
        let places = self.adopted;
        (0..ARENA_SLOTS)
            .filter(move |place| places >> place & 1 == 1)
            .map(|place| Address(ARENA_BASE + place * REGION_SIZE))
    }
}

/// Whether a heap begins at `base`, of whatever version.
pub(super) fn has_magic(memory: &(impl Memory + ?Sized), base: Address) -> bool {
    let mut magic = [0; 8];
    memory.read(base, &mut magic).is_ok() && u64::from_le_bytes(magic) == MAGIC
}

struct Fields<'a> {
    base: Address,
    bytes: &'a [u8],
}

impl Fields<'_> {
    fn check(&self) -> Result<Header, Error> {
        let base = self.base;
        let found = u64_at(self.bytes, offset_of!(abi::Header, magic));
        if found != MAGIC {
            return Err(Error::Magic { base, found });
        }
        // Before any other field, which another version may have elsewhere.
        let found = u32_at(self.bytes, offset_of!(abi::Header, version));
        if found != VERSION {
            return Err(Error::Version { base, found });
        }
        self.u64("the base", offset_of!(abi::Header, base), base.0, base.0)?;
        let size = self.u64("the size", offset_of!(abi::Header, size), DATA_OFFSET, REGION_SIZE)?;
        let slices = u32::try_from(size / SLICE_SIZE).unwrap_or(u32::MAX);
        self.u32("the number of heaps", offset_of!(abi::Header, heaps), 0, HEAPS_MAX)?;
        Ok(Header {
            base,
            epoch: Epoch(u32_at(self.bytes, offset_of!(abi::Header, epoch))),
            era: Era(u32_at(self.bytes, offset_of!(abi::Header, era))),
            draining: self.u32("the draining mark", offset_of!(abi::Header, draining), 0, 1)? == 1,
            adopted: self.adopted()?,
            high: self.u32("the number of slices", offset_of!(abi::Header, high), FIRST_SLICE, slices)?,
            sites: self.u32("the number of sites", offset_of!(abi::Header, sites), 1, SITES_MAX)?,
            frames: self.u32("the number of frames", offset_of!(abi::Header, frames), 0, FRAMES_MAX)?,
            modules: self.u32("the number of modules", offset_of!(abi::Header, modules), 1, MODULES_MAX)?,
            placed: self.u32(
                "the number of placed blocks",
                offset_of!(abi::Header, placed),
                0,
                PLACED_MAX,
            )?,
        })
    }

    fn adopted(&self) -> Result<u64, Error> {
        let places = u64_at(self.bytes, offset_of!(abi::Header, adopted));
        let own = (self.base.0 - ARENA_BASE) / REGION_SIZE;
        if places >> own & 1 == 1 {
            return Err(Error::AdoptsItself { base: self.base });
        }
        Ok(places)
    }

    fn u32(&self, field: &'static str, offset: usize, least: u32, most: u32) -> Result<u32, Error> {
        let found = u32_at(self.bytes, offset);
        self.within(field, found.into(), least.into(), most.into())?;
        Ok(found)
    }

    fn u64(&self, field: &'static str, offset: usize, least: u64, most: u64) -> Result<u64, Error> {
        let found = u64_at(self.bytes, offset);
        self.within(field, found, least, most)?;
        Ok(found)
    }

    fn within(&self, field: &'static str, found: u64, least: u64, most: u64) -> Result<(), Error> {
        if (least..=most).contains(&found) {
            return Ok(());
        }
        Err(Error::Header { base: self.base, field, found, least, most })
    }
}
