//! A second reader, as simple as can be: one word at a time, no tables, straight from the documentation of `abi`, sharing no code with
//! the first but the constants. What it holds to be a heap, and what it finds in it, the first must too.

use crate::forge::Forged;
use crate::sparse::{PAGE, Sparse};
use mcrx_allocator::abi::{
    ARENA_BASE, ARENA_SLOTS, DATA_OFFSET, DESCRIPTORS_OFFSET, Descriptor, FIRST_SLICE, Header, PLACED_OFFSET,
    Placed, REGION_SIZE, SLICE_SIZE, VERSION,
};
use std::mem::offset_of;

/// Sizes of blocks by class: 16 apart up to 128, then eight to each doubling. Class 0 is none.
fn block_sizes() -> Vec<u64> {
    let mut sizes = vec![0];
    sizes.extend((1..=8).map(|step| step * 16));
    let mut doubling = 128;
    while doubling < 65_536 {
        sizes.extend((1..=8).map(|step| doubling + step * doubling / 8));
        doubling *= 2;
    }
    sizes
}

/// Bytes of the slab, offset of its first tag, offset of its first block, blocks that fit, bytes of each.
struct Layout {
    bytes: u64,
    tags: u64,
    first: u64,
    limit: u64,
    size: u64,
}

fn layout(size: u64, slice: u64) -> Layout {
    let bytes = if size <= 8192 { 65_536 } else { 8 * 65_536 };
    let mut align = 4096;
    while !size.is_multiple_of(align) {
        align /= 2;
    }
    let tags = slice % 8 * 64;
    let first_for = |blocks: u64| (tags + blocks * 8).div_ceil(align) * align;
    let mut limit = (bytes - tags) / (size + 8);
    while first_for(limit) + limit * size > bytes {
        limit -= 1;
    }
    Layout { bytes, tags, first: first_for(limit), limit, size }
}

/// The live blocks by address, or nothing if this is no heap.
pub(crate) fn enumerate(memory: &Sparse, base: u64) -> Option<Vec<Forged>> {
    let arena = ARENA_BASE..ARENA_BASE + ARENA_SLOTS * REGION_SIZE;
    let may_be_base = |address: u64| arena.contains(&address) && address.is_multiple_of(REGION_SIZE);
    if !may_be_base(base) {
        return None;
    }
    let word = |offset: usize| memory.u64(base + offset as u64);
    let half = |offset: usize| memory.u32(base + offset as u64);
    if word(0)? != u64::from_le_bytes(*b"mcrxheap") || half(8)? != VERSION || word(16)? != base {
        return None;
    }
    let size = word(offset_of!(Header, size))?;
    let adopted = word(offset_of!(Header, adopted))?;
    let adopted_fits = adopted >> ((base - ARENA_BASE) / REGION_SIZE) & 1 == 0;
    let high = u64::from(half(offset_of!(Header, high))?);
    let sites = half(offset_of!(Header, sites))?;
    let fits = (DATA_OFFSET..=REGION_SIZE).contains(&size)
        && half(offset_of!(Header, draining))? <= 1
        && adopted_fits
        && high >= u64::from(FIRST_SLICE)
        && high * SLICE_SIZE <= size
        && half(offset_of!(Header, heaps))? <= 65_536
        && (1..=1 << 20).contains(&sites)
        && half(offset_of!(Header, frames))? <= 1 << 24
        && (1..=4096).contains(&half(offset_of!(Header, modules))?)
        && half(offset_of!(Header, placed))? <= 4096;
    // The whole header is one read of the other reader's.
    memory.u64(base + size_of::<Header>() as u64 - 8)?;
    if !fits {
        return None;
    }
    let sizes = block_sizes();
    let mut blocks = Vec::new();
    let mut slice = u64::from(FIRST_SLICE);
    while slice < high {
        let descriptor = base + DESCRIPTORS_OFFSET + slice * 128;
        let field = |offset: usize| memory.u64(descriptor + offset as u64);
        let start = base + slice * SLICE_SIZE;
        let bits = field(offset_of!(Descriptor, word))?;
        let (kind, class, slices) = (bits & 0xFF, bits >> 8 & 0xFF, bits >> 32);
        if slices == 0 || slices > high - slice {
            return None;
        }
        match kind {
            1 | 6 | 7 | 8 => {}
            3 => {
                let size = *sizes.get(usize::try_from(class).ok()?).filter(|size| **size > 0)?;
                let layout = layout(size, slice);
                if slices * SLICE_SIZE != layout.bytes {
                    return None;
                }
                slab(memory, descriptor, start, &layout, sites, &mut blocks)?;
            }
            5 => {
                let size = field(offset_of!(Descriptor, size))?;
                let tag = field(offset_of!(Descriptor, tag))?;
                let usable = if size == 0 { PAGE } else { size.checked_add(PAGE - 1)? / PAGE * PAGE };
                if tag & 1 != 0 {
                    blocks.push(large(start, size, usable, slices * SLICE_SIZE, tag, sites)?);
                }
            }
            _ => return None,
        }
        slice += slices;
    }
    // The other reader reads the descriptors in pieces that end at `high`, not word by word.
    for slice in u64::from(FIRST_SLICE)..high {
        memory.u64(base + DESCRIPTORS_OFFSET + slice * 128)?;
    }
    placed(memory, base, sites, &mut blocks)?;
    blocks.sort();
    Some(blocks)
}

