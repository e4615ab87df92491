//! Blocks that lie outside their region, because somebody else chose their addresses.

use super::decode::{index, u64_at};
use super::header::Header;
use super::tags::{known_sites, large_fault};
use super::{Address, BlockFault, Consistency, Error, Memory, Table};
use crate::abi::{self, PLACED_OFFSET, REGION_SIZE, Tag};
use std::mem::offset_of;

/// Placed blocks are aligned to this much.
const ALIGN: u64 = 16;

/// A live block outside the regions.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlacedBlock {
    /// The region whose table has it.
    pub(super) region: Address,
    pub(super) address: Address,
    pub(super) size: u64,
    pub(super) room: u64,
    pub(super) tag: Tag,
}

impl PlacedBlock {
    pub(super) fn end(&self) -> u64 {
        self.address.0 + self.room
    }
}

/// The live placed blocks of a region, and how many rows made no sense, in a running process.
pub(super) fn read(
    memory: &(impl Memory + ?Sized),
    header: &Header,
    consistency: Consistency,
) -> Result<(Vec<PlacedBlock>, u64), Error> {
    let base = header.base;
    let size = size_of::<abi::Placed>();
    let mut bytes = vec![0; index(header.placed) * size];
    if !bytes.is_empty() {
        memory
            .read(Address(base.0 + PLACED_OFFSET), &mut bytes)
            .map_err(Error::unreadable(base, Table::Placed))?;
    }
    let (mut blocks, mut torn) = (Vec::new(), 0);
    for row in bytes.chunks_exact(size) {
        let block = PlacedBlock {
            region: base,
            address: Address(u64_at(row, offset_of!(abi::Placed, address))),
            size: u64_at(row, offset_of!(abi::Placed, size)),
            room: u64_at(row, offset_of!(abi::Placed, room)),
            tag: Tag(u64_at(row, offset_of!(abi::Placed, tag))),
        };
        if !block.tag.is_live() {
            continue;
        }
        match fault(&block, known_sites(header, consistency)) {
            None => blocks.push(block),
            Some(fault) if consistency == Consistency::Stopped => {
                return Err(Error::Block { base, at: block.address, fault });
            }
            Some(_) => torn += 1,
        }
    }
    Ok((blocks, torn))
}

fn fault(block: &PlacedBlock, sites: u32) -> Option<BlockFault> {
    let start = block.address.0;
    let room = (1..=REGION_SIZE).contains(&block.room) && start.checked_add(block.room).is_some();
    if start == 0 || !start.is_multiple_of(ALIGN) || !room {
        return Some(BlockFault::Place(block.room));
    }
    large_fault(block.size, block.room, block.tag, sites)
}

/// Sorts the placed blocks of all regions by address, and sees that none lies on another or in a region.
pub(super) fn arrange(
    mut blocks: Vec<PlacedBlock>,
    consistency: Consistency,
    in_region: impl Fn(u64) -> bool,
) -> Result<(Vec<PlacedBlock>, u64), Error> {
    blocks.sort_by_key(|block| block.address);
    let (mut kept, mut torn) = (Vec::<PlacedBlock>::with_capacity(blocks.len()), 0);
    for block in blocks {
        let fault = match kept.last() {
            Some(before) if before.end() > block.address.0 => Some(BlockFault::Overlap(before.address)),
            // No longer than a region, so it holds none that its ends are not in.
            _ if in_region(block.address.0) || in_region(block.end() - 1) => {
                Some(BlockFault::Place(block.room))
            }
            _ => None,
        };
        match fault {
            None => kept.push(block),
            Some(fault) if consistency == Consistency::Stopped => {
                return Err(Error::Block { base: block.region, at: block.address, fault });
            }
            Some(_) => torn += 1,
        }
    }
    Ok((kept, torn))
}
