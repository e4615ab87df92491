//! The reader against heaps made up for the purpose, whole and damaged, and against real processes.

mod agreement;
mod damage;
mod forge;
mod live;
mod naive;
mod program;
mod refusals;
mod running;
mod sparse;

use forge::{Forged, Forgery};
use mcrx_allocator::reader::{Address, Block, Consistency, Error, Heap, Limits};

/// Pseudo-random bytes, the same for a seed each time (xorshift64*, Marsaglia and Vigna).
fn random_bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend(state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes
}

/// Bytes of decisions that make a heap and some damage.
const DECISIONS: usize = 16_384;

fn read(forgery: &Forgery) -> Result<Heap, Error> {
    Heap::read(&forgery.memory, &[Address(forgery.base)], Consistency::Stopped, Limits::default())
}

fn forged(block: Block) -> Forged {
    Forged {
        address: block.address.0,
        requested: block.requested,
        usable: block.usable,
        site: block.site.id.0,
        generation: block.generation.0,
        whole: block.whole,
    }
}

/// The blocks that the reader sees, by address.
fn blocks(heap: &Heap) -> Vec<Forged> {
    let mut blocks: Vec<Forged> = heap.blocks().map(forged).collect();
    blocks.sort();
    blocks
}