fn slab(
    memory: &Sparse,
    descriptor: u64,
    start: u64,
    layout: &Layout,
    sites: u32,
    blocks: &mut Vec<Forged>,
) -> Option<()> {
    let half = |offset: usize| memory.u32(descriptor + offset as u64).map(u64::from);
    let capacity = half(offset_of!(Descriptor, capacity))?;
    if capacity > layout.limit {
        return None;
    }
    let reciprocal = u64::MAX / layout.size + 1;
    let described = memory.u64(descriptor + offset_of!(Descriptor, reciprocal) as u64)? == reciprocal
        && half(offset_of!(Descriptor, first))? == layout.first
        && half(offset_of!(Descriptor, block_size))? == layout.size
        && half(offset_of!(Descriptor, tags))? == layout.tags;
    if capacity > 0 && !described {
        return None;
    }
    for number in 0..capacity {
        let tag = memory.u64(start + layout.tags + 8 * number)?;
        if tag & 1 == 0 {
            continue;
        }
        let block = Forged {
            address: start + layout.first + number * layout.size,
            requested: tag >> 2 & 0x3_FFFF,
            usable: layout.size,
            site: u32::try_from(tag >> 20 & 0xF_FFFF).ok()?,
            generation: u32::try_from(tag >> 40).ok()?,
            whole: tag & 2 != 0,
        };
        if block.requested > layout.size || block.site >= sites {
            return None;
        }
        blocks.push(block);
    }
    Some(())
}

fn large(address: u64, requested: u64, usable: u64, room: u64, tag: u64, sites: u32) -> Option<Forged> {
    let site = u32::try_from(tag >> 20 & 0xF_FFFF).ok()?;
    if requested > room || site >= sites || tag >> 2 & 0x3_FFFF != 0 {
        return None;
    }
    let generation = u32::try_from(tag >> 40).ok()?;
    Some(Forged { address, requested, usable, site, generation, whole: tag & 2 != 0 })
}

fn placed(memory: &Sparse, base: u64, sites: u32, blocks: &mut Vec<Forged>) -> Option<()> {
    let count = u64::from(memory.u32(base + offset_of!(Header, placed) as u64)?);
    let mut found: Vec<Forged> = Vec::new();
    for row in 0..count {
        let at = base + PLACED_OFFSET + 32 * row;
        let address = memory.u64(at + offset_of!(Placed, address) as u64)?;
        let size = memory.u64(at + offset_of!(Placed, size) as u64)?;
        let tag = memory.u64(at + offset_of!(Placed, tag) as u64)?;
        let room = memory.u64(at + offset_of!(Placed, room) as u64)?;
        if tag & 1 == 0 {
            continue;
        }
        let end = address.checked_add(room)?;
        let fits = room > 0 && room <= REGION_SIZE && address > 0 && address.is_multiple_of(16);
        let in_region = address < base + REGION_SIZE && base < end;
        let meets = |other: &Forged| address < other.address + other.usable && other.address < end;
        if !fits || in_region || found.iter().any(meets) {
            return None;
        }
        found.push(large(address, size, room, room, tag, sites)?);
    }
    blocks.extend(found);
    Some(())
}
