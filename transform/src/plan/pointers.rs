//! The pointers of one old object, to be redirected wherever no recipe has done so: in what is unchanged, in unions, behind `void *`.

use super::world::View;
use crate::map::{AddressMap, Landing};
use crate::side::Side;
use mcrx_dsl::eval::World as _;
use mcrx_tracer::graph::Node;
use mcrx_tracer::model::Sort;

/// A word that is a pointer, or may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    /// Bytes from the start of the block or variable.
    pub(super) offset: u64,
    /// All of it.
    pub(super) word: u64,
    /// The address in it.
    pub(super) address: u64,
    /// Its type says that it is one.
    pub(super) is_sure: bool,
}

/// Those of a node.
pub(super) fn of(side: &Side<'_>, node: Node, address: u64) -> Vec<Word> {
    let mut words = Vec::new();
    side.trace.pointers(node, &mut |pointer| {
        let Some(word) = side.process().memory.word(address.wrapping_add(pointer.offset)) else { return };
        let is_sure = pointer.sort != Sort::Likely;
        words.push(Word { offset: pointer.offset, word, address: pointer.word, is_sure });
    });
    words
}

/// Those that hold more than an address.
pub(super) fn tagged(words: &[Word]) -> Vec<(u64, u64)> {
    words.iter().filter(|word| word.word != word.address).map(|word| (word.word, word.address)).collect()
}

/// Redirects those of an object that was made by copying. `place`: where an old offset lies in it.
pub(super) fn redirect(
    words: &[Word],
    place: impl Fn(u64) -> Option<u64>,
    bytes: &mut [u8],
    map: &AddressMap<'_>,
    view: &View<'_, '_>,
) {
    for word in words {
        let Some(start) = place(word.offset).and_then(|start| usize::try_from(start).ok()) else { continue };
        let Some(there) = bytes.get_mut(start..start.saturating_add(8)) else { continue };
        // A recipe has made something else of it.
        if *there != word.word.to_le_bytes() {
            continue;
        }
        let new = match (word.is_sure, map.get(word.address)) {
            (_, Landing::Same | Landing::Left) => continue,
            (_, Landing::At(new)) => Some(new.wrapping_add(word.word.wrapping_sub(word.address))),
            (true, Landing::Nothing(_)) => view.counterpart(word.word),
            // It is most likely none.
            (false, Landing::Nothing(_)) => continue,
        };
        if let Some(new) = new {
            there.copy_from_slice(&new.to_le_bytes());
        }
    }
}
