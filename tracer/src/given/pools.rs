//! How much of its blocks a pool has handed out, as facts say (`scratch ngx_pool_data_t [last .. end]`).
//!
//! What a block of a pool begins with is asked of its site; and where that says nothing, a type that scratch is told of is believed if by it
//! the scratch ends with the block, to the byte: chance does not do that.

use super::BySite;
use crate::blocks::Block;
use crate::image::Memory;
use crate::model::{Model, Ty};

/// From which address on nothing of a pool's block is in use.
pub(super) fn end_of_use(memory: &Memory, model: &Model<'_>, sites: &BySite, pool: &Block) -> Option<u64> {
    let end = pool.address.checked_add(pool.len)?;
    let free = |ty: Ty| {
        let len = model.map(ty).size.min(pool.len);
        let bytes = memory.bytes(pool.address, usize::try_from(len).ok()?)?;
        let mut scratch = model.scratch(memory, ty, pool.address, bytes).into_iter();
        scratch.find(|free| free.start >= pool.address && free.start <= end && free.end >= end)
    };
    let given = sites.of_block(pool).filter(|given| given.offset == 0);
    if let Some(free) = given.and_then(|given| free(given.ty)) {
        return Some(free.start);
    }
    let owners = model.facts().scratch.iter().filter_map(|scratch| model.named(&scratch.owner));
    owners.filter_map(free).find(|free| free.end == end).map(|free| free.start)
}
